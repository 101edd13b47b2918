#!/usr/bin/env bash
# Installs what building, running and testing need from the distribution (Debian 12, Ubuntu 24.04). Root or sudo; does nothing when all is there.
# usage: packages.sh [--test]      --test: what the tests need beside it
set -euo pipefail

build="build-essential cmake ninja-build ccache pkg-config git ca-certificates
  qt6-base-dev qt6-declarative-dev qt6-declarative-dev-tools qt6-svg-dev qt6-tools-dev qt6-tools-dev-tools qt6-l10n-tools qt6-wayland
  qt6-qpa-plugins qt6-translations-l10n libqt6sql6-sqlite libgl-dev libegl-dev
  qml6-module-qtcore qml6-module-qtqml qml6-module-qtqml-models qml6-module-qtqml-workerscript qml6-module-qtquick qml6-module-qtquick-window
  qml6-module-qtquick-controls qml6-module-qtquick-templates qml6-module-qtquick-layouts qml6-module-qtquick-dialogs
  qml6-module-qtquick-shapes qml6-module-qt-labs-folderlistmodel qml6-module-qt-labs-qmlmodels qml6-module-qt-labs-platform
  libmd4c-dev libdtl-dev libxxhash-dev nlohmann-json3-dev libcli11-dev libgtest-dev
  libsentencepiece-dev libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev libopencv-videoio-dev
  glslc libvulkan-dev libvulkan-volk-dev spirv-tools
  fonts-inter fonts-jetbrains-mono fonts-noto-core fonts-dejavu-core
  python3 python3-pip python3-venv unzip"
test="fonts-noto-cjk mesa-vulkan-drivers vulkan-validationlayers qml6-module-qttest binutils xvfb xauth clang-format-14
  openssl lintian appstream desktop-file-utils shared-mime-info man-db zsh dpkg-dev python3-dbusmock dbus-daemon"

wanted=$build
[ "${1:-}" = --test ] && wanted="$wanted $test"
missing=()
for package in $wanted; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "This computer has no apt-get. Install the equivalents of: ${missing[*]}" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "Root or sudo is needed to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} packages of the distribution" >&2
export DEBIAN_FRONTEND=noninteractive
# The lock: another apt run makes this one wait instead of fail.
install() { "${as_root[@]}" apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=900 "${missing[@]}" >&2; }
"${as_root[@]}" apt-get update -o DPkg::Lock::Timeout=900 >&2 || echo "The package lists could not be refreshed; trying with those that are here" >&2
install
