#!/usr/bin/env bash
# Packages, grammars, then configures and builds the preset `release`. Prints to standard error only.
# usage: build.sh [--test]      --test: with the tests and what they need
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

with_tests=OFF
if [ "${1:-}" = --test ]; then
  with_tests=ON
  bash installer/packages.sh --test
else
  bash installer/packages.sh
fi
# Syntax colours come from sources that are fetched; without them code is shown plain.
bash installer/fetch_grammars.sh >&2 || echo "Going on without syntax colours" >&2

# Where there is nvcc: kernels for this machine's cards, as each kind takes minutes; where it has none, for one kind and those that come after it.
cards=80
if [ $with_tests = OFF ] && found=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null); then
  found=$(tr -d . <<<"$found" | awk '/^[0-9]+$/ && $1 >= 75' | sort -nu | paste -sd ';')  # nvcc 13 knows none before 7.5
  cards=${found:-$cards}
fi
log=build/release/configure.log
mkdir -p build/release
if ! cmake --preset release -DPIO_TESTS=$with_tests "-DPIO_CUDA_ARCHITECTURES=$cards" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
cmake --build --preset release >&2
