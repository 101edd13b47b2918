#!/bin/sh
# deb_test.sh CPACK BUILD FOLDER: the .deb of BUILD is complete, and lintian has no word against it.
set -e
for tool in dpkg-deb dpkg-shlibdeps; do
  command -v $tool > /dev/null || { echo "skipped: $tool is not installed (package dpkg-dev)"; exit 77; }
done
rm -rf "$3"
mkdir -p "$3"
"$1" --config "$2/CPackConfig.cmake" -G DEB -B "$3" > "$3/words" || { cat "$3/words"; exit 1; }
rm -rf "$3/_CPack_Packages"
package=$(ls "$3"/*.deb)
fail() {
  echo "$1"
  exit 1
}
listed=$(dpkg-deb -c "$package")
for file in bin/pio bin/inference-pio share/man/man1/pio.1.gz share/man/man1/inference-pio.1.gz share/doc/inference-pio/copyright \
  share/doc/inference-pio/changelog.gz share/applications/io.github.inference_pio.InferencePio.desktop share/mime/packages/io.github.inference_pio.InferencePio.xml \
  share/metainfo/io.github.inference_pio.InferencePio.metainfo.xml share/icons/hicolor/16x16/apps/io.github.inference_pio.InferencePio.png \
  share/icons/hicolor/512x512/apps/io.github.inference_pio.InferencePio.png share/icons/hicolor/symbolic/apps/io.github.inference_pio.InferencePio-symbolic.svg \
  share/bash-completion/completions/pio share/zsh/vendor-completions/_inference-pio; do
  echo "$listed" | grep -q " ./usr/$file\$" || fail "$file is not in the package"
done
echo "$listed" | awk '$6 !~ /^\.\/($|usr\/)/' | grep . && fail "files outside /usr"
echo "$listed" | grep -E "\.(ttf|otf)$" && fail "the package has fonts of its own"
depends=$(dpkg-deb -f "$package" Depends)
# Every module that the window's QML imports is a package that it depends on.
for module in qtquick qtquick-layouts qtquick-templates qtquick-dialogs qtquick-window qt-labs-qmlmodels; do
  echo "$depends" | grep -qE "qml6-module-$module(,|$)" || fail "does not depend on qml6-module-$module"
done
for library in libqt6core6 libqt6sql6-sqlite libqt6svg6 fonts-inter; do
  echo "$depends" | grep -q "$library" || fail "does not depend on $library"
done
command -v lintian > /dev/null || { echo "skipped: lintian is not installed; the package itself is complete"; exit 77; }
lintian --allow-root --fail-on error,warning "$package"
