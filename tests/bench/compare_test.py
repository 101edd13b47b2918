"""compare.py without models: its rules on made-up looks, and whole runs with programs that print what pio bench and llama-bench print."""

import contextlib
import io
import json
import os
import pathlib
import stat
import sys
import tempfile
import unittest
from unittest import mock

import compare

# A program that computes for SECONDS with the threads named in THREADS on one processor, after a first half that is not measured, then says how
# fast it was. hashlib computes without Python's lock.
PROGRAM = """#!{python} -IS
import hashlib, json, os, sys, threading, time
words = sys.argv[1:]
value = lambda flag, otherwise: words[words.index(flag) + 1] if flag in words else otherwise
if "--help" in words:
    print("  -fa, --flash-attn <on|off|auto>   (default: auto)\\n  -lm, --load-mode <auto|none|mmap>\\n  --repack <0|1>  (default: 1)")
    sys.exit()
SECONDS, THREADS, FAILS = {seconds}, {threads}, {fails}
if FAILS:
    sys.exit("no such model")
os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
end = time.monotonic() + 2 * SECONDS
def burn():
    while time.monotonic() < end:
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 2000)
others = [threading.Thread(target=burn) for _ in range(THREADS - 1)]
[thread.start() for thread in others]
burn()
[thread.join() for thread in others]
n_prompt, n_decode = int(value("-p", 0)), int(value("-n", 0))
if words[0] == "bench":
    print(json.dumps({{phase: {{"tokens_per_second": [{speed} * n / SECONDS] if n else []}} for phase, n in (("prefill", n_prompt), ("decode", n_decode))}}))
else:
    # prefill is fastest with one set of options, decode with another
    faster = {{"p": value("-fa", "") == "on", "n": value("--repack", "") == "0" and value("-lm", "") == "none"}}
    print("a line before the list")
    print(json.dumps([{{"n_prompt": n if kind == "p" else 0, "n_gen": 0 if kind == "p" else n, "avg_ts": (2 if faster[kind] else 1) * n / SECONDS}}
                      for kind, n in (("p", n_prompt), ("n", n_decode)) if n]))
"""

QUIET = compare.Disturbance(0.0, 0.0)


class Rules(unittest.TestCase):
    def look(self, at, ran, waited, others=0, thread="1"):
        return compare.Look(at, {thread: (ran, waited)}, others)

    def test_waiting_counts_in_the_measured_part_alone(self):
        # Loading, until 5: half of the time was waited. Then 98 of 100 ran.
        looks = [self.look(at, ran, waited) for at, ran, waited in ((1, 100, 100), (4.9, 500, 500), (6, 598, 502), (9.9, 990, 510))]
        self.assertAlmostEqual(compare.disturbance_of(looks, 10, 5).waited, 10 / 500)
        self.assertTrue(compare.disturbance_of(looks, 10, 5).is_quiet())
        self.assertAlmostEqual(compare.disturbance_of(looks, 10, 100).waited, 510 / 1500)
        self.assertFalse(compare.disturbance_of(looks, 10, 100).is_quiet())

    def test_a_little_more_than_two_hundredths_is_too_much(self):
        for waited, quiet in ((20, True), (21, False)):
            looks = [self.look(0, 0, 0), self.look(9, 1000 - waited, waited)]
            self.assertEqual(compare.disturbance_of(looks, 10, 5).is_quiet(), quiet)

    def test_threads_that_ended_and_that_began_count(self):
        looks = [self.look(0, 10, 0), self.look(6, 60, 10), self.look(7, 0, 30, thread="2"), self.look(8, 20, 30, thread="2")]
        self.assertAlmostEqual(compare.disturbance_of(looks, 10, 5).waited, 40 / 110)

    def test_others_are_a_mean_of_the_measured_part(self):
        looks = [self.look(at, at * 100, 0, others) for at, others in [(at, 1) for at in range(80)] + [(80 + at, at < 2) for at in range(20)]]
        found = compare.disturbance_of(looks, 100, 20)
        self.assertAlmostEqual(found.others, 0.1)
        self.assertTrue(found.is_quiet())
        looks[90].others = 1
        self.assertFalse(compare.disturbance_of(looks, 100, 20).is_quiet())

    def test_own_threads_and_the_one_who_looks_are_no_others(self):
        self.assertEqual(compare.others_of(3, 2, 2), 0)
        self.assertEqual(compare.others_of(3, 2, 1), 0)
        self.assertEqual(compare.others_of(3, 0, 1), 1)
        self.assertEqual(compare.others_of(1, 2, 2), 0)

    def test_what_was_never_seen_is_not_quiet(self):
        self.assertFalse(compare.disturbance_of([], 10, 5).is_quiet())
        self.assertFalse(compare.disturbance_of([self.look(1, 5, 0)], 10, 5).is_quiet())
        self.assertFalse(compare.disturbance_of([compare.Look(9, {}, 0)], 10, 5).is_quiet())

    def test_the_worse_of_two_processes_is_the_cells(self):
        both = compare.Disturbance(0.5, 0) | compare.Disturbance(0, 2)
        self.assertEqual((both.waited, both.others), (0.5, 2))

    def test_the_system_counts_threads_of_this_process(self):
        look = compare.look_at(os.getpid())
        self.assertGreater(look.times[str(os.getpid())][0], 0)
        self.assertGreaterEqual(compare.count_runnable(os.getpid()), 1)  # it runs, since it looks


class Judgement(unittest.TestCase):
    def pairs(self, ratios):
        return [[compare.Cell(0, {"decode": 10.0}, QUIET), compare.Cell(1, {"decode": 10.0 * ratio}, QUIET)] for ratio in ratios]

    def test_both_programs_come_first_equally_often(self):
        self.assertEqual(compare.order(4), [0, 1, 1, 0, 0, 1, 1, 0])

    def test_the_interval_is_that_of_the_median(self):
        self.assertEqual(compare.interval([1.5] * 8), [1.5, 1.5])
        # Of 12 different numbers the median of a resample lies, 19 times of 20, from the third or fourth to the third or fourth from the end (the
        # binomial interval of a median: ranks 3 and 10).
        low, high = compare.interval([1 + i / 100 for i in range(1, 13)])
        self.assertTrue(1.03 <= low <= 1.045, low)
        self.assertTrue(1.085 <= high <= 1.10, high)
        self.assertEqual(compare.interval([1, 2, 3, 4, 5, 6]), compare.interval([1, 2, 3, 4, 5, 6]))

    def test_best_against_best_and_the_median(self):
        found = compare.judge(self.pairs([1.1, 1.2, 1.2, 1.2, 1.3, 1.5]), "decode")
        self.assertAlmostEqual(found["best_ratio"], 1.5)
        self.assertAlmostEqual(found["median_ratio"], 1.2)
        self.assertLessEqual(found["interval"][0], 1.2)
        self.assertGreaterEqual(found["interval"][1], 1.2)


class Options(unittest.TestCase):
    def test_those_that_help_names(self):
        new = compare.combinations("  -fa, --flash-attn <on|off|auto>\n  -lm, --load-mode <none|mmap> x\n  --repack <0|1>\n")
        self.assertEqual(len(new), 8)
        self.assertIn(("-fa", "on", "-lm", "none", "--repack", "0"), new)
        old = compare.combinations("  -fa, --flash-attn <0|1> (default: 0)\n  -mmp, --mmap <0|1>\n  -rtr, --run-time-repack <0|1>\n  -fmoe, --fused-moe <0|1>\n")
        self.assertEqual(len(old), 16)
        self.assertIn(("-fa", "1", "-mmp", "0", "-rtr", "1", "-fmoe", "1"), old)
        self.assertEqual(compare.combinations("nothing of these"), [()])


class Runs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.patches = contextlib.ExitStack()
        self.addCleanup(self.patches.close)
        self.patches.enter_context(mock.patch.object(compare, "INTERVAL", 0.01))

    def quiet(self):
        """The machine that runs this test may be busy."""
        self.patches.enter_context(mock.patch.object(compare, "disturbance_of", lambda *_: QUIET))

    def program(self, name, seconds=0.005, threads=1, speed=1, fails=False):
        path = self.folder / name
        path.write_text(PROGRAM.format(python=sys.executable, seconds=seconds, threads=threads, speed=speed, fails=fails))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    def compare(self, *words):
        out = io.StringIO()
        report = self.folder / "out.json"
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            status = compare.main(["model.gguf", *words, "--json", str(report)])
        return status, out.getvalue(), json.loads(report.read_text())

    def test_two_builds_on_a_quiet_machine(self):
        self.quiet()
        status, said, report = self.compare("--programs", self.program("a"), self.program("b", speed=1.25))
        self.assertEqual(status, 0)
        self.assertIn("ratio 1.250; median of 12 pairs 1.250, 1.250 to 1.250", said)
        self.assertEqual(len(report["files"][0]["cells"]), 24)
        self.assertEqual(report["files"][0]["clean_pairs"], 12)

    def test_a_program_whose_threads_wait_gives_no_ratio(self):
        status, said, report = self.compare("--programs", self.program("a", seconds=0.05, threads=2), self.program("b", seconds=0.05, threads=2))
        self.assertEqual(status, 2)
        self.assertIn("inconclusive: 0 quiet pairs of 12", said)
        self.assertNotIn("ratio 1", said)
        result = report["files"][0]
        self.assertNotIn("prefill", result)
        self.assertEqual(len(result["cells"]), 7)  # then six of twelve cannot come any more
        # Two threads share a processor: each waits about as long as it runs.
        self.assertTrue(all(cell["waited"] > 0.2 for cell in result["cells"]), result["cells"])

    def test_another_program_that_computes_gives_no_ratio(self):
        burner = compare.subprocess.Popen([self.program("burner", seconds=30), "bench"], stdout=compare.subprocess.DEVNULL)
        self.addCleanup(lambda: (burner.kill(), burner.wait()))
        watched = compare.run_watched([self.program("a", seconds=0.1), "bench", "-p", "1"])
        found = watched.disturbance(0.1)
        self.assertGreater(found.others, 0.5)
        self.assertFalse(found.is_quiet())

    def test_the_peers_best_is_found_and_kept(self):
        self.quiet()
        self.patches.enter_context(mock.patch.multiple(compare, MIN_PAIRS=6, SHORT_ROUNDS=1))
        status, said, report = self.compare("--peer", "llama", self.program("llama-bench"), "--pio", self.program("pio", speed=3), "--peer-best")
        self.assertEqual(status, 0)
        best = report["files"][0]["peer_best"]
        self.assertIn("-fa on", best["prefill"]["options"])
        self.assertEqual(len(best["prefill"]["tried"]), 8)
        self.assertIn("-lm none --repack 0", best["decode"]["options"])
        self.assertIn("prefill of the peer with -fa on", said)
        self.assertAlmostEqual(report["files"][0]["decode"]["best_ratio"], 3 / 2)
        self.assertAlmostEqual(report["files"][0]["prefill"]["best_ratio"], 3 / 2)

    def test_a_program_that_fails_ends_the_run(self):
        with self.assertRaises(SystemExit) as ended:
            self.compare("--programs", self.program("a", fails=True), self.program("b"))
        self.assertIn("no such model", str(ended.exception))


if __name__ == "__main__":
    unittest.main()
