"""Programs as benchmarks run them: how long, how much processor time, how much memory at most."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.dense_logs import PROJECT


@dataclass(frozen=True, slots=True)
class Run:
    """What a program took: seconds of the clock and of processors, its peak of resident memory in MiB (of the
    largest of its processes), and its exit code."""

    wall: float
    cpu: float
    peak: float
    code: int


def run(command: Sequence[str | Path], output: Path, *, stdin: Path | None = None) -> Run:
    """Run a program to its end; what it prints goes into `output`."""
    began = time.perf_counter()
    with output.open("wb") as out, (stdin or Path(os.devnull)).open("rb") as given:
        child = subprocess.Popen(
            [str(part) for part in command], cwd=PROJECT, stdin=given, stdout=out, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)  # it is waited for already
    wall = time.perf_counter() - began
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, child.returncode)


def our_scan(evidence: Path, rules: Path, jobs: int = 1) -> list[str | Path]:
    """Our command line over a folder of evidence."""
    engine: list[str | Path] = [sys.executable, "-W", "ignore", "-m", "sigma_engine", "scan"]
    return [*engine, "--jobs", str(jobs), "--rules", rules, "--", evidence]
