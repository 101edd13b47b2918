#!/usr/bin/env bash
# Whether the Vulkan backend computes right on this machine's card, in 3 minutes: every op against the reference, the tiny models' logits on the card, and
# their greedy answers on the card, on card and processor, and on two cards. A renderer in software is no card, unless it is asked for
# (PIO_VULKAN_SOFTWARE=1: then the commands of a step are counted too); no card is no success. What was found goes to OUT/DATE-card-correct.md.
# usage: correct.sh [FOLDER OF THE PROGRAMS, build/portable/bin] [OUT, tests/bench/results]
set -euo pipefail
bin=$(realpath "${1:-$(dirname "${BASH_SOURCE[0]}")/../../build/portable/bin}")
out=$(realpath "${2:-$(dirname "${BASH_SOURCE[0]}")/../bench/results}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PIO_TEST_SOURCE=$PWD # where the programs find the models, wherever they were built
begun=$SECONDS
most=$((begun + ${PIO_DEVICE_SECONDS:-180}))
cards=$("$bin/pio" devices --json | python3 -c '
import json, sys
cards = [d for d in json.load(sys.stdin)["devices"] if d["kind"] == "vulkan"]
print(",".join(d["name"] for d in cards), "; ".join(d["detail"] for d in cards), sep="\t")')
names=${cards%%$'\t'*} details=${cards#*$'\t'}
if [ -z "$names" ]; then
  echo "No card that the Vulkan backend can use:" >&2
  "$bin/pio" devices >&2
  exit 1
fi
report=$out/$(date +%F)-card-correct.md
words=$(mktemp)
trap 'rm -f "$words"' EXIT
say() { printf '%s\n' "$@" | tee -a "$report"; }
: >"$report"
say "# $details: whether it computes right, $(date +%F)" "" "By \`tests/device/correct.sh\`." "" "| | | seconds | tests |" "| --- | --- | --- | --- |"
failed=()
# try NAME COMMAND…: what says nothing but that it skipped has not passed
try() {
  local name=$1 start=$SECONDS status=0 verdict=passed
  shift
  timeout "$((most > SECONDS ? most - SECONDS : 1))" "$@" >"$words" 2>&1 || status=$?
  local n_passed n_skipped
  n_passed=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) tests\?.*/\1/p' "$words" | tail -n 1)
  n_skipped=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) tests\?.*/\1/p' "$words" | tail -n 1)
  if [ "$status" -eq 124 ]; then verdict="no time left"; elif [ "$status" -ne 0 ]; then verdict=FAILED; elif [ "${n_passed:-1}" -eq 0 ]; then verdict="all skipped"; fi
  [ "$verdict" = passed ] || failed+=("$name")
  say "| $name | $verdict | $((SECONDS - start)) | ${n_passed:-}${n_skipped:+, $n_skipped skipped} |"
  if [ "$verdict" != passed ]; then tail -n 40 "$words" >&2; fi
}

for program in conformance_test forward_test mixture_test; do
  if [ ! -x "$bin/$program" ]; then
    failed+=("$program")
    say "| $program | not built | | |"
  fi
done
[ ! -x "$bin/forward_test" ] || try "logits of the tiny models" "$bin/forward_test" --gtest_brief=1 --gtest_filter='*vulkan*'
[ ! -x "$bin/mixture_test" ] || try "mixtures and latent attention" "$bin/mixture_test" --gtest_brief=1 --gtest_filter='*/vulkan'
try "answers whole, split and on two" python3 tests/device/same_ids.py "$bin/pio" "$names" tests/data/models/{llama-tiny,qwen2-tiny,qwen3-tiny,qwen3-moe-tiny,glm4-moe-lite-mtp-tiny}
# The tests' own layer admits renderers in software: beside a card they are not what is to be proven.
if [ "${PIO_VULKAN_SOFTWARE:-}" = 1 ] && [ -x "$bin/vulkan_launches_test" ]; then try "commands of a step" "$bin/vulkan_launches_test" --gtest_brief=1; fi
[ ! -x "$bin/conformance_test" ] || try "every op" "$bin/conformance_test" --gtest_brief=1 --gtest_filter='*/vulkan*:-Backends.*'

say "" "$((SECONDS - begun)) seconds in all."
[ "${#failed[@]}" -eq 0 ] || { printf 'failed: %s\n' "${failed[*]}" >&2; exit 1; }
