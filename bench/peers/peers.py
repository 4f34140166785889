"""What the comparisons share: the etai to measure, running things in turn, and tables."""

import os
import platform
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def build_etai():
    """Builds etai and returns its path."""
    subprocess.run([ROOT / "bazelw", "build", "//:etai"], cwd=ROOT, check=True)
    return ROOT / "bazel-bin" / "etai"


class Finished(NamedTuple):
    """What a program that ended well did."""

    output: str
    seconds: float
    megabytes: float  # its own peak, or that of its largest child process

    def lines(self):
        """The numbers of each line by the word that it begins with."""
        words = map(str.split, self.output.splitlines())
        return {name: [float(word) for word in numbers] for name, *numbers in words}


def run(command, attempts=1, **env):
    """Runs a command from the root, again if it fails; what it says on stderr is shown if all attempts do."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as complaints:
        child = subprocess.Popen(
            [str(word) for word in command], cwd=ROOT, env={**os.environ, **env}, stdout=output, stderr=complaints)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        complaints.seek(0)
        if child.returncode != 0 and attempts > 1:
            return run(command, attempts - 1, **env)
        if child.returncode != 0:
            raise SystemExit(
                f"{' '.join(map(str, command))}: exit {child.returncode}\n{output.read()}{complaints.read()}")
        return Finished(output.read(), time.perf_counter() - start, usage.ru_maxrss / 1024)


def rendezvous_here():
    """Lets the processes of torch.distributed find each other on this machine."""
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29511")


def alternate(runs, contenders, measure):
    """Measures each contender `runs` times, in turn, so that all see the same weather; a list for each."""
    results = {contender: [] for contender in contenders}
    for _ in range(runs):
        for contender in contenders:
            results[contender].append(measure(contender))
    return results


def medians(results):
    return {contender: statistics.median(values) for contender, values in results.items()}


def machine():
    with open("/proc/cpuinfo") as lines:
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0))
    return f"{models[0] if models else platform.machine()}, {cores} cores, {platform.system()} {platform.release()}"


def print_table(header, rows):
    """Columns as wide as they need, the first to the left, the others to the right."""
    table = [header, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    for row in table:
        print("  ".join(cell.rjust(width) if i else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
