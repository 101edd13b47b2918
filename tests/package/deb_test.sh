#!/bin/sh
# deb_test.sh CPACK BUILD FOLDER: the .deb of BUILD is complete, and lintian has no word against it; nor against that of its CUDA module, where it has one.
set -e
for tool in dpkg-deb dpkg-shlibdeps; do
  command -v $tool > /dev/null || { echo "skipped: $tool is not installed (package dpkg-dev)"; exit 77; }
done
rm -rf "$3"
mkdir -p "$3"
"$1" --config "$2/CPackConfig.cmake" -G DEB -B "$3" > "$3/words" || { cat "$3/words"; exit 1; }
rm -rf "$3/_CPack_Packages"
package=$(ls "$3"/inference-pio_*.deb)
fail() {
  echo "$1"
  exit 1
}
listed=$(dpkg-deb -c "$package")
for file in bin/pio bin/inference-pio share/man/man1/pio.1.gz share/man/man1/inference-pio.1.gz share/doc/inference-pio/copyright \
  share/doc/inference-pio/changelog.gz share/applications/io.github.inference_pio.InferencePio.desktop share/mime/packages/io.github.inference_pio.InferencePio.xml \
  share/metainfo/io.github.inference_pio.InferencePio.metainfo.xml share/icons/hicolor/symbolic/apps/io.github.inference_pio.InferencePio-symbolic.svg \
  share/bash-completion/completions/pio share/zsh/vendor-completions/_inference-pio; do
  echo "$listed" | grep -q " ./usr/$file\$" || fail "$file is not in the package"
done
for size in 16 22 24 32 48 64 128 256 512; do
  icon=share/icons/hicolor/${size}x$size/apps/io.github.inference_pio.InferencePio.png
  echo "$listed" | grep -q " ./usr/$icon\$" || fail "$icon is not in the package"
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
echo "$listed" | grep -q "libpio_cuda" && fail "the package has the CUDA module"
packages=$package
if [ -e "$2/bin/libpio_cuda.so" ]; then
  cuda=$(ls "$3"/inference-pio-cuda_*.deb)
  packages="$packages $cuda"
  of_cuda=$(dpkg-deb -c "$cuda")
  for file in lib/inference-pio/libpio_cuda.so share/doc/inference-pio-cuda/copyright share/doc/inference-pio-cuda/changelog.gz; do
    echo "$of_cuda" | grep -q " ./usr/$file\$" || fail "$file is not in the package of the CUDA module"
  done
  echo "$of_cuda" | awk '$6 !~ /\/$/ { print $6 }' | grep -vE "^./usr/(lib/inference-pio/libpio_cuda.so|share/doc/inference-pio-cuda/|share/lintian/overrides/inference-pio-cuda)" &&
    fail "the package of the CUDA module has more than that"
  depends=$(dpkg-deb -f "$cuda" Depends)
  echo "$depends" | grep -q "inference-pio (= $(dpkg-deb -f "$package" Version))" || fail "the CUDA module does not depend on the programs of its version: $depends"
  echo "$depends" | grep -iqE "libcud|nvidia" && fail "the CUDA module depends on what it looks for when it runs: $depends"
  dpkg-deb --fsys-tarfile "$cuda" | tar -xO ./usr/share/doc/inference-pio-cuda/copyright | grep -q "CUDA Runtime" || fail "its copyright does not name CUDA's runtime"
elif ls "$3"/inference-pio-cuda_*.deb 2> /dev/null; then
  fail "there is a package of a CUDA module that was not built"
fi
command -v lintian > /dev/null || { echo "skipped: lintian is not installed; the package itself is complete"; exit 77; }
lintian --allow-root --fail-on error,warning $packages
