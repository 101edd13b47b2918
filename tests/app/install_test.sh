#!/bin/sh
# install_test.sh CMAKE BUILD FOLDER: installs into FOLDER; the programs start from there, with the build folder out of sight.
set -e
rm -rf "$3"
"$1" --install "$2" --prefix "$3/usr" > /dev/null
cd /
bin=$3/usr/bin
fail() {
  echo "$1"
  exit 1
}
for name in pio inference-pio; do
  ldd "$bin/$name" | grep -F "$2" && fail "$name uses files of the build folder"
  strings -a "$bin/$name" 2>/dev/null | grep -qF "$2/qml" && fail "$name names a folder of QML files in the build folder"
done
"$bin/pio" --version > /dev/null
"$bin/inference-pio" --data "$3/data" --export "$3/out.json"
[ -s "$3/out.json" ] || fail "nothing was exported"
for file in applications/io.github.inference_pio.InferencePio.desktop metainfo/io.github.inference_pio.InferencePio.metainfo.xml \
  icons/hicolor/scalable/apps/io.github.inference_pio.InferencePio.svg man/man1/pio.1 man/man1/inference-pio.1; do
  [ -s "$3/usr/share/$file" ] || [ -s "$3/usr/share/$file.gz" ] || fail "$file is not installed"  # packages compress pages of the manual
done
# What a desktop starts are options of the program.
options=$(sed -n 's/^Exec=inference-pio//p' "$3/usr/share/applications/io.github.inference_pio.InferencePio.desktop" | tr ' ' '\n' | grep -e '^--')
[ "$options" = "--new-chat" ] || fail "the desktop file: expected the option --new-chat, found '$options'"
for option in $options; do "$bin/inference-pio" --help | grep -q -e "^  $option  " || fail "$option is no option of the program"; done
# The window: it draws its first frame and goes on, without a word about QML.
words=$3/words
QT_QPA_PLATFORM=offscreen QT_QUICK_BACKEND=software timeout 8 "$bin/inference-pio" --data "$3/data" > "$words" 2>&1 && status=0 || status=$?
[ "$status" = 124 ] || fail "the window ended with status $status: $(cat "$words")"
grep -E "\\.qml|qrc:" "$words" && fail "the window warns"
exit 0
