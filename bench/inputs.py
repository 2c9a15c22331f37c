"""What benchmarks run on: evidence, rules, and the command line by which both are given.

    python -m bench.matching --evidence FOLDER --rules FOLDER --records 250000

Without `--evidence`, dense logs are made of the attack samples beside the project, where they are, else of the
starter's logs; without `--rules`, SigmaHQ's Windows rules beside the project are taken, else the starter's.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.dense_logs import PROJECT, RECORDS, SHARED, make_dense_logs
from sigma_engine import EvidenceFile, Rule, parse_rules

_ID = re.compile(r"^id:.*$", re.MULTILINE)
_TITLE = re.compile(r"^title:(.*)$", re.MULTILINE)


def arguments() -> argparse.Namespace:
    """The command line that all benchmarks share."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="of `python -m bench`: what to run")
    parser.add_argument("--evidence", type=Path, help="a folder of .evtx; dense logs are made unless given")
    parser.add_argument("--rules", type=Path, help="a folder of Sigma rules")
    parser.add_argument("--records", type=int, default=RECORDS, help="how many events dense logs hold")
    parser.add_argument("--seconds", type=float, help="of `agreement`: stop about then")
    parser.add_argument("--sample", type=int, default=1, help="of `agreement`: ask one event of so many")
    return parser.parse_args()


@contextmanager
def evidence_folder(given: argparse.Namespace, records: int | None = None) -> Iterator[Path]:
    """The folder of logs: the one that was given, or dense logs for the length of the block."""
    if given.evidence is not None:
        yield given.evidence
        return
    with tempfile.TemporaryDirectory(prefix="sigmaweb-bench-") as folder:
        make_dense_logs(Path(folder), records or given.records)
        yield Path(folder)


def rules_folder(given: argparse.Namespace) -> Path:
    """The folder of rules."""
    sigmahq = SHARED / "sigmahq" / "rules" / "windows"
    return given.rules or (sigmahq if sigmahq.is_dir() else PROJECT / "starter" / "rules")


def load_rules(folder: Path) -> list[Rule]:
    """The detection rules of a folder that are not broken."""
    parsed = (one for path in sorted(folder.rglob("*.yml")) for one in parse_rules(path.read_text()))
    return [one.rule for one in parsed if isinstance(one.rule, Rule) and not one.broken]


def renamed(text: str, number: int) -> str:
    """A copy of a rule's text with a title and an id of its own."""
    text = _TITLE.sub(
        lambda found: f"title:{found[1].rstrip(chr(39) + chr(34))} copy {number}", text, count=1
    )
    return _ID.sub(f"id: {uuid.uuid5(uuid.NAMESPACE_URL, f'{number}{text}')}", text, count=1)


def chunks(logs: list[EvidenceFile]) -> Iterator[tuple[EvidenceFile, int]]:
    """Every chunk of every log."""
    return ((log, number) for log in logs for number in range(log.chunk_count))


class Stopwatch:
    """Seconds of processor time and of the clock since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    @property
    def cpu(self) -> float:
        """Seconds that this process computed: on a busy machine what the work itself costs."""
        return time.process_time() - self._cpu

    @property
    def wall(self) -> float:
        """Seconds that went by."""
        return time.perf_counter() - self._wall


def print_load() -> None:
    """The machine's load, which every figure depends on."""
    one, five, _ = os.getloadavg()
    print(f"load {one:.1f} (5 minutes: {five:.1f}) on {os.cpu_count()} cores")
