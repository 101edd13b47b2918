#!/usr/bin/env python3
"""The translations against the sources: nothing new, nothing unfinished, placeholders and plural forms agree, little stays English, and every
context is one that the program looks in.

usage: translations_test.py
"""
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "resources/i18n"
FORMS = {"pio_de": 2, "pio_en": 2, "pio_zh_CN": 1}
# Names, units and keys that are the same in that language, and formats that it shares with English.
FORMATS = {"%1 %2", "%1  %2", "%1/%2", "%1 /", "%1 · %2", "%1 × %2", "%1 · %2 · %3", "%1 GB", "%1 GB/s", "%1 kB", "%1 MB", "%1 MB/s", "http://host:port",
           "https://huggingface.co", "Hugging Face", "Inference-PIO", "Inference-PIO %1", "LM Studio", "INT4", "INT8", "FP16", "NF4", "Top-p", "Top-k", "Min-p"}
SAME = {
    "pio_de": FORMATS | {"%1 %", "%1 (%2)", "%1 s", "%1, %2", "%1: %2", "%1: %2 %3", "%1. %2", "%1; %2", ", ", "≈ %1", "≈ %1 s", "Attention", "CPU", "Chat",
                         "Chats", "Code", "GPU", "GPU %1", "GPU, %1", "In %1", "Markdown (*.md)", "Proxy", "RAM", "Sampling", "System", "Threads"},
    "pio_zh_CN": FORMATS | {"CPU", "Ctrl", "Enter", "GPU", "GPU %1", "Shift"},
}
PLACEHOLDER = re.compile(r"%(?:L?n|L?\d+)")


def messages_of(file):
    for context in tree.parse(file).getroot().iter("context"):
        for message in context.iter("message"):
            yield context.findtext("name"), message


def forms_of(message):
    target = message.find("translation")
    return [form.text or "" for form in target.findall("numerusform")] if message.get("numerus") else [target.text or ""]


def problems_of(file):
    for context, message in messages_of(file):
        source, forms = message.findtext("source"), forms_of(message)
        where = f"{file.name}: {context}: {source!r}"
        if message.find("translation").get("type"):
            yield f"{where}: {message.find('translation').get('type')}"
        if not all(form.strip() for form in forms):
            yield f"{where}: empty"
        if message.get("numerus") and len(forms) != FORMS[file.stem]:
            yield f"{where}: {FORMS[file.stem]} plural forms, {len(forms)} found"
        wanted = sorted(PLACEHOLDER.findall(source))
        for at, form in enumerate(forms):
            found = sorted(PLACEHOLDER.findall(form))
            # One thing may be said without its number.
            if found != wanted and not (len(forms) > 1 and at == 0 and found == [p for p in wanted if p not in ("%n", "%Ln")]):
                yield f"{where}: placeholders {wanted}, {found} in {form!r}"
            if re.search(r"\s$|^\s", form) and not re.search(r"\s$|^\s", source):
                yield f"{where}: space at an end of {form!r}"
            if source[-1] in ".:?" and form[-1] not in {".": ".。", ":": ":：", "?": "?？"}[source[-1]]:
                yield f"{where}: ends otherwise: {form!r}"
            if source.endswith("…") != form.endswith("…"):
                yield f"{where}: … at the end of one alone: {form!r}"
        if file.stem in SAME and forms == [source] and source not in SAME[file.stem]:
            yield f"{where}: as in English"


def unused_of(file):
    other = {message.findtext("source") for _, message in messages_of(file) if forms_of(message) != [message.findtext("source")]}
    return [f"{file.name}: {text!r} is in the list of what stays English, and does not" for text in sorted(SAME[file.stem] & other)]


def context_problems(file):
    """A context that no class and no QML file has is one that nobody looks in."""
    components = {path.stem for path in (ROOT / "ui").rglob("*.qml")}
    headers = "\n".join(path.read_text() for path in (ROOT / "app").rglob("*.h"))
    declared = {name for path in (ROOT / "app").rglob("*.[ch]*") for name in re.findall(r"Q_DECLARE_TR_FUNCTIONS\(([\w:]+)\)", path.read_text())}
    for context in sorted({context for context, _ in messages_of(file)}):
        name = context.rpartition("::")[2]
        has_tr = context.startswith("pio::") and re.search(rf"class {name}\b[^;{{]*\{{\s*(Q_OBJECT|Q_GADGET)", headers)
        if context != "pio" and context not in components | declared and not has_tr:
            yield f"context {context}: no QML file and no class with Q_OBJECT"
    for path in (ROOT / "app").rglob("*.cpp"):
        for found in re.findall(r'translate\("([^"]*)",\s*[a-z]', path.read_text()):     # a helper at namespace scope
            if found != "pio":
                yield f"{path.relative_to(ROOT)}: lookups in {found}, and lupdate writes pio"


def stale():
    """The messages that update.sh would add and remove."""
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(FOLDER.glob("*.ts")):
            shutil.copy(file, folder)
        subprocess.run(["bash", FOLDER / "update.sh", folder], check=True, capture_output=True)
        for file in sorted(FOLDER.glob("*.ts")):
            # Not byte by byte: another version of lupdate may write the same in another way.
            before, after = ({(context, message.findtext("source"), message.findtext("comment"), message.get("numerus")) for context, message in messages_of(path)}
                             for path in (file, Path(folder) / file.name))
            if before != after:
                yield f"{file.name}: resources/i18n/update.sh changes it: new {sorted(map(str, after - before))}, gone {sorted(map(str, before - after))}"


def main():
    files = sorted(FOLDER.glob("*.ts"))
    problems = [] if [file.stem for file in files] == sorted(FORMS) else [f"the files of {sorted(FORMS)}, {[file.stem for file in files]} found"]
    problems += stale()
    for file in files:
        problems += problems_of(file)
    for name in SAME:
        problems += unused_of(FOLDER / f"{name}.ts")
    problems += context_problems(FOLDER / "pio_de.ts")
    everything, plurals = ({(context, message.findtext("source"), message.findtext("comment")) for context, message in messages_of(FOLDER / name)}
                           for name in ("pio_de.ts", "pio_zh_CN.ts"))
    if everything != plurals:
        problems.append(f"German and Chinese have other messages: {sorted(map(str, everything ^ plurals))}")
    print("\n".join(problems) if problems else f"{len(everything)} messages in each language")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
