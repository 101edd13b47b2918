#!/usr/bin/env python3
"""Writes a language that nobody speaks, 40 % longer than English and from right to left, to see what is cut off and what does not mirror.

usage: pseudo_language.py ONE.ts OUT.ts      ONE: any translation file with all messages
"""
import re
import sys
import xml.etree.ElementTree as tree

LETTERS = str.maketrans("aeiouyAEIOUYcnstzlCNSTZL", "áéîõúýÁÉÎÕÚÝçñšťžľÇÑŠŤŽĽ")
KEPT = re.compile(r"(%L?n|%L?\d+|\(\*[^)]*\)|`[^`]*`|mmproj-….gguf|\.[a-z]{2,5}\b)")
RIGHT_TO_LEFT = "\u200f"   # a mark that Text takes the direction of a paragraph from


def longer(text):
    """Vowels twice, then more of them at the end until it is 40 % longer; placeholders stay."""
    pieces = KEPT.split(text)
    words = "".join(piece if KEPT.fullmatch(piece) else re.sub(r"([aeiouAEIOU])", lambda m: m.group(1) + m.group(1).lower(), piece) for piece in pieces)
    missing = round(1.4 * len(text)) - len(words)
    if missing > 0:
        ends = re.search(r"[.:…?]*$", words).start()
        words = words[:ends] + "o" * missing + words[ends:]
    return RIGHT_TO_LEFT + "".join(piece if KEPT.fullmatch(piece) else piece.translate(LETTERS) for piece in KEPT.split(words))


def main(one, out):
    document = tree.parse(one)
    root = document.getroot()
    root.set("language", "en")     # two plural forms
    for message in root.iter("message"):
        target, source = message.find("translation"), message.findtext("source")
        for old in list(target):
            target.remove(old)
        target.attrib.pop("type", None)
        if message.get("numerus"):
            for _ in range(2):
                tree.SubElement(target, "numerusform").text = longer(source)
        else:
            target.text = longer(source)
    context = tree.SubElement(root, "context")
    tree.SubElement(context, "name").text = "QGuiApplication"
    direction = tree.SubElement(context, "message")
    tree.SubElement(direction, "source").text = "QT_LAYOUT_DIRECTION"
    tree.SubElement(direction, "translation").text = "RTL"
    document.write(out, encoding="utf-8", xml_declaration=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
