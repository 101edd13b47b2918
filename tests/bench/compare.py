"""Speeds of two programs side by side on the same files.

usage: compare.py FILE… --programs A B [--pairs 12] [-p 512] [-n 128] [-d 0] [--threads N] [--json OUT.json] [-- OPTIONS OF pio bench]
       compare.py FILE… --peer llama|ik|pio PATH [--peer-options "-fa 1"] [--pio build/release/bin/pio] …

A and B are two builds of pio, A the one from before; or A is a peer (llama, ik: the PATH of its llama-bench) and B this program. Cells run in the
order A B B A A B B A …, each in a process of its own, so that a machine whose speed drifts treats both alike. Neighbours are a pair. Printed
for prefill and decode: the best cell of each program and their ratio B / A, which leaves out what disturbed a cell; and the median of the
ratios of the pairs with its bootstrap interval (95 %), which says how sure it is. The two should not contradict each other.

A busy machine treats two programs differently: one's barriers wait for threads that have no processor, the other's tiles go on. So a cell whose
threads waited for a processor for more than 2 % of their time (/proc/PID/task/*/schedstat; of pio while it measured, as it says itself) is run
again, three times at most. Pairs of two quiet cells count; with fewer than six of them nothing is said about the file but "inconclusive", and the exit status is 2.
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
import tempfile
import time

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


MOST_WAITING = 0.02  # share of their time that a cell's threads may wait for a processor
MOST_TRIES = 4       # of a cell
LEAST_CLEAN = 6      # pairs


@dataclasses.dataclass
class Cell:
    program: int
    speeds: dict
    waited: float

    def is_clean(self):
        return self.waited <= MOST_WAITING


def times_of_threads(pid):
    """Nanoseconds that each thread ran and waited for a processor."""
    times = {}
    for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            ran, waited = file.read_text().split()[:2]
            times[file.parent.name] = (int(ran), int(waited))
        except (OSError, ValueError):
            pass  # it has ended
    return times


def run_watched(command, n_threads):
    """Output of the command, and the share of its threads' time that they waited for a processor.

    Of the n_threads that ran most, where that is not 0: more than these only load (ik_llama.cpp lays out weights with a thread more)."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, text=True)
        times = {}
        while process.poll() is None:
            times.update(times_of_threads(process.pid))
            time.sleep(0.05)
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit {process.returncode}: {err.read().strip()}")
        measured = sorted(times.values(), reverse=True)[: n_threads or None]
        ran, waited = (sum(pair[i] for pair in measured) for i in (0, 1))
        return out.read(), waited / max(ran + waited, 1)


class Pio:
    """A build of pio."""

    def __init__(self, path):
        self.name = path
        self.path = os.path.abspath(path)

    def measure(self, file, work):
        """Tokens per second of each phase, from one process, and how much it was disturbed."""
        command = [self.path, "bench", file, "-p", str(work.n_prompt), "-n", str(work.n_decode), "-d", str(work.depth), "-r", "1", "--json", *work.options]
        if work.threads:
            command += ["--threads", str(work.threads)]
        output, waited = run_watched(command, 0)
        found = json.loads(output)
        speeds = {phase: max(found[phase]["tokens_per_second"]) for phase in work.phases()}
        return speeds, self.waited_while_measuring(found, speeds, work, waited)

    @staticmethod
    def waited_while_measuring(found, speeds, work, otherwise):
        """The share without loading, for which more threads than processors read and lay out. A build that does not tell: of everything."""
        if "contention" not in found:
            return otherwise
        waited = found["contention"]["run_queue_seconds"]
        tokens = {"prefill": work.n_prompt, "decode": work.n_decode}
        ran = found["threads"] * 2 * sum(tokens[phase] / speed for phase, speed in speeds.items())  # once to warm up, and once measured
        return waited / max(ran + waited, 1e-9)


class LlamaBench:
    """llama-bench of llama.cpp or ik_llama.cpp."""

    def __init__(self, kind, path, options):
        self.name = f"{kind} {path} {' '.join(options)}".strip()
        self.path = os.path.abspath(path)
        self.options = options

    def measure(self, file, work):
        command = [self.path, "-m", file, "-p", str(work.n_prompt), "-n", str(work.n_decode), "-r", "1", "-o", "json", *self.options]
        if work.depth:
            command += ["-d", str(work.depth)]
        n_threads = work.threads or len(os.sched_getaffinity(0))
        command += ["-t", str(n_threads)]
        output, waited = run_watched(command, n_threads)
        # ik_llama.cpp writes a line or two before the list
        found = {"prefill" if test["n_prompt"] else "decode": test["avg_ts"] for test in json.loads(output[output.index("["):])}
        return {phase: found[phase] for phase in work.phases()}, waited


def order(n_pairs):
    """0 1 1 0 0 1 1 0 …: both programs come first equally often."""
    return [which for pair in range(n_pairs) for which in ((0, 1) if pair % 2 == 0 else (1, 0))]


def interval(ratios, seed=1):
    """Of the median, by resampling the pairs."""
    rng = random.Random(seed)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    return [medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES)]]


def judge(pairs, phase):
    """`pairs` of clean cells, A's first."""
    best = [max(pair[program].speeds[phase] for pair in pairs) for program in (0, 1)]
    ratios = [b.speeds[phase] / a.speeds[phase] for a, b in pairs]
    return {"best": best, "best_ratio": best[1] / best[0], "median_ratio": statistics.median(ratios), "interval": interval(ratios), "ratios": ratios}


def run_cell(program, which, file, work):
    for _ in range(MOST_TRIES):
        cell = Cell(which, *program.measure(file, work))
        if cell.is_clean():
            break
    return cell


def run(programs, file, work, n_pairs):
    cells = []
    for which in order(n_pairs):
        cells.append(run_cell(programs[which], which, file, work))
        shown = ", ".join(f"{phase} {speed:.2f}" for phase, speed in cells[-1].speeds.items())
        print(f"  {len(cells)}/{2 * n_pairs} {'AB'[which]} {shown} tok/s, {cells[-1].waited:.1%} waiting", file=sys.stderr, flush=True)
    pairs = [sorted(pair, key=lambda cell: cell.program) for pair in zip(cells[::2], cells[1::2]) if all(cell.is_clean() for cell in pair)]
    result = {"file": file, "clean_pairs": len(pairs),
              "cells": [{"program": programs[cell.program].name, "waited": cell.waited, **cell.speeds} for cell in cells]}
    if len(pairs) >= LEAST_CLEAN:
        for phase in work.phases():
            result[phase] = judge(pairs, phase)
    return result


def text(result, work):
    lines = [os.path.basename(result["file"])]
    if result["clean_pairs"] < LEAST_CLEAN:
        lines.append(f"  inconclusive: {result['clean_pairs']} quiet pairs of {len(result['cells']) // 2}, at least {LEAST_CLEAN} wanted")
        return "\n".join(lines)
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
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--programs", nargs=2)
    which.add_argument("--peer", nargs=2)
    parser.add_argument("--peer-options", default="")
    parser.add_argument("--pio", default="build/release/bin/pio")
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

    if options.programs:
        programs = [Pio(path) for path in options.programs]
    else:
        kind, path = options.peer
        if kind not in ("llama", "ik", "pio"):
            parser.error(f"--peer: expected llama, ik or pio, found {kind}")
        programs = [Pio(path) if kind == "pio" else LlamaBench(kind, path, options.peer_options.split()), Pio(options.pio)]
    print(f"A {programs[0].name}\nB {programs[1].name}\n{processor()}, {os.cpu_count()} processors; ratios are B / A")
    results = []
    for file in options.files:
        results.append(run(programs, file, work, options.pairs))
        print(text(results[-1], work), flush=True)
    if options.json:
        report = {"programs": [program.name for program in programs], "processor": processor(), "processors": os.cpu_count(),
                  "work": dataclasses.asdict(work), "files": results}
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


    if any(result["clean_pairs"] < LEAST_CLEAN for result in results):
        sys.exit(2)


if __name__ == "__main__":
    main()
