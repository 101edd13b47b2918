#!/usr/bin/env bash
# Uses every pane of the window with keys and counts what goes to a network, which must be nothing; then fetches one file, which must be seen.
# Each step leaves a picture. Not a test of ctest: it needs a screen for some minutes, a model, Xvfb, xdotool, ImageMagick and strace. With a model that
# sees and its vision half the image pane's question is answered, too; without them it is written, and cannot be sent.
# usage: by_hand.sh INFERENCE_PIO MODEL.gguf PICTURES_FOLDER [SEEING_MODEL.gguf MMPROJ.gguf]
set -euo pipefail
window=$(realpath "$1") model=$(realpath "$2") pictures=$3
seeing=${4:+$(realpath "$4")} half=${5:+$(realpath "$5")}
for tool in Xvfb xdotool convert import strace python3; do
  command -v "$tool" > /dev/null || { echo "by_hand.sh: no $tool here" >&2; exit 1; }
done
mkdir -p "$pictures"
pictures=$(realpath "$pictures")
work=$(mktemp -d)
mkdir "$work/files"
cd "$work/files"        # where the choice of files begins
started=()
finish() {
  for process in "${started[@]}"; do kill "$process" 2> /dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

screen=:$((70 + RANDOM % 20))
Xvfb "$screen" -screen 0 1280x900x24 -nolisten tcp > "$work/screen" 2>&1 &
started+=($!)
export DISPLAY=$screen XDG_RUNTIME_DIR=$work QT_QPA_PLATFORM=xcb LANG=C.UTF-8
unset QT_QUICK_BACKEND
sleep 2

# Root takes the network away as well.
alone=()
if unshare -n true 2> /dev/null; then alone=(unshare -n); else echo "by_hand.sh: unshare -n is refused here: only strace looks" >&2; fi
"${alone[@]}" strace -f -qq -e trace=network -o "$work/session" "$window" --data "$work/data" --model "$model" > "$work/words" 2>&1 &
started+=($!)

n=0
picture() {
  n=$((n + 1))
  sleep "${2:-1}"
  import -window root "$pictures/$(printf %02d "$n")-$1.png"
  echo "$(printf %02d "$n") $1"
}
# One after the other: what opens or closes takes no keys meanwhile.
keys() {
  for key in "$@"; do
    xdotool key --clearmodifiers "$key"
    sleep 0.5
  done
}
types() { xdotool type --delay 15 "$1"; }
# The only file there that the pane which is shown can open.
opens() {
  keys ctrl+o
  picture "$1" 2
  keys Return
}

# Without a window manager nobody gives the window the keys; its shortcuts wait for that.
for _ in $(seq 60); do
  shown=$(xdotool search --onlyvisible --name Inference-PIO 2> /dev/null | tail -1 || true)
  [ -n "$shown" ] && break
  sleep 1
done
[ -n "$shown" ] || { echo "by_hand.sh: no window came" >&2; exit 1; }
xdotool windowfocus "$shown"
picture first-window 8
types "Say one short sentence."
keys Return
picture chat-answering 3
picture chat-answered 20
keys ctrl+f
types "one"
picture find
keys Escape ctrl+k
picture search
keys Escape ctrl+l
picture models
keys Escape ctrl+n
picture new-chat
keys ctrl+2
picture code-pane
printf 'def total(prices):\n    result = 0\n    for price in prices:\n        result += price\n    return result\n' > sums.py
opens code-choice
picture code-file 2
types "What does it do?"
keys Return
picture code-asked 3
picture code-answered 15
keys Escape ctrl+e
picture code-explained 15
keys Escape
types "Use sum() instead of the loop."
keys alt+Return
picture code-proposed 15
keys Escape
rm sums.py
if [ -n "$seeing" ]; then
  ln -s "$seeing" a-model-that-sees.gguf
  ln -s "$half" mmproj-a-model-that-sees.gguf
  keys ctrl+1
  opens model-choice
  picture model-that-sees 8
fi
keys ctrl+3
picture image-pane
convert -size 640x480 xc:lightblue -fill orange -draw "circle 200,160 200,260" -fill brown -draw "rectangle 0,380 640,480" lamp.png
opens image-choice
picture image-picture 3
types "What is in this picture?"
picture image-question
if [ -n "$seeing" ]; then
  keys Return
  picture image-asked 3
  picture image-answered 20
fi
keys Escape ctrl+1 ctrl+comma
picture settings-1
for page in 2 3 4 5 6 7 8 9; do
  keys Down
  picture "settings-$page"
done
keys Escape F1
picture keys
keys Escape F9
picture without-sidebar
kill -0 "${started[1]}" || { echo "by_hand.sh: the window ended before it was told to" >&2; exit 1; }
keys ctrl+q
sleep 4

reached() { grep -E -c 'AF_INET6?\b' "$1" || true; }
calls=$(wc -l < "$work/session")
in_session=$(reached "$work/session")

# What counting finds where something is asked for.
mkdir -p "$work/server/owner/small/resolve/main"
head -c 100000 /dev/zero > "$work/server/owner/small/resolve/main/small.gguf"
cat > "$work/catalogue.json" << 'END'
{"version": 1, "models": [{"name": "Small", "family": "llama", "role": "chat", "licence": {"name": "MIT", "url": "about:blank"},
  "files": [{"quantization": "Q8_0", "repository": "owner/small", "path": "small.gguf", "bytes": 100000}]}]}
END
python3 -u -m http.server --bind 127.0.0.1 --directory "$work/server" 0 > "$work/server.log" 2>&1 &
started+=($!)
for _ in $(seq 50); do
  port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$work/server.log")
  [ -n "$port" ] && break
  sleep 0.1
done
QT_QPA_PLATFORM=offscreen strace -f -qq -e trace=network -o "$work/control" "$window" --data "$work/control-data" --download Small:Q8_0 \
  --catalogue "$work/catalogue.json" --base-url "http://127.0.0.1:$port" --to "$work/models" --json > "$work/download" 2>&1 || cat "$work/download"
in_control=$(reached "$work/control")

echo "session: $in_session of $calls calls to a network; one download: $in_control"
[ "$in_session" -eq 0 ] && [ "$calls" -gt 0 ] && [ "$in_control" -gt 0 ] && [ -f "$work/models/small.gguf" ]
