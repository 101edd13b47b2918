#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test with ctest, offscreen. Before ctest's closing lines it says how many tests there are
# and why some were skipped.
# usage: test.sh [ARGUMENTS OF CTEST]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash installer/build.sh --test
# Some tests run the real starter model; without it they skip and say so.
if starter=$(bash installer/fetch_starter.sh); then export PIO_STARTER_MODEL=$starter; fi

export QT_QPA_PLATFORM=offscreen QT_QUICK_BACKEND=software LANG=C.UTF-8
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$(mktemp -d)}
export PIO_SHARED=${PIO_SHARED:-$PWD/../shared}

# Passes ctest's lines on as they come, and puts the counts before its closing lines, which stay the last ones.
with_counts() {
  local line closing=
  while IFS= read -r line || [ -n "$line" ]; do
    [[ -z $closing && $line =~ ^[0-9]+%\ tests\ passed ]] && closing=1
    if [ -z "$closing" ]; then
      printf '%s\n' "$line"
    else
      closing+=$line$'\n'
    fi
  done
  [ -z "$closing" ] && return
  python3 tests/tools/count_tests.py build/release/Testing/Temporary/LastTest.log || echo "The tests could not be counted"
  printf '\n%s' "${closing#1}"
}
status=0
# A test counts as two, one that mostly waits as one (PROCESSORS, tests/CMakeLists.txt): it runs beside as many others as there are processors.
ctest --test-dir build/release --output-on-failure -j $((2 * $(nproc) + 1)) "$@" 2>&1 | with_counts || status=${PIPESTATUS[0]}
exit "$status"
