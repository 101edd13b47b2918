#!/usr/bin/env python3
"""Whether a model's greedy answers on a card, and split over devices, are those of the processor.

usage: same_ids.py PIO CARD[,CARD…] MODEL…

Every model answers on the processor, then whole on the first card, then with its first layer on each device of a pair and the rest on the other, then with
three quarters of every layer on the first: card and processor, and two cards, or one card twice. Ids may part where the processor's two likeliest tokens are nearly equal: then what follows is another
text. Ends with 1 where they part elsewhere.
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

N_TOKENS = 24
NEAR_TIE = 1e-3  # of logits: float32 sums in another order differ by some 1e-5 in these models
IDS = ",".join(str(3 + 7 * i % 300) for i in range(40))


def rows_of(path):
    """The rows of a float32 .npy file of version 1."""
    data = pathlib.Path(path).read_bytes()
    n_header = struct.unpack_from("<H", data, 8)[0]
    header = data[10:10 + n_header].decode()
    width = int(header.split("(")[1].split(")")[0].split(",")[1])
    values = struct.unpack_from(f"<{(len(data) - 10 - n_header) // 4}f", data, 10 + n_header)
    return [values[at:at + width] for at in range(0, len(values), width)]


def answer(pio, model, device, split=None, mode=None, logits=None):
    command = [pio, "complete", str(model), "--ids", IDS, "--max-tokens", str(N_TOKENS), "--greedy", "--ignore-eos", "--draft", "off", "--ctx", "512",
               "--activations", "f32", "--kv", "f32", "--json", "--device", device]
    if split:
        command += ["--split", ",".join(map(str, split))]
    if mode:
        command += ["--split-mode", mode]
    if logits:
        command += ["--logits-out", logits]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    result = json.loads(done.stdout)
    return result["ids"], [device["name"] for device in result["stats"]["devices"]]


def main():
    pio, cards, models = sys.argv[1], sys.argv[2].split(","), [pathlib.Path(model) for model in sys.argv[3:]]
    failed = False
    for model in models:
        n_layers = json.loads((model / "config.json").read_text())["num_hidden_layers"]
        with tempfile.TemporaryDirectory() as folder:
            logits = f"{folder}/logits.npy"
            expected, _ = answer(pio, model, "cpu", logits=logits)
            gaps = [first - second for first, second in (sorted(row, reverse=True)[:2] for row in rows_of(logits))]
        ways = [(cards[0], None, None)]
        for pair in ([cards[0], "cpu"], ["cpu", cards[0]], [cards[0], cards[-1]]):
            ways += [(",".join(pair), split, "layers") for split in sorted({(1, n_layers - 1), (n_layers - 1, 1)})]
            ways.append((",".join(pair), (3, 1), "rows"))
        for device, split, mode in ways:
            ids, used = answer(pio, model, device, split, mode)
            at = next((i for i, (a, b) in enumerate(zip(expected, ids)) if a != b), None)
            name = f"{model.name}, {device}" + (f" {split[0]}+{split[1]} {mode}" if split else "")
            if len(used) != len(device.split(",")):
                print(f"{name}: computed by {used}")
                failed = True
            elif at is None and len(ids) == len(expected):
                print(f"{name}: the same {len(ids)} ids")
            elif at is not None and gaps[at] < NEAR_TIE:
                print(f"{name}: the same {at} ids, then a near tie ({gaps[at]:.1e})")
            else:
                print(f"{name}: expected {expected}, found {ids}")
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
