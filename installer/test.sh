#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test with ctest, offscreen.
# usage: test.sh [ARGUMENTS OF CTEST]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash installer/build.sh --test
# Some tests run the real starter model; without it they skip and say so.
if starter=$(bash installer/fetch_starter.sh); then export PIO_STARTER_MODEL=$starter; fi

export QT_QPA_PLATFORM=offscreen QT_QUICK_BACKEND=software LANG=C.UTF-8
export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$(mktemp -d)}
export PIO_SHARED=${PIO_SHARED:-$PWD/../shared}
ctest --test-dir build/release --output-on-failure -j "$(nproc)" "$@"
