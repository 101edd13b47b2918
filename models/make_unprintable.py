"""Writes unprintable.inc: the characters that Python's repr() of a string escapes (str.isprintable), as ranges.

    python3 make_unprintable.py > unprintable.inc
"""
import textwrap
import unicodedata

ranges = []
for code in range(0x80, 0x110000):
    if chr(code).isprintable():
        continue
    if ranges and ranges[-1][1] == code - 1:
        ranges[-1][1] = code
    else:
        ranges.append([code, code])
print(f"// Written by make_unprintable.py with Unicode {unicodedata.unidata_version}; not edited by hand. Sorted, inclusive, from U+0080 on.")
body = " ".join(f"{{{first:#x},{last:#x}}}," for first, last in ranges)
print(textwrap.fill(body, width=138, initial_indent="  ", subsequent_indent="  ", break_long_words=False))
