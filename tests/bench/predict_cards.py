#!/usr/bin/env python3
"""What the four models would do on common graphics cards, by `pio plan --machine`: predictions from data sheets, nothing measured.

    python3 tests/bench/predict_cards.py build/release/bin/pio > tests/bench/results/2026-11-30-predicted-cards.md
"""
import json
import subprocess
import sys
import tempfile

# By their makers: GB of memory and GB/s of it, and what a copy over the slot reaches (PCIe 4.0: 25 GB/s over 16 lanes, 12.5 over 8).
CARDS = [("RTX 3060 12 GB", 12, 360, 25), ("RTX 4060 8 GB", 8, 272, 12.5), ("RTX 4090 24 GB", 24, 1008, 25), ("RX 7800 XT 16 GB", 16, 624, 25),
         ("Arc B580 12 GB", 12, 456, 12.5)]
MEMORY = [16, 32]
MEMORY_RATE, DISK_RATE = 83.2, 3  # GB/s: two channels of DDR5-5200, an ordinary NVMe disk
MODELS = ["GLM-4.7-Flash", "Qwen3-Coder-30B-A3B-Instruct", "Qwen3-VL-2B-Instruct", "Qwen3-4B-Instruct-2507"]
QUANTIZATION, CONTEXT = "Q4_K_M", 8192


def plan(pio, model, card, ram, expert_layers_on_cpu=None):
    name, vram, rate, link = card
    machine = {"ram_bytes": ram * 2**30, "ram_bytes_per_second": MEMORY_RATE * 1e9, "disk_bytes_per_second": DISK_RATE * 1e9,
               "devices": [{"name": name, "kind": "vulkan", "total_bytes": vram * 2**30, "bytes_per_second": rate * 1e9, "link_bytes_per_second": link * 1e9}]}
    if expert_layers_on_cpu is not None:
        machine["expert_layers_on_cpu"] = expert_layers_on_cpu
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(machine, file)
        file.flush()
        out = subprocess.run([pio, "plan", f"{model}:{QUANTIZATION}", "--machine", file.name, "--ctx", str(CONTEXT), "--json"], check=True, capture_output=True)
    return json.loads(out.stdout)


def split_by_layers(pio, model, card, ram):
    """The plan with as few layers' experts on the processor as fit; None where even all are too many."""
    low, high, best = 0, 64, None
    while low <= high:
        middle = (low + high) // 2
        p = plan(pio, model, card, ram, middle)
        if p["fits"]:
            best, high = p, middle - 1
        else:
            low = middle + 1
    return best


def main():
    pio = sys.argv[1]
    print(f"""# Predicted: the four models on common graphics cards

Predictions of `pio plan --machine`, made from data sheets by

    python3 tests/bench/predict_cards.py build/release/bin/pio

Nothing here was measured: no such card was at hand. {QUANTIZATION}, a context of {CONTEXT} tokens, f16 keys and values; tokens a second of decoding behind 512
tokens. Memory of {MEMORY_RATE} GB/s (two channels of DDR5-5200), 4 GB of it left to others; a disk of {DISK_RATE} GB/s; of each card what is there but 5 %.
Of cards 0.60 of the data sheet's rate counts, of memory 0.55: one share for every card and one for every memory, with which published runs of llama.cpp
come out within 25 % (`machine_plan_test`):

| llama.cpp, split as there | published | predicted |
| --- | ---: | ---: |
| RTX 2080, Coder Q4_K_M, 36 layers' experts on the processor, DDR4 of 102 GB/s | 36.7 | 43.7 |
| RTX 3060, GLM Q4_K_M, all experts on the processor; its memory is not told, 83 GB/s assumed (62 to 134 stay within 25 %) | 32.1 | 29.9 |
| RTX 4080 with a 7950X (83 GB/s), Coder, 14 layers' experts on the processor | 68.7 | 73.2 |

"Cached" is the placement of slots: "on the card" is how much of all experts has room there, "found" how often a chosen one is, by the hit rates of such
models' routing; the processor computes the others at the same time. Where a card is slow beside the memory, more experts on it would make it slower:
then less than fits is put there. It takes for granted that both never wait but 60 µs a layer; the one published run with such a cache (RTX 3060, GLM, 40 of
64 experts of each layer) has 46.3 tok/s, less than is predicted here. "By layers" is llama.cpp's split, and what a build without slots on the card
does: whole layers' experts on the card, as many as fit, and the processor's turn behind the card's.
""")
    print("| card | RAM | model | on the card | experts on the card | found | from the disk a token | cached, tok/s | by layers, tok/s |\n| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for card in CARDS:
        for ram in MEMORY:
            for model in MODELS:
                p = plan(pio, model, card, ram)
                row, predicted = p["per_device"][0], p["predicted"]
                used = (row["weights_bytes"] + row["state_bytes"] + row["scratch_bytes"]) / 1e9
                experts = f"{100 * row['experts'] / p['experts']:.0f} %" if p["experts"] else "–"
                found = f"{100 * predicted['card_hit_rate']:.0f} %" if p["experts"] else "–"
                disk = f"{predicted['bytes_from_disk_per_token'] / 1e6:.0f} MB" if predicted["bytes_from_disk_per_token"] else "–"
                speed = f"{predicted['decode_tokens_per_second']:.0f}" if p["fits"] else "does not fit"
                split = split_by_layers(pio, model, card, ram) if p["experts"] else p
                by_layers = f"{split['predicted']['decode_tokens_per_second']:.0f}" if split else "does not fit"
                print(f"| {card[0]} | {ram} GB | {model} | {used:.1f} GB | {experts} | {found} | {disk} | {speed} | {by_layers} |")


if __name__ == "__main__":
    main()
