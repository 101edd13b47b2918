"""Counts what a run of ctest did, from the log that it leaves (Testing/Temporary/LastTest.log).

usage: count_tests.py LOG

A body is one function of a test program; it runs as one case for each of its parameters. Skips are grouped by their reason: a file that
is missing can be fetched, hardware that is not here cannot.
"""

import re
import sys
from collections import Counter

ENTRY = re.compile(r"^\d+/\d+ Testing: (.*)$")
GTEST_RUN = re.compile(r"^\[ RUN      \] (?P<suite>\S+?)\.(?P<case>\S+)$")
GTEST_SKIPPED = re.compile(r"^\[  SKIPPED \] \S+ \(\d+ ms\)$")
GTEST_REASON = re.compile(r"^\S+:\d+: Skipped$")
QT_LINE = re.compile(r"^(?P<result>PASS|FAIL!|XFAIL|XPASS|SKIP|BPASS|BFAIL)\s*: (?P<function>[^\s(]+)\((?P<data>.*?)\)(?: (?P<reason>.*))?$")
PROGRAM_SKIP = re.compile(r"^skipped: (?P<reason>.*)$")  # of a script, which ends with the status that ctest takes for a skip

MISSING_FILE = re.compile(r"no fixture|no shared|no starter|no grammar|is not there|is not on this machine|has no films|PIO_SHARED|PIO_STARTER_MODEL")
INSTRUCTION_SET = re.compile(r'instruction set: expected one of .*, found "(?P<name>\w+)"')
HARDWARE = re.compile(r"instruction set|processor|control group|no such device|device|backend|cuda|vulkan|NEON", re.IGNORECASE)
GROUPS = ("a file is missing", "hardware or a right that this machine does not have", "something else")


def group_of(reason):
    if MISSING_FILE.search(reason):
        return GROUPS[0]
    return GROUPS[1] if HARDWARE.search(reason) else GROUPS[2]


def merged(skips):
    """Instruction sets that this processor does not have are one reason, however many tests name them."""
    merged, names = Counter(), set()
    for reason, n in skips.items():
        if found := INSTRUCTION_SET.search(reason):
            names.add(found["name"])
            reason = None
        merged[reason] += n
    if names:
        merged["instruction sets that this processor does not have: " + ", ".join(sorted(names))] = merged.pop(None)
    return merged


def gtest_body(match):
    """All/Stop.Ends/cpu_avx2 and More/Stop.Ends/3 are one body; typed tests have their number behind the suite."""
    suite = match["suite"].split("/")
    suite = suite[1] if len(suite) > 1 and not suite[-1].isdigit() else suite[0]
    return suite + "." + match["case"].split("/")[0]


class Count:
    def __init__(self):
        self.bodies = set()
        self.n_cases = 0
        self.skips = Counter()

    def entry(self, name, lines):
        """One entry of ctest: a case of GoogleTest, a program of Qt with many, or any other program, which counts as one."""
        n_before = self.n_cases + sum(self.skips.values())
        program = name.split(".")[0]
        reason, body = [], None
        for line in lines:
            if run := GTEST_RUN.match(line):
                body, reason = gtest_body(run), None
                self.bodies.add(program + ": " + body)
                self.n_cases += 1
            elif GTEST_REASON.match(line):
                reason = []
            elif GTEST_SKIPPED.match(line):
                self.n_cases -= 1
                self.skips[" ".join(" ".join(reason or []).split()) or "no reason given"] += 1
                reason = None
            elif qt := QT_LINE.match(line):
                self.qt(program, qt)
            elif skip := PROGRAM_SKIP.match(line):
                self.skips[skip["reason"]] += 1
            elif reason is not None and body:
                reason.append(line)
        if self.n_cases + sum(self.skips.values()) == n_before:
            self.bodies.add(name)
            self.n_cases += 1

    def qt(self, program, line):
        if line["function"].split("::")[-1] in ("initTestCase", "cleanupTestCase"):
            return
        self.bodies.add(program + ": " + line["function"])
        if line["result"] == "SKIP":
            self.skips[line["reason"] or "no reason given"] += 1
        else:
            self.n_cases += 1


def read(log):
    count, name, lines = Count(), None, []
    for line in log:
        line = line.rstrip("\n")
        if entry := ENTRY.match(line):
            if name is not None:
                count.entry(name, lines)
            name, lines = entry[1], []
        elif name is not None:
            lines.append(line)
    if name is not None:
        count.entry(name, lines)
    return count


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        count = read(log)
    print(f"{len(count.bodies)} test bodies, {count.n_cases} cases ran, {sum(count.skips.values())} were skipped")
    for group in GROUPS:
        reasons = [(n, reason) for reason, n in merged(count.skips).items() if group_of(reason) == group]
        if reasons:
            print(f"Skipped, {group}:")
        for n, reason in sorted(reasons, key=lambda pair: (-pair[0], pair[1])):
            print(f"{n:6}  {reason}")


if __name__ == "__main__":
    main()
