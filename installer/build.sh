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

# Kernels for one kind of NVIDIA's cards where there is nvcc: tests have no card, and each kind takes minutes.
options=()
if [ $with_tests = ON ]; then options+=(-DPIO_CUDA_ARCHITECTURES=80); fi
log=build/release/configure.log
mkdir -p build/release
if ! cmake --preset release -DPIO_TESTS=$with_tests "${options[@]}" >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
cmake --build --preset release >&2
