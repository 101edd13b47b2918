"""manual_test.py FOLDER PROGRAM…: FOLDER/NAME.1.gz is a page that man reads without a word, and names every option and command of --help."""

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

faults = []


def help_of(*command):
    quiet = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8", "ASAN_OPTIONS": "detect_leaks=0"}
    return subprocess.run([*command, "--help"], env=quiet, capture_output=True, check=True).stdout.decode()


for program in sys.argv[2:]:
    page_file = Path(sys.argv[1]) / (Path(program).name + ".1.gz")
    page = gzip.open(page_file).read().decode().replace("\\-", "-")
    text = help_of(program)
    commands = re.findall(r"^  ([a-z]\w*) ", text.partition("Subcommands:")[2], re.MULTILINE)
    for command in commands:
        if not re.search(rf'^\.SS "pio {command}\b', page, re.MULTILINE):
            faults.append(f"{page_file.name}: {command} is missing")
        text += help_of(program, command)
    wanted = set(re.findall(r"^  (?:-\w, ?)?(--?[\w-]+)", text, re.MULTILINE)) - {"--help-all"}
    faults += [f"{page_file.name}: {option} is missing" for option in sorted(wanted) if not re.search(rf"{option}\b", page)]
    if shutil.which("man"):
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", str(page_file)], capture_output=True, env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"})
        if done.returncode != 0 or done.stderr:
            faults.append(f"man {page_file.name}: {done.stderr.decode()[:300]}")

print("\n".join(faults) or "agree")
if not faults and not shutil.which("man"):
    print("skipped: man is not installed (package man-db); the pages name every option")
    sys.exit(77)
sys.exit(bool(faults))
