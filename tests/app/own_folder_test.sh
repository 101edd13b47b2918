#!/bin/sh
# own_folder_test.sh PROGRAM FOLDER: what is started with --data writes nothing outside that folder. (The cache of fontconfig is the system's.)
rm -rf "$2"
mkdir -p "$2/home" "$2/runtime"
chmod 700 "$2/runtime"
env -u XDG_DATA_HOME -u XDG_CACHE_HOME -u XDG_STATE_HOME -u XDG_CONFIG_HOME -u QML_DISK_CACHE_PATH HOME="$2/home" XDG_RUNTIME_DIR="$2/runtime" QT_QPA_PLATFORM=offscreen QT_QUICK_BACKEND=software \
  timeout 6 "$1" --data "$2/data" > "$2/words" 2>&1
status=$?
[ $status -eq 124 ] || { echo "the window ended with status $status: $(cat "$2/words")"; exit 1; }
[ -s "$2/data/history.db" ] || { echo "nothing was written to the folder"; exit 1; }
written=$(find "$2/home" "$2/runtime" -type f ! -path "*/.cache/fontconfig/*")
[ -z "$written" ] || { echo "written elsewhere: $written"; exit 1; }
