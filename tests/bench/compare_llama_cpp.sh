#!/usr/bin/env bash
# Prefill and decode of pio and llama.cpp on one file, interleaved A-B-B-A, so that a machine whose speed drifts treats both alike.
# usage: compare_llama_cpp.sh MODEL.gguf FOLDER_OF_LLAMA_BENCH [BLOCKS=4] [THREADS]
# Prints each cell in tok/s, then the median of each and of the ratios pair by pair.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
model=$1 llama=$2/llama-bench blocks=${3:-4} threads=${4:-$(nproc)}
cells=$(mktemp)
trap 'rm -f "$cells"' EXIT

ours() {
  build/release/bin/pio bench "$model" -p 512 -n 128 -r 1 --threads "$threads" --json |
    python3 -c 'import json,sys; d=json.load(sys.stdin); print("pio", d["prefill"]["tokens_per_second"][0], d["decode"]["tokens_per_second"][0])'
}
theirs() {
  "$llama" -m "$model" -p 512 -n 128 -r 1 -t "$threads" -fa 1 -o json 2>/dev/null |
    python3 -c 'import json,sys; d={("p" if t["n_prompt"] else "n"): t["avg_ts"] for t in json.load(sys.stdin)}; print("llama.cpp", d["p"], d["n"])'
}
for ((block = 0; block < blocks; ++block)); do
  ours; theirs; theirs; ours
done | tee "$cells"
python3 - "$cells" <<'PY'
import statistics, sys
rows = [line.split() for line in open(sys.argv[1])]
mine = [r for r in rows if r[0] == "pio"]
peer = [r for r in rows if r[0] != "pio"]
for column, name in ((1, "prefill 512"), (2, "decode 128")):
    a, b = [float(r[column]) for r in mine], [float(r[column]) for r in peer]
    ratios = sorted(x / y for x, y in zip(a, b))
    print(f"{name}: pio {statistics.median(a):.1f}, llama.cpp {statistics.median(b):.1f} tok/s; "
          f"ratio median {statistics.median(ratios):.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f} over {len(ratios)} pairs")
PY
