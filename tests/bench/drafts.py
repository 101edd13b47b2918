"""What lookup drafts bring: edits of code and prose with a real model, with and without them.

usage: drafts.py FILE [--pio build/release/bin/pio] [--pairs 6] [--tasks NAME,NAME…] [--threads N] [--json OUT.json] [--any-machine]

FILE is meant to be Qwen2.5-Coder-1.5B-Instruct Q4_K_M. Each task is answered greedily in the order off, lookup, lookup, off, …, each time in a
process of its own, and the ids must be the same in all of them: anything else ends the run with status 1. Printed for each task are tokens a
second of decoding, best against best, and the median of the ratios of the pairs; a pair counts where the machine was quiet while it
decoded (compare.py). With fewer than LEAST_CLEAN such pairs the task is inconclusive and the exit status 2; --any-machine counts every pair and says so.

Goals: edits at least 2.5 times as fast, prose at least 0.98 times.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import sys
import tempfile

import compare

LEAST_CLEAN = 3
TEXTS = pathlib.Path(__file__).parent / "drafts"
WHOLE = "Answer with the whole file in one code block and change nothing else."

# name, kind, file, what is asked
TASKS = [
    ("rename a variable", "edit", "inventory.py", "Rename the parameter and variable `count` to `quantity` everywhere."),
    ("rename a function", "edit", "cart.js", "Rename the function `cartTotal` to `totalOf` everywhere."),
    ("rename a method", "edit", "job_queue.cpp", "Rename the method `push` to `enqueue` everywhere."),
    ("add a parameter", "edit", "inventory.py",
     "Give the method `missing` a parameter `store=None`: where it is given, only that store is looked at."),
    ("add a parameter in C++", "edit", "job_queue.cpp",
     "Give the constructor a second parameter `std::size_t capacity` and keep it in a member `capacity_`; `push` throws std::length_error where "
     "the queue is that long."),
    ("translate comments", "edit", "cart.js", "Translate all comments to French."),
    ("translate comments in C++", "edit", "job_queue.cpp", "Translate all comments to Spanish."),
    ("prose", "prose", None, "Explain in about 300 words how a bicycle stays upright."),
    ("a story", "prose", None, "Write a short story of about 300 words about a lighthouse keeper who finds a letter."),
    ("a comparison", "prose", None, "What are the most important differences between TCP and UDP? Explain with paragraphs, not lists."),
]
GOALS = {"edit": 2.5, "prose": 0.98}
MAX_TOKENS = {"edit": 1000, "prose": 256}
LANGUAGES = {".py": "python", ".js": "javascript", ".cpp": "cpp"}


def message(file, asked):
    if file is None:
        return asked
    path = TEXTS / file
    return f"{asked} {WHOLE}\n\n```{LANGUAGES[path.suffix]}\n{path.read_text()}```\n"


class Answers:
    """One task, with drafts or without."""

    def __init__(self, pio, draft, task):
        self.name = f"--draft {draft}"
        self.pio, self.draft, self.task = os.path.abspath(pio), draft, task
        self.ids = self.stats = None

    def measure(self, file, threads):
        _, kind, text, asked = self.task
        line = {"messages": [{"role": "user", "content": message(text, asked)}], "max_tokens": MAX_TOKENS[kind]}
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as prompts:
            prompts.write(json.dumps(line) + "\n")
            prompts.flush()
            command = [self.pio, "batch", file, "--prompts", prompts.name, "--greedy", "--ctx", "4096", "--draft", self.draft]
            if threads:
                command += ["--threads", str(threads)]
            watched = compare.run_watched(command)
        answer = json.loads(watched.output)
        if "ids" not in answer:
            sys.exit(f"{self.task[0]}: {answer}")
        if self.ids is not None and self.ids != answer["ids"]:
            sys.exit(f"{self.task[0]}: {self.name} gave other ids the second time")
        self.ids, self.stats = answer["ids"], answer["stats"]
        return {"decode": self.stats["tokens_per_second"]}, watched.disturbance(self.stats["decode_seconds"])


def run(options, task):
    programs = [Answers(options.pio, draft, task) for draft in ("off", "lookup")]
    cells = []
    for which in compare.order(options.pairs):
        program = programs[which]
        cells.append(compare.Cell(which, *program.measure(options.file, options.threads)) if options.any_machine
                     else compare.run_cell(program, which, options.file, options.threads))
        if programs[0].ids is not None and programs[1].ids is not None and programs[0].ids != programs[1].ids:
            at = next((i for i, (a, b) in enumerate(zip(programs[0].ids, programs[1].ids)) if a != b), "the end")
            sys.exit(f"{task[0]}: expected the same ids with and without drafts, found a difference at {at}")
    pairs = [sorted(pair, key=lambda cell: cell.program) for pair in zip(cells[::2], cells[1::2])]
    clean = [pair for pair in pairs if all(cell.is_clean() for cell in pair)]
    counted = pairs if options.any_machine else clean
    stats = programs[1].stats
    result = {"task": task[0], "kind": task[1], "tokens": stats["generated_tokens"], "drafted": stats["drafted_tokens"],
              "accepted": stats["accepted_tokens"], "clean_pairs": len(clean), "pairs": len(pairs),
              "cells": [{"program": programs[cell.program].name, **dataclasses.asdict(cell.disturbance), **cell.speeds} for cell in cells]}
    if len(counted) >= LEAST_CLEAN:
        result["decode"] = compare.judge(counted, "decode")
    return result


def text(result):
    head = f"{result['task']:24} {result['tokens']:4} tokens, {result['accepted']:4} of {result['drafted']:4} drafted accepted: "
    if "decode" not in result:
        return head + f"inconclusive, {result['clean_pairs']} quiet pairs of {result['pairs']}, at least {LEAST_CLEAN} wanted"
    judged = result["decode"]
    goal = GOALS[result["kind"]]
    return head + (f"best {judged['best'][0]:6.2f} and {judged['best'][1]:6.2f} tok/s, ratio {judged['best_ratio']:.2f} (goal {goal}); median of "
                   f"{len(judged['ratios'])} pairs {judged['median_ratio']:.2f}, {judged['interval'][0]:.2f} to {judged['interval'][1]:.2f}; "
                   f"{result['clean_pairs']} of {result['pairs']} pairs quiet")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.replace("%", "%%"))
    parser.add_argument("file")
    parser.add_argument("--pio", default="build/release/bin/pio")
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--tasks", default="")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--any-machine", action="store_true")
    parser.add_argument("--json")
    options = parser.parse_args()
    if options.pairs < LEAST_CLEAN:
        parser.error(f"--pairs: expected at least {LEAST_CLEAN}, found {options.pairs}")
    wanted = [name.strip() for name in options.tasks.split(",") if name.strip()]
    known = [task[0] for task in TASKS]
    tasks = [task for task in TASKS if not wanted or task[0] in wanted]
    if not tasks:
        parser.error(f"--tasks: expected some of {known}, found {wanted}")
    print(f"{os.path.basename(options.file)}, {compare.processor()}, {os.cpu_count()} processors"
          + (", whatever else it does" if options.any_machine else ""))
    results = []
    for task in tasks:
        results.append(run(options, task))
        print(text(results[-1]), flush=True)
    for kind in GOALS:
        ratios = [r["decode"]["best_ratio"] for r in results if r["kind"] == kind and "decode" in r]
        if ratios:
            print(f"{kind}: {min(ratios):.2f} to {max(ratios):.2f}, median {statistics.median(ratios):.2f}")
    if options.json:
        report = {"processor": compare.processor(), "processors": os.cpu_count(), "file": os.path.basename(options.file),
                  "any_machine": options.any_machine, "tasks": results}
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    if any("decode" not in result for result in results):
        sys.exit(2)


if __name__ == "__main__":
    main()
