"""texts_test.py SOURCE VERSION: what says the same in two places agrees: versions, the desktop's words and the window's, and the licences of what the programs contain."""

import configparser
import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

source, version = Path(sys.argv[1]), sys.argv[2]
linux, licences = source / "resources/linux", source / "resources/licences"
faults = []


def expect(what, expected, found):
    if expected != found:
        faults.append(f"{what}: expected {expected}, found {found}")


releases = ElementTree.parse(next(linux.glob("*.metainfo.xml"))).getroot().findall("releases/release")
expect("newest release of the metainfo", version, releases[0].get("version") if releases else None)
first = (linux / "changelog").read_text(encoding="utf-8").splitlines()[0]
expect("newest entry of the changelog", f"inference-pio ({version})", first.split(";")[0].rsplit(" ", 1)[0])

# An action of the desktop file is called as the window calls it, in every language of the window.
desktop = configparser.RawConfigParser(interpolation=None)
desktop.optionxform = str
desktop.read(next(linux.glob("*.desktop")), encoding="utf-8")
actions = [action for action in desktop["Desktop Entry"]["Actions"].split(";") if action]
expect("actions of the desktop file", ["new-chat"], actions)
for action in actions:
    group = desktop[f"Desktop Action {action}"]
    for file in (source / "resources/i18n").glob("pio_*.ts"):
        language = file.stem.removeprefix("pio_")
        if language != "en":
            words = {message.findtext("translation") for message in ElementTree.parse(file).iter("message") if message.findtext("source") == group["Name"]}
            expect(f"the desktop file's {action} in {language}", words, {group.get(f"Name[{language}]")})

parts = json.loads((licences / "parts.json").read_text(encoding="utf-8"))["parts"]
texts = {file.stem for file in licences.glob("*.txt")} | {"Apache-2.0", "public domain"}
for part in parts:
    expect(f"{part['name']}: a licence whose text is here", True, part["licence"] in texts)
    expect(f"{part['name']}: use", True, part["use"] in ("itself", "contained", "module", "linked", "shown"))

# The package's copyright names each contained part, by its files or by the comment that gives its name.
copyright_text = (linux / "copyright").read_text(encoding="utf-8")
sections = {}
for section in copyright_text.split("\n\n"):
    if found := re.match(r"Files: (\S+)", section):
        name = re.search(r"^Comment: (.+)$", section, re.MULTILINE)
        sections[name[1] if name else found[1]] = re.search(r"^License: (.+)$", section, re.MULTILINE)[1]
for part in parts:
    if part["use"] == "contained":
        expect(f"copyright of the package, {part['name']}", part["licence"], sections.get(part["name"]))
for licence in {part["licence"] for part in parts if part["use"] == "contained"}:
    expect(f"copyright of the package: the text of {licence}", True, re.search(rf"^License: {re.escape(licence)}\n \S", copyright_text, re.MULTILINE) is not None)

# Every library that the build looks for is a part.
names = " ".join(part["name"] for part in parts).lower()
known = {"nlohmann_json": "json for modern c++", "qt6": "qt 6", "cli11": "cli11", "dtl_include": "dtl", "xxhash_include": "xxhash", "md4c_library": "md4c", "sentencepiece_library": "sentencepiece",
         "pio_vulkan_headers": "vulkan headers", "pio_volk": "volk", "pio_opencv_include": "opencv", "pio_opencv_": "opencv"}
tools = {"threads", "gtest", "python3", "md4c_include", "sentencepiece_include_dir"}
for file in [source / "CMakeLists.txt", *(f for room in ("kernels", "models", "engine", "app", "ui") for f in (source / room).rglob("CMakeLists.txt"))]:
    for wanted in re.findall(r"find_(?:package|path|library)\((\w+)", file.read_text(encoding="utf-8")):
        if wanted.lower() not in tools:
            expect(f"{file.relative_to(source)}: {wanted} is a part of parts.json", True, known.get(wanted.lower(), wanted.lower()) in names)

print("\n".join(faults) or "agree")
sys.exit(bool(faults))
