"""Tests of tools/gpu_figures.py: what can be wrong where there is no GPU. Programs run on the CPU."""

import pathlib
import subprocess
import sys
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).absolute().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import gpu_figures as figures  # noqa: E402  (where it is was not known before)

KERNELS = """Generating SQLite file from report
 ** CUDA GPU Kernel Summary (cuda_gpu_kern_sum):

Time (%),Total Time (ns),Instances,Avg (ns),Name
60.0,1200,40,30.0,"gemm<float, 4>"
40.0,800,2,400.0,add
"""


class Machine:
    """The programs on the CPU."""

    root = ROOT
    nccl = torch = None

    def __init__(self, gpus=0):
        self.gpus = gpus

    def run(self, *arguments, nccl=None, settings=None):
        done = subprocess.run(["./etai", *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr


def figure(measure, gpus=1):
    return figures.Figure("G", "what", "<= 1", measure, gpus)


def fails(error):
    def measure(_):
        raise error
    return measure


class ParsingTest(unittest.TestCase):
    def test_numbers_of_a_line(self):
        self.assertEqual(figures.numbers_after("us", "loss 1 2\n\nus 3.5 4e2\n"), [3.5, 400])
        with self.assertRaises(figures.ProgramFailed):
            figures.numbers_after("us", "usual 3\n")

    def test_kernels_of_a_profile(self):
        self.assertEqual(figures.kernels_in(KERNELS), 42)
        self.assertEqual(figures.kernels_in("SKIPPED: no kernels\n"), 0)

    def test_memory_of_a_gpu(self):
        self.assertEqual(figures.used_megabytes(" 1234 \n"), 1234)


class TableTest(unittest.TestCase):
    def verdict(self, measure, gpus=1, needs=1):
        return figures.judge(figure(measure, needs), Machine(gpus))[-1]

    def test_met_or_not(self):
        self.assertEqual(self.verdict(lambda _: figures.Measured("0.5", True)), "met")
        self.assertEqual(self.verdict(lambda _: figures.Measured("1.5", False)), "missed")

    def test_says_why_it_was_not_measured(self):
        never = fails(AssertionError("measured without a GPU"))
        self.assertEqual(self.verdict(never, gpus=0), "not measured: this machine has no GPU")
        self.assertEqual(self.verdict(never, gpus=1, needs=2), "not measured: it needs 2 GPUs")
        self.assertEqual(self.verdict(fails(figures.CannotMeasure("no nsys"))), "not measured: no nsys")

    def test_a_program_that_fails_is_no_figure(self):
        self.assertEqual(self.verdict(fails(figures.ProgramFailed("error: x"))), "FAILED: error: x")
        self.assertTrue(self.verdict(fails(subprocess.TimeoutExpired("etai", 5))).startswith("FAILED: "))

    def test_columns_line_up(self):
        lines = figures.table_of([("G1", "memory", "<= 1", "0.5", "met"), ("G10", "x", ">= 80 %", "", "missed")])
        self.assertEqual(len({line.index(word) for line, word in zip(lines, ("verdict", "met", "missed"))}), 1)

    def test_each_figure_has_a_name_of_its_own(self):
        self.assertEqual(len({each.name for each in figures.FIGURES}), len(figures.FIGURES))


class ProgramsTest(unittest.TestCase):
    """On the CPU the times mean nothing, but they are there."""

    model = figures.Model(layers=1, width=8, rows=4, steps=2)

    def test_training(self):
        for ranks, extra in ((1, []), (2, ["--no-capture"])):
            self.assertGreater(figures.step_us(Machine(), self.model, ranks, "cpu", extra, blocks=2), 0)

    def test_reduction(self):
        self.assertGreater(figures.reduce_us(Machine(), 100, 2, "cpu", blocks=2, calls=2), 0)

    def test_update(self):
        self.assertTrue(all(0 < us < 1e9 for us in figures.update_times(Machine(), 10, 2, "cpu")))

    def test_an_error_is_told(self):
        with self.assertRaisesRegex(figures.ProgramFailed, "^error.*no device|^error.*no GPU|^error.*GPU"):
            figures.step_us(Machine(), self.model, devices="cuda:0")


class FiguresTest(unittest.TestCase):
    """What is made of times that are given."""

    def measured(self, measure, machine=None, **functions):
        with mock.patch.multiple(figures, **{name: lambda *_, _of=of, **named: _of(*_, **named)
                                             for name, of in functions.items()}):
            return measure(machine or Machine(8))

    def test_ranks_on_one_gpu(self):
        us = lambda _, model, ranks=1: 100 if ranks == 1 else 160
        self.assertEqual(self.measured(figures.against_one_rank, step_us=us), ("2.50x", True))

    def test_bytes_of_a_reduction(self):
        self.assertEqual(self.measured(figures.large_reduction, reduce_us=lambda *_: 200)[0], "2.68 TB/s")
        self.assertFalse(self.measured(figures.small_reduction, reduce_us=lambda *_, calls: 15.1).met)

    def test_captured_steps(self):
        us = lambda *_, extra=(): 400 if extra else 100
        self.assertEqual(self.measured(figures.captured, step_us=us, python_step_us=lambda *_: 450),
                         ("4.00x ours, 4.50x Python's", False))

    def test_memory_of_the_layer(self):
        memory = lambda _, model, ranks: 500 if model is figures.TINY else 500 + 1000 * ranks + (30 if ranks == 2 else 0)
        self.assertEqual(self.measured(figures.own_memory, megabytes=memory), ("1.5 %", False))

    def test_share_of_a_copys_bandwidth(self):
        self.assertEqual(self.measured(figures.update_bandwidth, update_times=lambda *_: (700, 180)), ("90 %", True))

    def test_bus_bandwidth_is_for_eight(self):
        us = lambda *_: 1000
        self.assertEqual(self.measured(figures.bus_bandwidth, reduce_us=us), ("470 GB/s", True))
        with self.assertRaisesRegex(figures.CannotMeasure, "GB/s on 2 GPUs"):
            self.measured(figures.bus_bandwidth, Machine(2), reduce_us=us)


if __name__ == "__main__":
    unittest.main()
