#!/usr/bin/env bash
# The greedy words of pio's exact path and of llama.cpp (float32 cache, no flash attention) on the same GGUF files, from the same texts.
# usage: compare_greedy_llama_cpp.sh FOLDER_OF_LLAMA_COMPLETION FILE.gguf…
# llama.cpp also ends at <|fim_pad|>, <|repo_name|> and <|file_sep|>, which are no end of a turn: then its words must begin ours.
# Files of F32, F16 or BF16 weights: with others llama.cpp rounds activations to 8 bits, and narrow random models flip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec python3 - "$@" <<'PY'
import subprocess, sys
llama, files = sys.argv[1] + "/llama-completion", sys.argv[2:]
same = total = 0
for file in files:
    for text in ("The quick brown fox", "def add(a, b):", "12 + 30 ="):
        ours = subprocess.run(["build/release/bin/pio", "complete", file, "--prompt", text, "--greedy", "--max-tokens", "24", "--kv", "f32",
                               "--activations", "f32"], capture_output=True).stdout.decode(errors="replace")
        theirs = subprocess.run([llama, "-m", file, "-p", text, "-n", "24", "--temp", "0", "--no-escape", "-no-cnv", "--no-display-prompt",
                                 "--no-warmup", "-t", "2", "-ctk", "f32", "-ctv", "f32", "-fa", "off", "--simple-io"],
                                stdin=subprocess.DEVNULL, capture_output=True).stdout.decode(errors="replace")
        ours, theirs = ours.removesuffix("\n").rstrip("\ufffd"), theirs.replace(" [end of text]\n\n", "").rstrip("\n").rstrip("\ufffd")
        total += 1
        holds = ours == theirs or (len(theirs) > 0 and ours.startswith(theirs))
        same += holds
        if not holds:
            print(f"{file}, {text!r}:\n  pio        {ours!r}\n  llama.cpp  {theirs!r}")
print(f"{same} of {total} continuations equal")
PY
