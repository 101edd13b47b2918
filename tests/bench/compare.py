"""Speeds of two programs side by side on the same files.

usage: compare.py FILE… --programs A B [--pairs 12] [-p 512] [-n 128] [-d 0] [--threads N] [--json OUT.json] [-- OPTIONS OF pio bench]
       compare.py FILE… --peer llama|ik|pio PATH [--peer-options "-fa 1" | --peer-best] [--pio build/release/bin/pio] …

A and B are two builds of pio, A the one from before; or A is a peer (llama, ik: the PATH of its llama-bench) and B this program. Cells run in the
order A B B A A B B A …, each in a process of its own, so that a machine whose speed drifts treats both alike. Neighbours are a pair. Printed
for prefill and decode: the best cell of each program and their ratio B / A, which leaves out what disturbed a cell; and the median of the
ratios of the pairs with its bootstrap interval (95 %), which says how sure it is. The two should not contradict each other.

--peer-best finds the options at which the peer is fastest on each file, for prefill and for decode, among those that its llama-bench names
in --help (flash attention, mapped or read files, repacked weights; of ik_llama.cpp fused experts too): every combination in short runs (256 and 32
tokens at most, twice, in turn). Then they stay as they are for all cells, and are printed and stored. Where prefill and decode want different
ones, a cell of the peer is two processes.

A busy machine treats two programs differently: one's barriers wait for threads that have no processor, the other's tiles go on. So a cell counts
only where it was quiet, by the same two rules for both programs, looked at from outside every 0.1 s, over the same part of their runs: the last T
seconds before the process ended, T being the time that the program says its measured tokens took. (Loading lies before it and is not judged: both
use more threads then than there are processors.) What lies between is judged with it: of pio its own reads of the weights beside each half, of
llama-bench the warm-up token of decoding, of both with -d the reading of the tokens before. So as much of the first measured tokens is not. The rules
ask about the same threads in the same way, and no speed goes into them but the length of the part.
  - Its threads waited for a processor for at most 2 % of their time (/proc/PID/task/*/schedstat).
  - At most 0.1 other threads were runnable on the average: procs_running of /proc/stat, without this program, which looks, and without the threads
    of the measured one that were runnable just before or just after (the more of both, so that a thread which begins or ends meanwhile is not
    taken for another program's).
A cell that was not quiet is run again, three times at most. Pairs of two quiet cells count; with fewer than six of them nothing is said about the
file but "inconclusive", and the exit status is 2. It ends early when six cannot be reached any more.
"""

import argparse
import dataclasses
import itertools
import json
import os
import pathlib
import platform
import random
import re
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
MOST_OTHERS = 0.1    # threads of other programs that may be runnable meanwhile, on the average
MOST_TRIES = 4       # of a cell
LEAST_CLEAN = 6      # pairs
INTERVAL = 0.1       # seconds between two looks at a program that runs


@dataclasses.dataclass
class Disturbance:
    waited: float  # share of the program's time
    others: float  # runnable threads of other programs, the mean

    def is_quiet(self):
        return self.waited <= MOST_WAITING and self.others <= MOST_OTHERS

    def __or__(self, other):
        return Disturbance(max(self.waited, other.waited), max(self.others, other.others))

    def __str__(self):
        return f"{self.waited:.1%} waiting, {self.others:.2f} others"


@dataclasses.dataclass
class Cell:
    program: int
    speeds: dict
    disturbance: Disturbance

    def is_clean(self):
        return self.disturbance.is_quiet()


@dataclasses.dataclass
class Look:
    """What the system says of a program at one moment."""

    at: float     # seconds
    times: dict   # nanoseconds that each thread ran and waited for a processor
    others: int   # runnable threads of other programs


def read_of_threads(pid, file):
    """The file of each thread that is there."""
    found = {}
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found  # the process has ended
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/{file}", "rb") as opened:
                found[thread] = opened.read().decode("utf-8", "replace")
        except OSError:
            pass  # it has ended
    return found


def count_runnable(pid):
    # The state stands behind the name, which may hold anything.
    return sum(text.rpartition(")")[2].split()[:1] == ["R"] for text in read_of_threads(pid, "stat").values())


def others_of(running, own_before, own_after):
    return max(0, running - 1 - max(own_before, own_after))  # 1: who looks


def look_at(pid):
    before = count_runnable(pid)
    with open("/proc/stat", encoding="ascii") as opened:
        running = next((int(line.split()[1]) for line in opened if line.startswith("procs_running ")), 0)
    after = count_runnable(pid)
    times = {}
    for thread, text in read_of_threads(pid, "schedstat").items():
        words = text.split()
        if len(words) >= 2:
            times[thread] = (int(words[0]), int(words[1]))
    return Look(time.monotonic(), times, others_of(running, before, after))


def disturbance_of(looks, ended, seconds):
    """Of the last `seconds` before the program ended."""
    inside = [look for look in looks if look.at >= ended - seconds and look.times]
    first = next((look for look in reversed(looks) if look.at < ended - seconds), Look(0, {}, 0))  # where a thread has just begun: from nothing
    last = {}
    for look in inside:
        last.update(look.times)
    # A program that is too short to be looked at is not known to be quiet.
    if not last:
        return Disturbance(1.0, 0.0)
    ran, waited = (sum(times[i] - first.times.get(thread, (0, 0))[i] for thread, times in last.items()) for i in (0, 1))
    return Disturbance(waited / max(ran + waited, 1), statistics.mean(look.others for look in inside))


@dataclasses.dataclass
class Watched:
    output: str
    looks: list
    ended: float

    def disturbance(self, seconds):
        return disturbance_of(self.looks, self.ended, seconds)


def run_watched(command):
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, text=True)
        looks = []
        while True:
            try:
                process.wait(INTERVAL)
                break
            except subprocess.TimeoutExpired:
                looks.append(look_at(process.pid))
        ended = time.monotonic()
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit {process.returncode}: {err.read().strip()}")
        return Watched(out.read(), looks, ended)


def seconds_of(speeds, work):
    """That the measured tokens took."""
    tokens = dict(zip(PHASES, (work.n_prompt, work.n_decode)))
    return sum(tokens[phase] / speed for phase, speed in speeds.items())


class Pio:
    """A build of pio."""

    looks_for_best = False

    def __init__(self, path):
        self.name = path
        self.path = os.path.abspath(path)

    def measure(self, file, work):
        """Tokens per second of each phase, from one process, and how much it was disturbed."""
        command = [self.path, "bench", file, "-p", str(work.n_prompt), "-n", str(work.n_decode), "-d", str(work.depth), "-r", "1", "--json", *work.options]
        if work.threads:
            command += ["--threads", str(work.threads)]
        watched = run_watched(command)
        found = json.loads(watched.output)
        speeds = {phase: max(found[phase]["tokens_per_second"]) for phase in work.phases()}
        return speeds, watched.disturbance(seconds_of(speeds, work))


class LlamaBench:
    """llama-bench of llama.cpp or ik_llama.cpp."""

    def __init__(self, kind, path, options, looks_for_best=False):
        self.looks_for_best = looks_for_best
        self.name = f"{kind} {path} {' '.join(options)}".strip()
        self.path = os.path.abspath(path)
        self.options = {phase: tuple(options) for phase in PHASES}

    def measure(self, file, work):
        """From one process, or two where prefill and decode have options of their own."""
        speeds, disturbance = {}, Disturbance(0, 0)
        for options in dict.fromkeys(self.options[phase] for phase in work.phases()):
            mine = [phase for phase in work.phases() if self.options[phase] == options]
            part = dataclasses.replace(work, n_prompt=work.n_prompt if "prefill" in mine else 0, n_decode=work.n_decode if "decode" in mine else 0)
            some, disturbed = self.run(file, part, options)
            speeds.update(some)
            disturbance |= disturbed
        return {phase: speeds[phase] for phase in work.phases()}, disturbance

    def run(self, file, work, options):
        command = [self.path, "-m", file, "-p", str(work.n_prompt), "-n", str(work.n_decode), "-r", "1", "-o", "json", *options]
        if work.depth:
            command += ["-d", str(work.depth)]
        command += ["-t", str(work.threads or len(os.sched_getaffinity(0)))]
        watched = run_watched(command)
        # ik_llama.cpp writes a line or two before the list
        found = {"prefill" if test["n_prompt"] else "decode": test["avg_ts"] for test in json.loads(watched.output[watched.output.index("["):])}
        speeds = {phase: found[phase] for phase in work.phases()}
        return speeds, watched.disturbance(seconds_of(speeds, work))

    def choices(self):
        """Combinations of what --help names, each a tuple of words."""
        shown = subprocess.run([self.path, "--help"], capture_output=True, text=True, check=False)
        return combinations(shown.stdout + shown.stderr)

    def find_best(self, file, work):
        """Makes the fastest options those of the cells. What was tried: {phase: {words: tokens a second}}."""
        choices = self.choices()
        short = dataclasses.replace(work, n_prompt=min(work.n_prompt, SHORT_PROMPT), n_decode=min(work.n_decode, SHORT_DECODE))
        tried = {phase: {} for phase in work.phases()}
        for at in range(SHORT_ROUNDS):
            for options in choices if at % 2 == 0 else reversed(choices):
                for _ in range(MOST_TRIES):  # until it is quiet; the last one counts anyway, since nothing but a choice hangs on it
                    speeds, disturbance = self.run(file, short, options)
                    if disturbance.is_quiet():
                        break
                for phase, speed in speeds.items():
                    tried[phase][" ".join(options)] = max(speed, tried[phase].get(" ".join(options), 0))
                print(f"  {' '.join(options)}: " + ", ".join(f"{phase} {speed:.2f}" for phase, speed in speeds.items()) + f" tok/s, {disturbance}",
                      file=sys.stderr, flush=True)
        for phase, speeds in tried.items():
            self.options[phase] = tuple(max(speeds, key=speeds.get).split())
        return {phase: {"options": " ".join(self.options[phase]), "tried": speeds} for phase, speeds in tried.items()}


SHORT_PROMPT, SHORT_DECODE, SHORT_ROUNDS = 256, 32, 2  # of runs that look for the peer's best

# The spellings of one thing, newest first: only the first that --help names is tried.
AXES = (
    (("-fa", "on|off", ("off", "on")), ("-fa", "", ("0", "1"))),
    (("-lm", "", ("mmap", "none")), ("-mmp", "", ("1", "0"))),
    (("--repack", "", ("1", "0")), ("-rtr", "", ("0", "1"))),
    (("-fmoe", "", ("1", "0")),),
)


def combinations(shown):
    """Of the options that the text of --help names."""
    axes = []
    for spellings in AXES:
        for flag, value, values in spellings:
            line = next((line for line in shown.splitlines() if re.match(rf"\s*(\S+,\s*)*{flag}[,\s]", line)), None)
            if line is not None and value in line:
                axes.append([(flag, one) for one in values])
                break
    return [tuple(itertools.chain.from_iterable(words)) for words in itertools.product(*axes)]


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
    result = {"file": file}
    if programs[0].looks_for_best:
        result["peer_best"] = programs[0].find_best(file, work)
        for phase, found in result["peer_best"].items():
            print(f"{os.path.basename(file)}: {phase} of the peer with {found['options'] or 'no options'}", flush=True)
    cells, pairs = [], []
    first_of_pair = order(n_pairs)[::2]
    for at, first in enumerate(first_of_pair):
        if len(pairs) + n_pairs - at < LEAST_CLEAN:
            break  # so many cannot come any more
        pair = {}
        for which in (first, 1 - first):
            cell = pair[which] = run_cell(programs[which], which, file, work)
            cells.append(cell)
            shown = ", ".join(f"{phase} {speed:.2f}" for phase, speed in cell.speeds.items())
            print(f"  {at + 1}/{n_pairs} {'AB'[which]} {shown} tok/s, {cell.disturbance}", file=sys.stderr, flush=True)
            if not cell.is_clean():
                break  # nothing is said of this pair
        if len(pair) == 2 and all(cell.is_clean() for cell in pair.values()):
            pairs.append([pair[0], pair[1]])
    result |= {"clean_pairs": len(pairs), "pairs": n_pairs,
               "cells": [{"program": programs[cell.program].name, **dataclasses.asdict(cell.disturbance), **cell.speeds} for cell in cells]}
    if len(pairs) >= LEAST_CLEAN:
        for phase in work.phases():
            result[phase] = judge(pairs, phase)
    return result


def text(result, work):
    lines = [os.path.basename(result["file"])]
    if result["clean_pairs"] < LEAST_CLEAN:
        lines.append(f"  inconclusive: {result['clean_pairs']} quiet pairs of {result['pairs']}, at least {LEAST_CLEAN} wanted")
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


def main(words):
    own, passed = (words, []) if "--" not in words else (words[:words.index("--")], words[words.index("--") + 1:])
    parser = argparse.ArgumentParser(usage=__doc__.replace("%", "%%"))
    parser.add_argument("files", nargs="+")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--programs", nargs=2)
    which.add_argument("--peer", nargs=2)
    parser.add_argument("--peer-options", default="")
    parser.add_argument("--peer-best", action="store_true")
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

    if options.peer_best and not options.peer:
        parser.error("--peer-best: expected --peer")
    if options.programs:
        programs = [Pio(path) for path in options.programs]
    else:
        kind, path = options.peer
        if kind not in ("llama", "ik", "pio"):
            parser.error(f"--peer: expected llama, ik or pio, found {kind}")
        if options.peer_best and (kind == "pio" or options.peer_options):
            parser.error("--peer-best: expected --peer llama or ik, without --peer-options")
        programs = [Pio(path) if kind == "pio" else LlamaBench(kind, path, options.peer_options.split(), options.peer_best), Pio(options.pio)]
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
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
