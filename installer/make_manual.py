#!/usr/bin/env python3
"""Writes the manual page of a program from what its own --help says, so that the two cannot differ.

usage: make_manual.py PROGRAM VERSION TEMPLATE.1.in OUT.1.gz

The template holds the words that no --help has; its lines @OPTIONS@ and @COMMANDS@ are replaced. An option that three commands or more have in
the same words is described once. Ends with status 1 when an option or a command has no line that can be read.
"""

import gzip
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

# "  --kv TEXT:{f16,q8_0}   how keys…", "  -h, --help   …", "  model TEXT REQUIRED   …": two spaces of indent, then two or more before the words.
ENTRY = re.compile(r"^  (?P<head>\S.*?)(?:\s{2,}(?P<words>\S.*)?)?$")
SECTION = re.compile(r"^(?P<name>[A-Z]\w+):$")
COMMON = 3  # an option of so many commands is described beside them
UNWANTED = ("--help-all",)


def help_of(*command):
    quiet = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8", "ASAN_OPTIONS": "detect_leaks=0", "COLUMNS": "4000"}
    done = subprocess.run([*command, "--help"], env=quiet, capture_output=True, check=True)
    return done.stdout.decode()


def sections(text):
    """{"Options": [(head, words)], …}; the lines before the first are "": [(line, "")]."""
    found, name = {"": []}, ""
    for line in text.splitlines():
        if section := SECTION.match(line):
            name = section["name"]
            found[name] = []
        elif not line.strip():
            continue
        elif not name:
            found[""].append((line, ""))
        elif entry := ENTRY.match(line):
            head, words = entry["head"], entry["words"] or ""
            if not words:  # they may follow after one space where the head is as long as the column
                head, words = split_full(head)
            found[name].append((head, words))
        elif found[name]:
            head, words = found[name][-1]
            found[name][-1] = (head, (words + " " + line.strip()).strip())
        else:
            sys.exit(f"make_manual: a line of --help cannot be read: {line!r}")
    return found


def split_full(head):
    """"--activations TEXT:{q8,f32} q8: fast" is an option and its words."""
    found = re.match(r"^(?P<head>-\S+(?: [A-Z]+(?::\{\S+\})?(?: \.\.\.)?| <[^>]+>)?)(?: (?P<words>.+))?$", head)
    return (found["head"], found["words"] or "") if found else (head, "")


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "\\[u2026]")
    return "\\&" + text if text[:1] in (".", "'") else text


def quoted(text):
    return '"' + escaped(text).replace('"', "\\(dq") + '"'


def excluded(found):
    names = ", ".join(found[2].split())
    return f"{found[3]} ({'not with' if found[1] == 'Excludes' else 'with'} {names})".strip()


def item(head, words):
    """Names bold, what stands for a value in italics."""
    conditions = re.compile(r"^(Excludes|Needs): ((?:-\S+ ?)+)(.*)")
    while conditions.match(words):
        words = conditions.sub(excluded, words)
    if not head.startswith("-"):
        return f".TP\n.I {quoted(head.split()[0])}\n{escaped(words)}"
    head = re.sub(r"TEXT:\{([^}]*)\}", lambda found: "{" + found[1].replace(",", "|") + "}", head).replace(",-", ", -").replace(" REQUIRED", "")
    head = head.replace(" TEXT", " VALUE").replace(" ...", "").replace("<", "").replace(">", "")
    names, _, value = head.partition(" ") if ", " not in head else (head, "", "")
    line = f".BI {quoted(names)} {quoted(' ' + value)}" if value else f".B {quoted(names)}"
    return f".TP\n{line}\n{escaped(words)}" if words else f".TP\n{line}\n\\&"


def options_of(found):
    return [option for option in found.get("Options", []) if not any(name in option[0] for name in UNWANTED)]


def is_help(option):
    return "--help" in option[0]


def commands_text(program, main):
    commands = {name: (words, sections(help_of(program, name))) for name, words in main.get("Subcommands", [])}
    count = Counter(option for _, found in commands.values() for option in set(options_of(found)) if not is_help(option))
    shared = [option for option in count if count[option] >= COMMON]
    lines = []
    for name, (words, found) in commands.items():
        usage = next((line for line, _ in found[""] if line.startswith("Usage:")), None)
        if usage is None:
            sys.exit(f"make_manual: {name}: no usage in its --help")
        lines += [f".SS {quoted(usage.removeprefix('Usage: '))}", escaped(words[:1].upper() + words[1:]) + "."]
        lines += [item(*entry) for entry in found.get("Positionals", [])]
        lines += [item(*entry) for entry in options_of(found) if entry not in shared and not is_help(entry)]
        also = [re.split(r"[ ,]", head)[0] for head, words in options_of(found) if (head, words) in shared]
        if also:
            lines += [".PP", "Also: " + ", ".join(f"\\fB{escaped(name)}\\fR" for name in also) + "."]
    lines += [".SH OPTIONS OF SEVERAL COMMANDS"]
    return "\n".join(lines + [item(*option) for option in sorted(shared, key=lambda option: option[0].lstrip("-"))])


def main():
    program, version, template, out = sys.argv[1:]
    found = sections(help_of(program))
    page = Path(template).read_text(encoding="utf-8").replace("@VERSION@", version)
    page = page.replace("@OPTIONS@\n", "\n".join(item(*option) for option in options_of(found)) + "\n")
    if "@COMMANDS@\n" in page:
        page = page.replace("@COMMANDS@\n", commands_text(program, found) + "\n")
    with open(out, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(page.encode())


if __name__ == "__main__":
    main()
