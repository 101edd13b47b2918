"""Writes tables.inc, the character tables of the published tokenizers, from the lists that were read out of their library.

    python3 make_tables.py FOLDER > tables.inc

FOLDER holds letters.txt, numbers.txt, white_space.txt (the split patterns' classes, Unicode 16.0), digits_step.txt (Nd, Nl and No of
Unicode 17.0) and nfc.txt (canonical data of Unicode 9.0; Hangul syllables are arithmetic and not in there).
"""
import sys
import textwrap
from pathlib import Path


def ranges(path):
    for line in path.read_text().split():
        first, last = line.split("..")
        yield int(first, 16), int(last, 16)


def write(declaration, entries):
    body = textwrap.fill(" ".join(entries), width=138, initial_indent="  ", subsequent_indent="  ", break_long_words=False)
    print(f"\nconstexpr {declaration}[] = {{\n{body}\n}};")


def main():
    folder = Path(sys.argv[1])
    print("// Written by make_tables.py; not edited by hand. Sorted, ranges inclusive.")
    classes = [(first, last, kind) for kind, name in (("letter", "letters"), ("number", "numbers"), ("space", "white_space"))
               for first, last in ranges(folder / f"{name}.txt")]
    classes.sort()
    assert all(a[1] < b[0] for a, b in zip(classes, classes[1:])), "the three classes are disjoint"
    short = {"letter": "L", "number": "N", "space": "S"}
    write("ClassRange kClasses", [f"{{{first:#x},{last:#x},{short[kind]}}}," for first, last, kind in classes])
    write("Range kDigits", [f"{{{first:#x},{last:#x}}}," for first, last in sorted(ranges(folder / "digits_step.txt"))])

    combining, decompositions, compositions = [], [], []
    for line in (folder / "nfc.txt").read_text().splitlines():
        word, *rest = line.split()
        if word == "ccc":
            combining.append((int(rest[0], 16), int(rest[1])))
        else:
            {"decomposition": decompositions, "composition": compositions}[word].append([int(x, 16) for x in rest])
    joined = []
    for code, number in sorted(combining):
        if joined and joined[-1][1] == code - 1 and joined[-1][2] == number:
            joined[-1][1] = code
        else:
            joined.append([code, code, number])
    write("CombiningRange kCombining", [f"{{{first:#x},{last:#x},{number}}}," for first, last, number in joined])

    pool, entries = [], []
    for code, *to in sorted(decompositions):
        entries.append(f"{{{code:#x},{len(pool)},{len(to)}}},")
        pool += to
    assert len(pool) < 65536
    write("Decomposition kDecompositions", entries)
    write("char32_t kDecomposed", [f"{code:#x}," for code in pool])
    write("Composition kCompositions", [f"{{{a:#x},{b:#x},{c:#x}}}," for a, b, c in sorted(compositions)])


main()
