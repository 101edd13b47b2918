"""Speeds of two programs side by side on the same files.

usage: compare.py FILE… --programs A B [--pairs 12] [-p 512] [-n 128] [-d 0] [--threads N] [--json OUT.json] [-- OPTIONS OF pio bench]

A and B are two builds of pio, A the one from before. Cells run in the order A B B A A B B A …, each in a process of its own, so that a machine
whose speed drifts treats both alike. Neighbours are a pair. Printed for prefill and decode: the best cell of each program and their ratio
B / A, which leaves out what disturbed a cell; and the median of the ratios of the pairs with its bootstrap interval (95 %), which says how
sure it is. The two should not contradict each other.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys

MIN_PAIRS = 12
PHASES = ("prefill", "decode")
RESAMPLES = 10000


@dataclasses.dataclass(frozen=True)
class Work:
    n_prompt: int
    n_decode: int
    depth: int
    threads: int
    options: tuple

    def phases(self):
        return [phase for phase, n in zip(PHASES, (self.n_prompt, self.n_decode)) if n > 0]


class Pio:
    """A build of pio. Another kind of program needs a name and `measure`."""

    def __init__(self, path):
        self.name = path
        self.path = os.path.abspath(path)

    def measure(self, file, work):
        """Tokens per second of each phase, from one process."""
        command = [self.path, "bench", file, "-p", str(work.n_prompt), "-n", str(work.n_decode), "-d", str(work.depth), "-r", "1", "--json", *work.options]
        if work.threads:
            command += ["--threads", str(work.threads)]
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if ran.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit {ran.returncode}: {ran.stderr.strip()}")
        found = json.loads(ran.stdout)
        return {phase: max(found[phase]["tokens_per_second"]) for phase in work.phases()}


def order(n_pairs):
    """0 1 1 0 0 1 1 0 …: both programs come first equally often."""
    return [which for pair in range(n_pairs) for which in ((0, 1) if pair % 2 == 0 else (1, 0))]


def interval(ratios, seed=1):
    """Of the median, by resampling the pairs."""
    rng = random.Random(seed)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    return [medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES)]]


def judge(cells, phase):
    """`cells`: (program 0 or 1, speeds), in the order in which they ran."""
    best = [max(speeds[phase] for which, speeds in cells if which == program) for program in (0, 1)]
    ratios = []
    for first, second in zip(cells[::2], cells[1::2]):
        a, b = (first, second) if first[0] == 0 else (second, first)
        ratios.append(b[1][phase] / a[1][phase])
    return {"best": best, "best_ratio": best[1] / best[0], "median_ratio": statistics.median(ratios), "interval": interval(ratios), "ratios": ratios}


def run(programs, file, work, n_pairs):
    cells = []
    for which in order(n_pairs):
        cells.append((which, programs[which].measure(file, work)))
        shown = ", ".join(f"{phase} {speed:.2f}" for phase, speed in cells[-1][1].items())
        print(f"  {len(cells)}/{2 * n_pairs} {'AB'[which]} {shown} tok/s", file=sys.stderr, flush=True)
    result = {"file": file, "cells": [{"program": programs[which].name, **speeds} for which, speeds in cells]}
    for phase in work.phases():
        result[phase] = judge(cells, phase)
    return result


def text(result, work):
    lines = [os.path.basename(result["file"])]
    for phase in work.phases():
        r = result[phase]
        length = work.n_prompt if phase == "prefill" else work.n_decode
        lines.append(f"  {phase:7} {length:5}: best {r['best'][0]:9.2f} and {r['best'][1]:9.2f} tok/s, ratio {r['best_ratio']:.3f}; "
                     f"median of {len(r['ratios'])} pairs {r['median_ratio']:.3f}, {r['interval'][0]:.3f} to {r['interval'][1]:.3f}")
    return "\n".join(lines)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []:
        if line.startswith("model name"):
            return line.split(": ", 1)[1]
    return platform.processor()


def main():
    own, passed = (sys.argv[1:], []) if "--" not in sys.argv else (sys.argv[1:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:])
    parser = argparse.ArgumentParser(usage=__doc__.replace("%", "%%"))
    parser.add_argument("files", nargs="+")
    parser.add_argument("--programs", nargs=2, required=True)
    parser.add_argument("--pairs", type=int, default=MIN_PAIRS)
    parser.add_argument("-p", type=int, default=512)
    parser.add_argument("-n", type=int, default=128)
    parser.add_argument("-d", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json")
    options = parser.parse_args(own)
    if options.pairs < MIN_PAIRS:
        parser.error(f"--pairs: expected at least {MIN_PAIRS}, found {options.pairs}")
    work = Work(options.p, options.n, options.d, options.threads, tuple(passed))
    if not work.phases():
        parser.error("-p and -n: expected one above 0")

    programs = [Pio(path) for path in options.programs]
    print(f"A {programs[0].name}\nB {programs[1].name}\n{processor()}, {os.cpu_count()} processors; ratios are B / A")
    results = []
    for file in options.files:
        results.append(run(programs, file, work, options.pairs))
        print(text(results[-1], work), flush=True)
    if options.json:
        report = {"programs": [program.name for program in programs], "processor": processor(), "processors": os.cpu_count(),
                  "work": dataclasses.asdict(work), "files": results}
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
