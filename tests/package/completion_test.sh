#!/bin/sh
# completion_test.sh bash|zsh COMPLETIONS PROGRAMS: what Tab offers in that shell.
command -v "$1" > /dev/null || { echo "skipped: $1 is not installed"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
failed=0
check() { # WORDS EXPECTED…
  words=$1
  shift
  if [ "$shell" = bash ]; then found=$(bash "$here/complete.bash" "$completions" "$programs" "$words")
  else found=$(zsh -f "$here/complete.zsh" "$completions" "$programs" "$words" "$@" | tr -d '\r'); fi
  for expected in "$@"; do
    case $found in *"$expected"*) ;; *)
      echo "\"$words\": expected $expected, found: $found"
      failed=1 ;;
    esac
  done
}
shell=$1 completions=$2 programs=$3
check "pio " snapshots devices perplexity
check "pio plan --k" --kv-rotation
check "pio plan --kv " q8_0 f32
check "pio bench --draft " lookup off
check "inference-pio --" --export --model --new-chat
exit $failed
