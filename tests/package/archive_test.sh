#!/bin/sh
# archive_test.sh CPACK BUILD FOLDER: the .tar.gz runs from a folder that was moved, and takes a library that lies beside it before the system's.
set -e
rm -rf "$3"
mkdir -p "$3"
"$1" --config "$2/CPackConfig.cmake" -G TGZ -B "$3" > "$3/words" || { cat "$3/words"; exit 1; }
rm -rf "$3/_CPack_Packages"
fail() {
  echo "$1"
  exit 1
}
mkdir -p "$3/some where"
tar -xzf "$3"/*.tar.gz -C "$3/some where" --strip-components 1
cd /
bin="$3/some where/bin"
"$bin/pio" --version
"$bin/inference-pio" --data "$3/data" --export "$3/out.json"
[ -s "$3/out.json" ] || fail "nothing was exported"
for file in doc/inference-pio/LICENSE doc/inference-pio/licences/parts.json; do [ -s "$3/some where/share/$file" ] || fail "$file is not in the archive"; done
library=$(ldd "$bin/inference-pio" | awk '/libmd4c/ { print $3 }')
mkdir -p "$3/some where/lib/inference-pio"
cp "$library" "$3/some where/lib/inference-pio/"
ldd "$bin/inference-pio" | grep "libmd4c" | grep -q "some where" || fail "the library beside the program is not taken: $(ldd "$bin/inference-pio" | grep libmd4c)"
