#!/usr/bin/python3
"""Write a GGUF mmproj of Qwen3-VL-2B's TRUE vision tower (407 M values) with random weights.

Time and memory of a tower do not depend on its weights' values, so both can be measured without the published checkpoint. It fits a language
model of 2,048 values, as shared/bench/make_synthetic_gguf.py writes for qwen3-vl-2b; --blocks 2 makes a tower of the true width that is done in
a twelfth of the time.

  make_synthetic_mmproj.py OUT.gguf [--blocks N] [--type F16|F32] [--seed S]
"""
import argparse
import struct

import numpy as np

DIM, HIDDEN, HEADS, OUT, PATCH, POSITIONS, DEEPSTACK = 1024, 4096, 16, 2048, 16, 2304, (5, 11, 17)
F32, F16 = 0, 1


def string(text):
    return struct.pack("<Q", len(text)) + text.encode()


def value(x):
    """Type and value of a metadata entry."""
    if isinstance(x, bool):
        return struct.pack("<I?", 7, x)
    if isinstance(x, int):
        return struct.pack("<II", 4, x)
    if isinstance(x, float):
        return struct.pack("<If", 6, x)
    if isinstance(x, str):
        return struct.pack("<I", 8) + string(x)
    kind, form = (7, "?") if isinstance(x[0], bool) else (6, "f")
    return struct.pack("<IIQ", 9, kind, len(x)) + struct.pack(f"<{len(x)}{form}", *x)


def deepstack_blocks(n_blocks):
    """The published ones, or, of a shorter tower, its first three or fewer blocks."""
    return DEEPSTACK if n_blocks > DEEPSTACK[-1] else tuple(range(min(n_blocks, len(DEEPSTACK))))


def tensors(n_blocks, matrix):
    """Name, extents with the fastest first, type."""
    def linear(name, n_out, n_in):
        return [(name + ".weight", (n_in, n_out), matrix), (name + ".bias", (n_out,), F32)]

    def norm(name, n):
        return [(name + ".weight", (n,), F32), (name + ".bias", (n,), F32)]

    out = [(name, (PATCH, PATCH, 3, DIM), matrix) for name in ("v.patch_embd.weight", "v.patch_embd.weight.1")]
    out += [("v.patch_embd.bias", (DIM,), F32), ("v.position_embd.weight", (DIM, POSITIONS), F32)]
    for b in range(n_blocks):
        p = f"v.blk.{b}."
        out += norm(p + "ln1", DIM) + norm(p + "ln2", DIM) + linear(p + "attn_qkv", 3 * DIM, DIM) + linear(p + "attn_out", DIM, DIM)
        out += linear(p + "ffn_up", HIDDEN, DIM) + linear(p + "ffn_down", DIM, HIDDEN)
    out += norm("v.post_ln", DIM) + linear("mm.0", 4 * DIM, 4 * DIM) + linear("mm.2", OUT, 4 * DIM)
    for b in deepstack_blocks(n_blocks):
        p = f"v.deepstack.{b}."
        out += norm(p + "norm", 4 * DIM) + linear(p + "fc1", 4 * DIM, 4 * DIM) + linear(p + "fc2", OUT, 4 * DIM)
    return out


def metadata(n_blocks):
    blocks = deepstack_blocks(n_blocks)
    v = "clip.vision."
    return {
        "general.architecture": "clip", "general.type": "mmproj", "general.name": "synthetic-qwen3-vl-2b-tower", "general.file_type": 1,
        "clip.has_vision_encoder": True, "clip.projector_type": "qwen3vl_merger", "clip.use_gelu": True,
        v + "image_size": 768, v + "patch_size": PATCH, v + "embedding_length": DIM, v + "feed_forward_length": HIDDEN, v + "block_count": n_blocks,
        v + "projection_dim": OUT, v + "attention.head_count": HEADS, v + "attention.layer_norm_epsilon": 1e-6, v + "spatial_merge_size": 2,
        v + "image_mean": [0.5, 0.5, 0.5], v + "image_std": [0.5, 0.5, 0.5], v + "is_deepstack_layers": [b in blocks for b in range(n_blocks)],
    }


def random_values(name, extents, kind, rng):
    n = int(np.prod(extents))
    if name.endswith((".ln1.weight", ".ln2.weight", "norm.weight", "post_ln.weight")):
        return np.ones(n, np.float32).tobytes()
    pool = (rng.standard_normal(min(n, 1 << 20)) * 0.02).astype(np.float16 if kind == F16 else np.float32)
    return np.resize(pool, n).tobytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--blocks", type=int, default=24)
    parser.add_argument("--type", choices=("F16", "F32"), default="F16")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    entries, meta = tensors(options.blocks, F16 if options.type == "F16" else F32), metadata(options.blocks)
    infos, offset = b"", 0
    for name, extents, kind in entries:
        infos += string(name) + struct.pack("<I", len(extents)) + struct.pack(f"<{len(extents)}Q", *extents) + struct.pack("<IQ", kind, offset)
        offset += (int(np.prod(extents)) * (2 if kind == F16 else 4) + 31) // 32 * 32
    head = b"GGUF" + struct.pack("<IQQ", 3, len(entries), len(meta)) + b"".join(string(k) + value(x) for k, x in meta.items()) + infos
    with open(options.out, "wb") as file:
        file.write(head + b"\0" * (-len(head) % 32))
        for name, extents, kind in entries:
            data = random_values(name, extents, kind, rng)
            file.write(data + b"\0" * (-len(data) % 32))
    print(f"{options.out}: {offset / 2**20:.0f} MiB, {len(entries)} tensors")


if __name__ == "__main__":
    main()
