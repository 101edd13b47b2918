"""Writes grids.inc: the tables that the IQ1, IQ2 and IQ3 formats index.

    python make_grids.py FOLDER > grids.inc

FOLDER holds <TYPE>.blocks.bin and <TYPE>.values.f32, blocks and what ggml decodes of them, in which every index occurs under a scale that is
not zero. An entry of a table is read off the values: value / scale, its sign left out for IQ2 and IQ3. Each index has to give the same entry
wherever it occurs, and each has to occur. An entry is packed as one 16-bit number, the first of its values in the lowest bits, as places in the
short list of values that its format knows: 2 bits for the 8 values of IQ1 and IQ2, 3 bits for the 4 values of IQ3.
"""
import pathlib
import struct
import sys

LENGTH = 256


def f16(block, offset):
    return struct.unpack_from("<e", block, offset)[0]


def u16(block, offset):
    return struct.unpack_from("<H", block, offset)[0]


# For each format, slot by slot (8 values each, 4 in IQ3): (grid index, scale, what is added to the entry).

def iq1_s(b):
    for s in range(32):
        qh = u16(b, 34 + 2 * (s // 4))
        yield b[2 + s] | (qh >> 3 * (s % 4) & 7) << 8, f16(b, 0) * (2 * (qh >> 12 & 7) + 1), -0.125 if qh & 0x8000 else 0.125


def iq1_m(b):
    words = [u16(b, 48 + 2 * i) for i in range(4)]
    d = struct.unpack("<e", struct.pack("<H", sum((w >> 12) << 4 * i for i, w in enumerate(words))))[0]
    for s in range(32):
        high = b[32 + s // 2] >> 4 * (s % 2)
        scale = words[s // 8] >> 3 * (s // 2 % 4) & 7
        yield b[s] | (high & 7) << 8, d * (2 * scale + 1), -0.125 if high & 8 else 0.125


def iq2_xxs(b):
    for s in range(32):
        first = 2 + 8 * (s // 4)
        yield b[first + s % 4], f16(b, 0) * (0.5 + (b[first + 7] >> 4)) * 0.25, 0


def iq2_xs(b):
    for s in range(32):
        yield u16(b, 2 + 2 * s) & 511, f16(b, 0) * (0.5 + (b[66 + s // 4] >> 4 * (s // 2 % 2) & 15)) * 0.25, 0


def iq2_s(b):
    for s in range(32):
        index = b[2 + s] | (b[66 + s // 4] >> 2 * (s % 4) & 3) << 8
        yield index, f16(b, 0) * (0.5 + (b[74 + s // 4] >> 4 * (s // 2 % 2) & 15)) * 0.25, 0


def iq3_xxs(b):
    for s in range(64):
        yield b[2 + s], f16(b, 0) * (0.5 + (b[69 + 4 * (s // 8)] >> 4)) * 0.5, 0


def iq3_s(b):
    for s in range(64):
        index = b[2 + s] | (b[66 + s // 8] >> s % 8 & 1) << 8
        yield index, f16(b, 0) * (1 + 2 * (b[106 + s // 16] >> 4 * (s // 8 % 2) & 15)), 0


# name of the table, the formats that use it, entries, bytes a block of each, values in an entry, the values known
TABLES = [
    ("kIq1Grid", {"IQ1_S": (iq1_s, 50), "IQ1_M": (iq1_m, 56)}, 2048, 8, [-1, 0, 1]),
    ("kIq2XxsGrid", {"IQ2_XXS": (iq2_xxs, 66)}, 256, 8, [8, 25, 43]),
    ("kIq2XsGrid", {"IQ2_XS": (iq2_xs, 74)}, 512, 8, [8, 25, 43]),
    ("kIq2SGrid", {"IQ2_S": (iq2_s, 82)}, 1024, 8, [8, 25, 43]),
    ("kIq3XxsGrid", {"IQ3_XXS": (iq3_xxs, 98)}, 256, 4, [4, 12, 20, 28, 36, 44, 52, 62]),
    ("kIq3SGrid", {"IQ3_S": (iq3_s, 110)}, 512, 4, [1, 3, 5, 7, 9, 11, 13, 15]),
]


def entries_of(folder, formats, n_entries, width, levels):
    entries = {}
    for name, (slots, n_bytes) in formats.items():
        blocks = (folder / f"{name}.blocks.bin").read_bytes()
        values = (folder / f"{name}.values.f32").read_bytes()
        for block in range(len(blocks) // n_bytes):
            bytes_of_block = blocks[block * n_bytes:(block + 1) * n_bytes]
            for slot, (index, scale, delta) in enumerate(slots(bytes_of_block)):
                if scale == 0:
                    continue
                found = struct.unpack_from(f"<{width}f", values, 4 * (block * LENGTH + slot * width))
                exact = [v / scale - delta for v in found]
                entry = [levels.index(v if levels[0] < 0 else abs(v)) for v in exact]
                if entries.setdefault(index, entry) != entry:
                    sys.exit(f"{name}: index {index} has two entries, {entries[index]} and {entry}")
    missing = [i for i in range(n_entries) if i not in entries]
    if missing:
        sys.exit(f"{', '.join(formats)}: {len(missing)} indices do not occur")
    return [entries[i] for i in range(n_entries)]


def main():
    folder = pathlib.Path(sys.argv[1])
    print("// Written by make_grids.py; not edited by hand.\n")
    for name, formats, n_entries, width, levels in TABLES:
        bits = 16 // width if width == 8 else 3
        packed = [sum(v << bits * j for j, v in enumerate(entry)) for entry in entries_of(folder, formats, n_entries, width, levels)]
        print(f"constexpr uint16_t {name}[{n_entries}] = {{")
        for i in range(0, n_entries, 16):
            print("    " + ", ".join(f"0x{v:04x}" for v in packed[i:i + 16]) + ",")
        print("};")


main()
