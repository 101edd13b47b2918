#!/usr/bin/env bash
# Whether a decoded token takes no longer on this machine's card than the bytes it reads at 0.85 of the rate of plain reads in the same run, and 4
# microseconds a command: 4B in Q4_K_M and F16, Coder and GLM cut to 12 layers, with seeded random weights made on the card. At most 4 minutes. With
# PIO_VULKAN_SOFTWARE=1 only that it runs, in small: a renderer on the processor computes longer than it reads.
# usage: speed.sh [FOLDER OF THE PROGRAMS, build/portable/bin]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bin=${1:-build/portable/bin}
"$bin/pio" devices
if [ "${PIO_VULKAN_SOFTWARE:-}" = 1 ]; then
  "$bin/device_bench" --layers 1 --scale 8 --rounds 2 || [ $? -eq 1 ]
else
  timeout 240 "$bin/device_bench"
fi
