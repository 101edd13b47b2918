#!/usr/bin/env bash
# Installs what is needed, builds, fetches the starter model and opens the window.
# usage: run.sh [ARGUMENTS OF THE WINDOW]      run.sh --ask "…"      prints an answer instead: greedy, the answer alone on standard output
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash installer/build.sh
if starter=$(bash installer/fetch_starter.sh); then have_starter=yes; else have_starter=; fi

if [ "${1:-}" = --ask ]; then
  [ $# -eq 2 ] || { echo "usage: run.sh --ask \"a question\"" >&2; exit 2; }
  [ -n "$have_starter" ] || { echo "Without a model there is no answer. With a file that you have: build/release/bin/pio chat FILE.gguf --prompt \"…\"" >&2; exit 1; }
  exec build/release/bin/pio chat "$starter" --prompt "$2" --greedy --max-tokens 512 --kv f32 --activations f32
fi
exec build/release/bin/inference-pio "$@"
