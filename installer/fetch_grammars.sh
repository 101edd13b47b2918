#!/bin/sh
# Gets the sources that colour code (installer/grammars.txt) into the user's cache, where CMake finds them. Without them the build is
# complete and code in answers is plain, so a failure here is a message; with --strict it is an error.
#
#   installer/fetch_grammars.sh [--strict]
#
# PIO_GRAMMARS names another folder, to this script and to CMake. What is there and whole is not fetched again.
set -u

strict=0
[ "${1:-}" = "--strict" ] && strict=1
here=$(cd "$(dirname "$0")" && pwd)
target=${PIO_GRAMMARS:-${XDG_CACHE_HOME:-$HOME/.cache}/inference-pio/grammars}

give_up() {
  echo "fetch_grammars: $1; code will be shown without colours" >&2
  exit "$strict"
}

missing=0
while read -r name version sha256; do
  case $name in ''|'#'*) continue ;; esac
  folder=$name
  [ "$name" = tree-sitter ] || folder=$(echo "$name" | tr - _)
  [ "$(cat "$target/$folder-$version/.sha256" 2>/dev/null)" = "$sha256" ] || missing=$((missing + 1))
done < "$here/grammars.txt"
if [ "$missing" -eq 0 ]; then
  echo "fetch_grammars: all there ($target)"
  exit 0
fi

mkdir -p "$target" || give_up "cannot write $target"
work=$(mktemp -d) || give_up "no room for temporary files"
trap 'rm -rf "$work"' EXIT
# setuptools and wheel: pip asks a source package for its name before it hands it over.
{ python3 -m venv "$work/venv" && "$work/venv/bin/pip" install -q setuptools wheel; } > "$work/log" 2>&1 ||
  give_up "python3 with venv and pip is needed ($(tail -n 1 "$work/log"))"

failed=""
while read -r name version sha256; do
  case $name in ''|'#'*) continue ;; esac
  folder=$name
  [ "$name" = tree-sitter ] || folder=$(echo "$name" | tr - _)
  [ "$(cat "$target/$folder-$version/.sha256" 2>/dev/null)" = "$sha256" ] && continue
  rm -rf "$work/get" "$work/unpacked"
  mkdir "$work/get" "$work/unpacked"
  if ! "$work/venv/bin/pip" download -q --no-deps --no-binary :all: --no-build-isolation --timeout 30 -d "$work/get" \
    "$name==$version" < /dev/null > "$work/log" 2>&1; then
    failed="$failed $name"
    continue
  fi
  archive=$(ls "$work/get"/*.tar.gz)
  found=$(sha256sum "$archive" | cut -d' ' -f1)
  if [ "$found" != "$sha256" ]; then
    echo "fetch_grammars: $name $version: expected SHA-256 $sha256, found $found" >&2
    failed="$failed $name"
    continue
  fi
  # Unpacked beside its place and then moved: an interrupted run leaves nothing that looks whole.
  if tar -xzf "$archive" -C "$work/unpacked" && [ -d "$work/unpacked/$folder-$version" ]; then
    echo "$sha256" > "$work/unpacked/$folder-$version/.sha256"
    rm -rf "${target:?}/$folder-$version"
    mv "$work/unpacked/$folder-$version" "$target/" || failed="$failed $name"
  else
    failed="$failed $name"
  fi
done < "$here/grammars.txt"

[ -z "$failed" ] || give_up "not fetched:$failed"
echo "fetch_grammars: done ($target)"
