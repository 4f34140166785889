"""What the comparisons share: the etai to measure, running things in turn, and tables."""

import os
import platform
import statistics
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def build_etai():
    """Builds etai and returns its path."""
    subprocess.run([ROOT / "bazelw", "build", "//:etai"], cwd=ROOT, check=True)
    return ROOT / "bazel-bin" / "etai"


def run(command, **env):
    """The output of a command, run from the root; what it says on stderr is shown only if it fails."""
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, env={**os.environ, **env}, text=True, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


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
