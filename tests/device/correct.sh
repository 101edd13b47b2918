#!/usr/bin/env bash
# Whether the Vulkan backend computes right on this machine's card, in 3 minutes: every op against the reference, the launches of a step, lost devices,
# the tiny models' logits on the card. Splits are tried where the program knows them. Not a word of a renderer in software, unless it is asked for
# (PIO_VULKAN_SOFTWARE=1), and no driver is no success.
# usage: correct.sh [FOLDER OF THE PROGRAMS, build/portable/bin]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bin=${1:-build/portable/bin}
begun=$SECONDS
card=$("$bin/pio" devices --json | python3 -c '
import json, sys
cards = [d for d in json.load(sys.stdin)["devices"] if d["kind"] == "vulkan"]
print(cards[0]["detail"] if cards else "")')
if [ -z "$card" ]; then
  echo "No card that the Vulkan backend can use:" >&2
  "$bin/pio" devices >&2
  exit 1
fi
echo "card: $card"
failed=()
try() {
  local name=$1 begun=$SECONDS status=0
  shift
  "$@" >"$words" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then
    failed+=("$name")
    tail -n 40 "$words"
  fi
  printf '%-24s %s, %s s\n' "$name" "$([ "$status" -eq 0 ] && echo passed || echo FAILED)" "$((SECONDS - begun))"
}
words=$(mktemp)
trap 'rm -f "$words"' EXIT

try conformance "$bin/conformance_test" --gtest_brief=1 --gtest_filter='*/vulkan*'
for program in forward_test mixture_test; do
  if [ -x "$bin/$program" ]; then try "exactness, $program" "$bin/$program" --gtest_brief=1 --gtest_filter='*vulkan*'; fi
done
# The tests' own layer admits renderers in software: beside a card they are not what is to be proven.
if [ "${PIO_VULKAN_SOFTWARE:-}" = 1 ] && [ -x "$bin/vulkan_launches_test" ]; then try launches "$bin/vulkan_launches_test" --gtest_brief=1; fi
if [ -x "$bin/split_test" ]; then try split "$bin/split_test" --gtest_brief=1; fi

echo "$((SECONDS - begun)) s in all"
[ "${#failed[@]}" -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
