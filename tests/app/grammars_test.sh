#!/bin/sh
# grammars_test.sh CMAKE WORK: what PIO_GRAMMARS asks for and is not there is an error of the configuration that names it; what nobody asks for is none.
set -u
cmake=$1
work=$2
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$work"
mkdir -p "$work/cache" "$work/empty"
unset PIO_GRAMMARS
export XDG_CACHE_HOME="$work/cache" PKG_CONFIG_PATH="" PKG_CONFIG_LIBDIR="$work/empty"

# configure STATUS WORDS [OPTION…]: it ends with that status and says these words.
configure() {
  status=$1
  words=$2
  shift 2
  rm -rf "$work/build"
  "$cmake" -S "$here/grammars" -B "$work/build" "$@" > "$work/said" 2>&1
  found=$?
  if [ "$found" -ne "$status" ] || ! tr -s ' \n' ' ' < "$work/said" | grep -qF "$words"; then
    echo "grammars_test: $*: status $status and \"$words\" expected, found $found and:" >&2
    cat "$work/said" >&2
    exit 1
  fi
}

# A folder as installer/fetch_grammars.sh leaves it, with one grammar.
source=$work/there
mkdir -p "$source/tree-sitter-0.25.2/tree_sitter/core/lib/src" "$source/tree-sitter-0.25.2/tree_sitter/core/lib/include" \
  "$source/tree-sitter-0.24.0/tree_sitter/core/lib/src" "$source/tree_sitter_json-0.24.8/src"
for header in parser array alloc ts_assert; do : > "$source/tree-sitter-0.24.0/tree_sitter/core/lib/src/$header.h"; done
: > "$source/tree-sitter-0.25.2/tree_sitter/core/lib/src/lib.c"
: > "$source/tree_sitter_json-0.24.8/src/parser.c"

configure 0 "Code colours: none"
configure 0 "Code colours: json html" -DPIO_GRAMMARS="$source"
configure 0 "not there: bash" -DPIO_GRAMMARS="$source"
configure 1 "PIO_GRAMMARS=$work/nowhere: a folder with the sources" -DPIO_GRAMMARS="$work/nowhere"
configure 1 "PIO_GRAMMARS=$work/empty: a folder with the sources" -DPIO_GRAMMARS="$work/empty"
configure 1 "PIO_GRAMMARS=SYSTEM: tree-sitter" -DPIO_GRAMMARS=SYSTEM
mkdir -p "$XDG_CACHE_HOME/inference-pio"
mv "$source" "$XDG_CACHE_HOME/inference-pio/grammars"
configure 0 "Code colours: json html"
PIO_GRAMMARS=$work/nowhere
export PIO_GRAMMARS
configure 1 "PIO_GRAMMARS=$work/nowhere: a folder with the sources"
configure 1 "PIO_GRAMMARS=$work/empty: a folder with the sources" -DPIO_GRAMMARS="$work/empty"
# A folder without a root begins where the sources do.
configure 1 "PIO_GRAMMARS=resources" -DPIO_GRAMMARS=resources
grep -q "$(cd "$here/../.." && pwd)/resources" "$work/said" || { cat "$work/said" >&2; exit 1; }
