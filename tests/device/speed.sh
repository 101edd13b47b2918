#!/usr/bin/env bash
# Whether a decoded token takes no longer on this machine's card than the bytes it reads at 0.85 of the rate of plain reads in the same run, and 4
# microseconds a command: 4B in Q4_K_M and F16, Coder and GLM cut to 12 layers, with seeded random weights made on the card. At most 4 minutes. What was
# found goes to OUT/DATE-card-speed.md. With PIO_VULKAN_SOFTWARE=1 only whether it runs, in small: a renderer on the processor computes longer than it reads.
# usage: speed.sh [FOLDER OF THE PROGRAMS, build/portable/bin] [OUT, tests/bench/results]
set -euo pipefail
bin=$(realpath "${1:-$(dirname "${BASH_SOURCE[0]}")/../../build/portable/bin}")
out=$(realpath "${2:-$(dirname "${BASH_SOURCE[0]}")/../bench/results}")
card=$("$bin/pio" devices --json | python3 -c '
import json, sys
cards = [d for d in json.load(sys.stdin)["devices"] if d["kind"] == "vulkan"]
print(cards[0]["detail"] if cards else "")')
if [ -z "$card" ]; then
  echo "No card that the Vulkan backend can use:" >&2
  "$bin/pio" devices >&2
  exit 1
fi
how=()
if [ "${PIO_VULKAN_SOFTWARE:-}" = 1 ]; then how=(--layers 1 --scale 8 --rounds 2); fi
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
begun=$SECONDS status=0
timeout 240 "$bin/device_bench" "${how[@]}" >"$lines" || status=$?
{
  # shellcheck disable=SC2016  # the marks of code in the text
  printf '# %s: how fast a token is, %s\n\nBy `tests/device/speed.sh`%s.\n\n```\n' "$card" "$(date +%F)" "${how:+, in small (${how[*]})}"
  cat "$lines"
  printf '```\n\n%s seconds in all.\n' "$((SECONDS - begun))"
} | tee "$out/$(date +%F)-card-speed.md"
if [ "$status" -eq 124 ]; then echo "no time left after 240 seconds" >&2; fi
if [ "$status" -eq 1 ] && [ "${#how[@]}" -gt 0 ]; then status=0; fi # it ran, and is slower
exit "$status"
