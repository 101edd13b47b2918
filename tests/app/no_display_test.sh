#!/bin/sh
# no_display_test.sh PROGRAM DATA: the window's program without a display says so in one line on stderr and ends with status 1.
unset DISPLAY WAYLAND_DISPLAY WAYLAND_SOCKET XDG_SESSION_TYPE QT_QPA_PLATFORM QT_QUICK_BACKEND
check() {
  words=$("$@" 2>&1 >/dev/null)
  status=$?
  if [ $status -ne 1 ] || [ "$(printf '%s\n' "$words" | wc -l)" -ne 1 ] || [ "${words#inference-pio: }" = "$words" ]; then
    printf 'expected status 1 and one line "inference-pio: …", found status %s and:\n%s\n' "$status" "$words"
    exit 1
  fi
}
check "$1" --data "$2"
check env DISPLAY=:9999 "$1" --data "$2"
check env QT_QPA_PLATFORM=nothing-like-it "$1" --data "$2"
