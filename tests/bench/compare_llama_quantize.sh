#!/bin/bash
# `pio quantize` and llama-quantize in turn on the same weights, two threads each: a line a recipe with processor seconds (of a shared machine
# the clock says nothing) and the relative RMSE of each format as pio, llama.cpp.
#   compare_llama_quantize.sh FULL.gguf LLAMA_BIN [ROUNDS]     FULL.gguf: quantize_bench make FULL.gguf; LLAMA_BIN: the folder of llama-quantize
set -eu
full=$1 llama=$2 rounds=${3:-2}
bin=$(dirname "$0")/../../build/release/bin
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
TIMEFORMAT='%U %S'
seconds() { { time "$@" > "$folder/log" 2>&1; } 2>&1 | tail -1 | awk '{print $1 + $2}'; }
for type in F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K_S Q4_K_S Q5_K_S Q6_K IQ4_NL IQ4_XS; do
  ours=() theirs=()
  for ((i = 0; i < rounds; ++i)); do
    rm -f "$folder"/*.gguf
    ours+=("$(seconds "$bin/pio" quantize "$full" "$folder/a.gguf" $type --threads 2)")
    theirs+=("$(seconds "$llama/llama-quantize" "$full" "$folder/b.gguf" $type 2)")
  done
  echo "$type pio ${ours[*]} llama.cpp ${theirs[*]}" \
    "$(join <("$bin/quantize_bench" error "$full" "$folder/a.gguf" | sort) <("$bin/quantize_bench" error "$full" "$folder/b.gguf" | sort) |
       awk '$1 != "F32" {printf "| %s %s %s ", $1, $3, $5}')"
done
