"""Did the logits move? Runs `pio logits` over the fixtures: every file, device reference and device cpu with each instruction set,
activations, formats of keys and values, attention, adapters, quantizing while loading, pictures.

usage: logits_bytes.py hash PIO OUT.json [--match REGEX] [--jobs N]        a hash of the bytes of each case
       logits_bytes.py compare A B [--match REGEX] [--jobs N] [--json F]   two programs; or hashes made before and a program: only equal or not

Fixtures: tests/data/models, and $PIO_SHARED/fixtures (default: ../shared beside the sources). Compare exits with 1 where a case differs.
"""

import argparse
import array
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("PIO_SHARED") or SOURCE.parent / "shared")
ROOTS = {"data": SOURCE / "tests/data/models", "shared": SHARED / "fixtures"}
SETS = ("scalar", "avx2", "avx512", "avx512_bf16") if os.uname().machine in ("x86_64", "AMD64") else ("scalar", "neon")


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    model: pathlib.Path
    ids: tuple
    isa: str  # "": the reference device
    options: tuple


def case_ids(folder, name):
    return tuple(json.loads((folder / "cases" / f"{name}.json").read_text())["ids"])


def random_ids(folder, n):
    ids = sorted(set(case_ids(folder, "short")))
    return tuple(random.Random(1).choices(ids, k=n))


class Cases:
    def __init__(self):
        self.found = []

    def add(self, root, model, what, ids, isas=SETS, options=()):
        for isa in isas:
            device = f"cpu:{isa}" if isa else "reference"
            name = " ".join([root, str(model.relative_to(ROOTS[root])), what, device, *(str(o).split("/")[-1] for o in options)])
            self.found.append(Case(name, model, ids, isa, tuple(map(str, options))))

    def text(self, root, folder):
        files = sorted(folder.glob("model*.gguf")) + [folder]
        for model in files:
            for activations in ("q8", "f32"):
                self.add(root, model, "long", case_ids(folder, "long"), options=("--activations", activations))
            self.add(root, model, "long", case_ids(folder, "long"), [""], ("--activations", "f32"))
            self.add(root, model, "short", case_ids(folder, "short"), [""], ("--activations", "q8"))
            for name in ("short", "single", "repeat"):
                self.add(root, model, name, case_ids(folder, name), [SETS[-1]])
        for kv in ("f32", "q8_0", "q4_0"):
            self.add(root, files[0], "long", case_ids(folder, "long"), options=("--kv", kv, "--activations", "f32" if kv == "f32" else "q8"))
            self.add(root, files[0], "short", case_ids(folder, "short"), [""], ("--kv", kv))
        self.add(root, files[0], "700", random_ids(folder, 700), options=("--ctx", "1024"))  # more than one step of a prompt
        self.add(root, files[0], "long", case_ids(folder, "long"), options=("--threads", "1"))

    def more(self):
        data = ROOTS["data"]
        for family in ("qwen3-tiny", "glm4-moe-lite-mtp-tiny", "qwen3-moe-tiny"):
            folder = data / family
            ids = random_ids(folder, 300)
            for attention in ("window:64:4", "pages:2"):
                self.add("data", folder, "300", ids, options=("--attention", attention))
            for quant in ("int4", "int8", "nf4", "fp16"):
                for activations in ("q8", "f32"):
                    self.add("data", folder, "300", ids, options=("--quant", quant, "--activations", activations))
        for adapter in (data / "qwen3-tiny-lora/adapter-f32.gguf", data / "qwen3-tiny-lora"):
            self.add("data", data / "qwen3-tiny", "short", case_ids(data / "qwen3-tiny", "short"), [*SETS, ""], ("--lora", adapter))

    def vision(self, root, folder):
        for model in [*sorted(folder.glob("model*.gguf")), folder]:
            tower = ("--mmproj", folder / "mmproj-f16.gguf") if model.suffix == ".gguf" else ()
            for path in sorted((folder / "cases").glob("*.json")):
                case = json.loads(path.read_text())
                if not isinstance(case, dict) or "ids_unexpanded" not in case or case.get("sampled") is False:
                    continue
                pictures = [x for image in case.get("images", []) for x in ("--image", folder / "images" / image)]
                if case.get("frames"):
                    pictures = ["--frames", ",".join(str(folder / "images" / f) for f in case["frames"]), "--fps", str(case["fps"])]
                self.add(root, model, case["name"], tuple(case["ids_unexpanded"]), options=(*tower, *pictures))


def all_cases():
    cases = Cases()
    for root, path in ROOTS.items():
        for folder in sorted(path.iterdir()) if path.exists() else []:
            if not (folder / "config.json").exists():
                continue
            if (folder / "images").exists():
                cases.vision(root, folder)
            elif (folder / "cases/long.json").exists():
                cases.text(root, folder)
    cases.more()
    return cases.found


def logits(program, case):
    """The bytes of the .npy file, or the complaint."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "logits.npy")
        device = ("--device", "cpu" if case.isa else "reference")
        command = [program, "logits", str(case.model), "--ids", ",".join(map(str, case.ids)), "--out", out, *device, *case.options]
        environment = {**os.environ, "PIO_FORCE_ISA": case.isa} if case.isa else os.environ
        ran = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if ran.returncode != 0:
            return None, f"exit {ran.returncode}: {ran.stderr.strip()[-300:]}"
        with open(out, "rb") as file:
            return file.read(), ""


def values(npy):
    """Float32 values of an .npy file of version 1."""
    found = array.array("f")
    found.frombytes(npy[10 + int.from_bytes(npy[8:10], "little"):])
    return found


def digest(npy, complaint):
    return hashlib.sha256(npy).hexdigest() if npy is not None else complaint


def difference(a, b):
    """The largest difference, and the root of the sum of squared differences over that of the squares of a."""
    if len(a) != len(b):
        return {"shape": [len(a), len(b)]}
    largest = error = power = 0.0
    for x, y in zip(a, b):
        largest = max(largest, abs(x - y))
        error += (x - y) ** 2
        power += x * x
    return {"max_error": largest, "relative": (error / power) ** 0.5 if power else float("inf")}


def compare(a, b, hashes, case):
    """What differs (None: nothing), and whether b refused the case."""
    right = logits(b, case)
    refused = right[0] is None
    if hashes is not None:
        is_equal = hashes.get(case.name) == digest(*right)
        return None if is_equal else {"other": "bytes" if case.name in hashes else "not among the hashes"}, refused
    left = logits(a, case)
    if left == right:
        return None, refused
    if left[0] is None or refused:
        return {"complaints": [left[1], right[1]]}, refused
    return difference(values(left[0]), values(right[0])), False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=("hash", "compare"))
    parser.add_argument("a"), parser.add_argument("b")
    parser.add_argument("--match", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json")
    options = parser.parse_args()
    cases = [case for case in all_cases() if re.search(options.match, case.name)]
    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    if options.mode == "hash":
        program = os.path.abspath(options.a)
        hashes = dict(zip((c.name for c in cases), pool.map(lambda c: digest(*logits(program, c)), cases)))
        pathlib.Path(options.b).write_text(json.dumps(hashes, indent=1) + "\n")
        print(f"{len(hashes)} cases, {sum(h.startswith('exit') for h in hashes.values())} refused")
        return 0

    hashes = json.loads(pathlib.Path(options.a).read_text()) if options.a.endswith(".json") else None
    a, b = os.path.abspath(options.a), os.path.abspath(options.b)
    found, n_other, n_refused = {}, 0, 0
    for case, (result, refused) in zip(cases, pool.map(lambda c: compare(a, b, hashes, c), cases)):
        found[case.name] = result
        n_other += result is not None
        n_refused += refused and result is None
        if result is not None:
            print(f"{case.name}: {json.dumps(result)}", flush=True)
    print(f"{len(cases)} cases, {len(cases) - n_other - n_refused} equal, {n_refused} refused by both in the same words, {n_other} not equal")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(found, indent=1) + "\n")
    return 1 if n_other else 0


if __name__ == "__main__":
    sys.exit(main())
