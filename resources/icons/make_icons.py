#!/usr/bin/env python3
"""Writes resources/icons/NAME.svg for every line of icons.txt."""
import pathlib

HERE = pathlib.Path(__file__).parent
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">'
STROKE = 'fill="none" stroke="#000" stroke-width="1.3" stroke-linecap="round" stroke-linejoin="round"'

for line in (HERE / "icons.txt").read_text().splitlines():
    if line.startswith("#"):
        continue
    name, path = line.split(": ", 1)
    paint = 'fill="#000"' if name.endswith(" (filled)") else STROKE
    name = name.removesuffix(" (filled)")
    (HERE / f"{name}.svg").write_text(f'{HEAD}<path d="{path}" {paint}/></svg>\n')
