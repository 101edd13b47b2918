#!/bin/sh
# bare_debian_test.sh CPACK BUILD FOLDER: the .deb on a Debian 12 that has nothing: installed with apt, started, purged without a trace.
# Needs root, mmdebstrap, a mirror and about 1.5 GB at PIO_BARE_DEBIAN, a folder (a tmpfs is the quickest), which is left as it was.
# The mirror is the one that apt uses here; PIO_DEBIAN_MIRROR names another.
set -e
[ -n "$PIO_BARE_DEBIAN" ] || { echo "skipped: PIO_BARE_DEBIAN names no folder for a bare Debian"; exit 77; }
command -v mmdebstrap > /dev/null || { echo "skipped: mmdebstrap is not installed"; exit 77; }
[ "$(id -u)" = 0 ] || { echo "skipped: only root can make a bare Debian here"; exit 77; }
rm -rf "$3"
mkdir -p "$3"
"$1" --config "$2/CPackConfig.cmake" -G DEB -B "$3" > "$3/words" || { cat "$3/words"; exit 1; }
rm -rf "$3/_CPack_Packages"
package=$(ls "$3"/inference-pio_*.deb)
cuda=$(ls "$3"/inference-pio-cuda_*.deb 2> /dev/null || true)
root=$PIO_BARE_DEBIAN/pio-bare-debian.$$
end() {
  for place in proc sys dev; do umount -l "$root/$place" 2> /dev/null || true; done
  rm -rf "$root"
}
trap end EXIT
trap 'exit 1' INT TERM

mirror=$PIO_DEBIAN_MIRROR
[ -n "$mirror" ] || mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2> /dev/null | grep -m1 "/debian/*$")
[ -n "$mirror" ] || { echo "skipped: no mirror of Debian is known (PIO_DEBIAN_MIRROR)"; exit 77; }
mmdebstrap --mode=root --variant=minbase --include=ca-certificates bookworm "$root" "$mirror" > "$3/mmdebstrap.log" 2>&1 || { tail -5 "$3/mmdebstrap.log"; exit 1; }
for hook in /etc/apt/apt.conf.d/*artifact* /etc/apt/apt.conf.d/*proxy*; do [ -e "$hook" ] && cp "$hook" "$root/etc/apt/apt.conf.d/"; done
cp /etc/resolv.conf "$root/etc/resolv.conf" 2> /dev/null || true
mount -t proc proc "$root/proc"
cp "$package" "$root/tmp/inference-pio.deb"
[ -z "$cuda" ] || cp "$cuda" "$root/tmp/inference-pio-cuda.deb"
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/home/someone LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
# As a person would: with what is recommended left out, to see that what it depends on is enough.
inside apt-get update > "$3/apt.log" 2>&1
inside apt-get install -y --no-install-recommends /tmp/inference-pio.deb >> "$3/apt.log" 2>&1 || { tail -20 "$3/apt.log"; exit 1; }
rm "$root/tmp/inference-pio.deb"
inside useradd -m someone
as_someone() { inside setpriv --reuid=someone --regid=someone --clear-groups env XDG_RUNTIME_DIR=/tmp/runtime "$@"; }
inside install -d -m 700 -o someone /tmp/runtime

# Everything outside the home, with the time of its last change; the package's own files and those of dpkg aside.
files() { find "$root" -xdev \( -path "$root/proc" -o -path "$root/home" -o -path "$root/tmp" -o -path "$root/var/lib/dpkg" -o -path "$root/var/log" -o -path "$root/var/cache" -o -path "$root/var/lib/apt" \) -prune -o -type f -print | LC_ALL=C sort; }
files > "$3/installed.txt"
as_someone pio --version
as_someone pio devices --json > "$3/devices.json"
as_someone inference-pio --export /home/someone/out.json
[ -s "$root/home/someone/out.json" ] || { echo "nothing was exported"; exit 1; }
status=0
as_someone env QT_QPA_PLATFORM=offscreen timeout 15 inference-pio > "$3/window.log" 2>&1 || status=$?
[ "$status" = 124 ] || { echo "the window ended with status $status: $(cat "$3/window.log")"; exit 1; }
grep -E "\.qml|qrc:|not installed|Cannot|annot load" "$3/window.log" && { echo "the window warns"; exit 1; }
files > "$3/used.txt"
diff "$3/installed.txt" "$3/used.txt" || { echo "the program wrote outside the home"; exit 1; }
# The module for NVIDIA's cards comes and goes with it, and is found: without a driver that is what is said of it.
if [ -n "$cuda" ]; then
  inside apt-get install -y --no-install-recommends /tmp/inference-pio-cuda.deb >> "$3/apt.log" 2>&1 || { tail -20 "$3/apt.log"; exit 1; }
  rm "$root/tmp/inference-pio-cuda.deb"
  as_someone pio devices --json | tr -d ' \n' | grep -q '"name":"cuda"[^}]*"code":"no_driver"' || { echo "the CUDA module is not found"; exit 1; }
fi
inside apt-get purge -y inference-pio ${cuda:+inference-pio-cuda} >> "$3/apt.log" 2>&1
left=$(find "$root" -xdev -path "$root/proc" -prune -o -path "$root/home" -prune -o -path "$root/var/log" -prune -o -iname "*inference*pio*" -print)
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
[ -d "$root/home/someone/.local/share/inference-pio" ] || { echo "the conversations went with the package"; exit 1; }
grep -E "^(Need to get|After this operation)" "$3/apt.log" | head -2
du -shx --apparent-size "$root" | cut -f1
echo "installed, started, purged"
