"""The figures that this project wants on GPUs, each measured beside its target.

A figure that cannot be measured on a machine says why. Programs are those of bench/peers, so that both sides do the same;
a run counts as its fastest block.
"""

import csv
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from typing import Callable, NamedTuple

MET, MISSED, NOT_MEASURED, FAILED = "met", "missed", "not measured", "FAILED"


class CannotMeasure(Exception):
    """Something that this figure needs is not there."""


class ProgramFailed(Exception):
    """A program that is to be measured ended with an error."""


class Measured(NamedTuple):
    text: str
    met: bool


class Figure(NamedTuple):
    name: str
    what: str
    target: str
    measure: Callable
    gpus: int = 1  # that it needs


class Model(NamedTuple):
    """A perceptron of bench/peers/mlp.eta: 64 -> width^layers -> 10, `rows` for each rank."""

    layers: int
    width: int
    rows: int
    steps: int  # in a block

    def arguments(self, blocks):
        return [str(number) for number in (self.layers, self.width, self.rows, blocks, self.steps)]


TINY = Model(1, 16, 32, 200)
SMALL = Model(4, 64, 32, 200)
LAUNCH_BOUND = Model(16, 64, 32, 100)
LARGE = Model(2, 4096, 512, 20)
HEAVY = Model(8, 4096, 64, 10)
MILLION = 1 << 20

# One update of ADAMW_PARAMETERS parameters, and a copy of as many numbers, in microseconds.
ADAMW_WIDTH = 10000
UPDATE = """
(import std.core std.io std.math std.os std.time std.torch std.tensor std.nn std.optim)
(define width (string->number (car (os:command-line-arguments))))
(define updates (string->number (cadr (os:command-line-arguments))))
(define model (linear width width))
(define weight (car (parameters model)))
(define optimizer (adamw model 0.001))
(backward (tsum (forward model (ones (list 1 width)))))
(define (wait) (item (tref weight 0 0)))
(define (repeatedly n f) (when (> n 0) (f) (repeatedly (- n 1) f)))
(define (fastest blocks f)
  (if (= blocks 0)
      1e30
      (let ((start (time:now-us)))
        (repeatedly updates f)
        (wait)
        (min (/ (- (time:now-us) start) (* 1.0 updates)) (fastest (- blocks 1) f)))))
(define (update) (step! optimizer))
(define (copy) (no-grad (lambda () (clone weight))))
(fastest 1 update)
(fastest 1 copy)
(define (show name us) (display name) (display " ") (println us))
(show "update" (fastest 5 update))
(show "copy" (fastest 5 copy))
"""


# --- what programs print ------------------------------------------------------------------------------


def numbers_after(name, text):
    """Those of the line that begins with this word."""
    for line in text.splitlines():
        word, *rest = line.split() or [""]
        if word == name:
            return [float(number) for number in rest]
    raise ProgramFailed(f"no line '{name}' in what the program printed")


def kernels_in(table):
    """How many kernels ran, by nsys's cuda_gpu_kern_sum as CSV."""
    lines = table[table.index("Time"):] if "Time" in table else ""
    return sum(int(row["Instances"]) for row in csv.DictReader(io.StringIO(lines)))


def used_megabytes(text):
    """Of the first GPU, by nvidia-smi."""
    return int(re.findall(r"\d+", text)[0])


# --- running them -------------------------------------------------------------------------------------


def run_eta(machine, options, program, arguments, **settings):
    status, printed, errors = machine.run(*options, program, *arguments, nccl=machine.nccl, settings=settings)
    if status != 0:
        lines = [line for line in (printed + errors).splitlines() if line.strip()]
        told = [line for line in lines if line.startswith("error")]
        raise ProgramFailed((told or lines or [f"exit {status}"])[0])
    return printed


def on(devices, ranks):
    """Options for so many ranks, shared out over the devices."""
    return ["--dtype", "float32", "--threads", "1", "--devices", devices, "--replicas", str(ranks)]


def step_us(machine, model, ranks=1, devices="cuda:0", extra=(), blocks=5, **settings):
    """Microseconds for a training step of all ranks."""
    printed = run_eta(machine, [*on(devices, ranks), *extra], "bench/peers/mlp.eta", model.arguments(blocks), **settings)
    return min(numbers_after("us", printed))


def reduce_us(machine, elements, ranks, devices="cuda:0", blocks=5, calls=20):
    """Microseconds for an all-reduce of a float32 tensor."""
    arguments = [str(elements), str(blocks), str(calls)]
    printed = run_eta(machine, on(devices, ranks), "bench/peers/allreduce.eta", arguments)
    return min(numbers_after("us", printed))


def python_step_us(machine, model, ranks=1, blocks=5):
    """The same by PyTorch; several ranks are processes with DistributedDataParallel."""
    if not machine.torch:
        raise CannotMeasure("Python has no torch")
    command = [sys.executable, "bench/peers/mlp.py", str(ranks), *model.arguments(blocks), "cuda"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=machine.root, timeout=900, check=False)
    if done.returncode != 0:
        raise ProgramFailed("PyTorch: " + (done.stderr.strip().splitlines() or ["failed"])[-1])
    return min(numbers_after("us", done.stdout))


def megabytes(machine, model, ranks):
    """What the first GPU has given out at most while the program ran, less what it had before."""
    query = ["nvidia-smi", "--id=0", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]

    def used():
        return used_megabytes(subprocess.run(query, capture_output=True, text=True, check=True).stdout)

    before, most, done = used(), 0, threading.Event()

    def watch():
        nonlocal most
        while not done.wait(0.1):
            most = max(most, used())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        step_us(machine, model, ranks)
    finally:
        done.set()
        watcher.join()
    if most <= before:
        raise CannotMeasure("nvidia-smi does not show the memory of programs")
    return most - before


def kernels(machine, options, program, arguments):
    """How many kernels a program runs. Graphs would hide theirs."""
    nsys = shutil.which("nsys")
    if not nsys:
        raise CannotMeasure("it needs nsys, to count kernels")
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report")
        run_eta(machine, options, program, arguments, ETA_GRAPHS="0", PROFILER=f"{nsys} profile -t cuda -o {report}")
        table = subprocess.run([nsys, "stats", "--report", "cuda_gpu_kern_sum", "--format", "csv", report + ".nsys-rep"],
                               capture_output=True, text=True, check=True).stdout
    return kernels_in(table)


def kernels_per_step(machine, ranks):
    few, many = SMALL._replace(steps=20), SMALL._replace(steps=60)
    counts = [kernels(machine, on("cuda:0", ranks), "bench/peers/mlp.eta", model.arguments(1)) for model in (few, many)]
    steps = 2 * (many.steps - few.steps)  # each run has a block to warm up
    return (counts[1] - counts[0]) / steps / ranks


# --- the figures --------------------------------------------------------------------------------------


def shared_memory(machine):
    ratio = megabytes(machine, TINY, 8) / megabytes(machine, TINY, 1)
    return Measured(f"{ratio:.2f}x", ratio <= 1.1)


def against_processes(machine):
    ratio = python_step_us(machine, SMALL, 4) / step_us(machine, SMALL, 4)
    return Measured(f"{ratio:.2f}x", ratio >= 3)


def against_one_rank(machine):
    ratio = 4 * step_us(machine, LAUNCH_BOUND) / step_us(machine, LAUNCH_BOUND, 4)
    return Measured(f"{ratio:.2f}x", ratio >= 2.5)


def large_reduction(machine):
    rate = 2 * 4 * 64 * MILLION / reduce_us(machine, 16 * MILLION, 4) / 1e6
    return Measured(f"{rate:.2f} TB/s", rate >= 3)


def small_reduction(machine):
    us = reduce_us(machine, MILLION // 16, 4, calls=200)
    return Measured(f"{us:.1f} us", us <= 15)


def captured(machine):
    graph = step_us(machine, LAUNCH_BOUND)
    eager = step_us(machine, LAUNCH_BOUND, extra=["--no-capture"]) / graph
    python = python_step_us(machine, LAUNCH_BOUND) / graph
    return Measured(f"{eager:.2f}x ours, {python:.2f}x Python's", eager >= 3 and python >= 5)


def own_kernels(machine):
    """The model's gradients are one bucket."""
    added = kernels_per_step(machine, 2) - kernels_per_step(machine, 1)
    return Measured(f"{added:.1f}", added <= 2)


def own_memory(machine):
    context = megabytes(machine, TINY, 1)
    one, two = megabytes(machine, HEAVY, 1) - context, megabytes(machine, HEAVY, 2) - context
    percent = 100 * (two - 2 * one) / (2 * one)
    return Measured(f"{percent:.1f} %", percent <= 1)


def against_python(machine):
    small = python_step_us(machine, SMALL) / step_us(machine, SMALL)
    large = python_step_us(machine, LARGE) / step_us(machine, LARGE)
    return Measured(f"{small:.2f}x small, {large:.2f}x large", small >= 1.5 and large >= 0.99)


def update_times(machine, width, updates, devices="cuda:0"):
    """Microseconds of an update by AdamW and of a copy of the parameters."""
    with tempfile.NamedTemporaryFile("w", suffix=".eta") as file:
        file.write(UPDATE)
        file.flush()
        printed = run_eta(machine, on(devices, 1), file.name, [str(width), str(updates)])
    return numbers_after("update", printed)[0], numbers_after("copy", printed)[0]


def update_bandwidth(machine):
    """AdamW reads four numbers for each parameter and writes three; a copy reads one and writes one."""
    update, copy = update_times(machine, ADAMW_WIDTH, 10)
    share = 100 * (7 / update) / (2 / copy)
    return Measured(f"{share:.0f} %", share >= 80)


def update_kernels(machine):
    with tempfile.NamedTemporaryFile("w", suffix=".eta") as file:
        file.write(UPDATE)
        file.flush()
        few, many = (kernels(machine, on("cuda:0", 1), file.name, ["100", str(updates)]) for updates in (10, 30))
    each = (many - few) / (6 * 20) - 1  # each block has a copy for each update
    return Measured(f"{each:.1f}", each <= 2)


def all_gpus(machine):
    return ",".join(f"cuda:{gpu}" for gpu in range(machine.gpus))


def bus_bandwidth(machine):
    n = machine.gpus
    rate = 2 * (n - 1) / n * 256 * MILLION / reduce_us(machine, 64 * MILLION, n, all_gpus(machine)) / 1e3
    if n != 8:
        raise CannotMeasure(f"{rate:.0f} GB/s on {n} GPUs; the target is for 8")
    return Measured(f"{rate:.0f} GB/s", rate >= 450)


def scaling(machine):
    n = machine.gpus
    share = step_us(machine, LARGE) / step_us(machine, LARGE, n, all_gpus(machine))
    return Measured(f"{share:.2f}", share >= 0.95)


FIGURES = [
    Figure("G1", "memory of 8 ranks on one GPU, to that of one", "<= 1.1x", shared_memory),
    Figure("G2", "4 ranks on one GPU, to 4 processes of PyTorch", ">= 3x", against_processes),
    Figure("G3", "4 ranks on one GPU, to one, launch-bound", ">= 2.5x", against_one_rank),
    Figure("G4", "sum of 4 x 64 MB on one GPU, bytes read and written", ">= 3 TB/s", large_reduction),
    Figure("G5", "sum of 4 x 256 KB on one GPU", "<= 15 us", small_reduction),
    Figure("G6", "captured step, to eager ones, launch-bound", ">= 3x ours, >= 5x Python's", captured),
    Figure("G7", "kernels that ranks add to a step with one bucket", "<= 2", own_kernels),
    Figure("G8", "memory that ranks add to parameters and state", "<= 1 %", own_memory),
    Figure("G9", "one rank, to PyTorch", ">= 1.5x small, >= 0.99x large", against_python),
    Figure("G10", "AdamW on 100 M parameters, of a copy's bandwidth", ">= 80 %", update_bandwidth),
    Figure("G10 kernels", "kernels of one update by AdamW", "<= 2", update_kernels),
    Figure("N1", "NCCL on all GPUs, 256 MB, bus bandwidth", ">= 450 GB/s on 8", bus_bandwidth, gpus=2),
    Figure("N2", "efficiency on all GPUs, to one", ">= 0.95", scaling, gpus=2),
]


# --- the table ----------------------------------------------------------------------------------------


def judge(figure, machine):
    """The row of a figure: name, what, target, measured, verdict."""
    row = (figure.name, figure.what, figure.target)
    if machine.gpus < figure.gpus:
        missing = "this machine has no GPU" if machine.gpus == 0 else f"it needs {figure.gpus} GPUs"
        return (*row, "", f"{NOT_MEASURED}: {missing}")
    try:
        measured = figure.measure(machine)
    except CannotMeasure as reason:
        return (*row, "", f"{NOT_MEASURED}: {reason}")
    except (ProgramFailed, subprocess.SubprocessError, OSError) as error:
        return (*row, "", f"{FAILED}: {error}")
    return (*row, measured.text, MET if measured.met else MISSED)


HEADER = ("figure", "what", "target", "measured", "verdict")


def table_of(rows):
    """Columns as wide as they need."""
    lines = [HEADER, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
