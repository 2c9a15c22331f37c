"""Units over processes: the same results as in one, whatever a unit does to the process that scans it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sigma_engine import compile_rules, evtx_file, load_model, parse_rules
from sigma_engine.hit_lines import LineStyle
from sigma_engine.parallel import Job, UnitResult, scan_files
from sigma_engine.sorted_hits import SortedHits
from tests.evtx_writer import write_evtx

RULE = """\
title: Any process
logsource: {product: windows, category: process_creation}
detection:
  selection: {Image|endswith: .exe}
  condition: selection
"""
MARK = "KILLER"


def started(image: str, second: int) -> dict[str, Any]:
    return {
        "System": {
            "Provider": {"Name": "Microsoft-Windows-Sysmon"},
            "EventID": {"Value": 1},
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": "WS-01",
            "TimeCreated": {"SystemTime": 1700000000.0 + second},
        },
        "EventData": {"Image": image},
    }


@pytest.fixture
def logs(tmp_path: Path) -> list[str]:
    """Four logs of one chunk each, the third with a mark."""
    for number in range(4):
        image = f"C:\\{MARK if number == 2 else number}.exe"
        write_evtx(tmp_path / f"{number}.evtx", [started(image, 10 - number), started(image, number)])
    return [str(tmp_path / f"{number}.evtx") for number in range(4)]


@pytest.fixture(scope="module")
def job() -> Job:
    [parsed] = parse_rules(RULE)
    assert parsed.rule is not None
    return Job(compile_rules([parsed.rule], load_model("Windows event logs")), LineStyle("jsonl"))


def in_order(results: list[UnitResult]) -> list[str]:
    hits = SortedHits()
    for result in results:
        hits.add(result.hits)
    return [line for _, line in hits]


def test_many_processes_find_what_one_finds(logs: list[str], job: Job) -> None:
    alone, together = list(scan_files(job, logs, 1)), list(scan_files(job, logs, 3))
    assert len(in_order(alone)) == 8
    assert in_order(together) == in_order(alone)
    for name in ("values_decided", "verdicts_decided"):
        assert sum(result.caches[name] for result in alone) > 0


needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
Parse = Callable[[bytes], Any]


@pytest.fixture
def parser_that(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Lets something happen to the process that parses the chunk with the mark, as a fault of a native parser would."""

    def when_marked(happens: Callable[[], None]) -> None:
        parse: Parse = evtx_file.parse

        def parse_or_not(chunk: bytes) -> Any:
            if MARK.encode("utf-16-le") in chunk:
                happens()
            return parse(chunk)

        monkeypatch.setattr(evtx_file, "parse", parse_or_not)

    return when_marked


@needs_fork
def test_a_unit_that_ends_its_process_twice_is_told_and_the_others_are_scanned(
    logs: list[str], job: Job, parser_that: Callable[[Callable[[], None]], None]
) -> None:
    parser_that(lambda: os._exit(1))
    results = list(scan_files(job, logs, 2))
    assert sorted(result.evidence for result in results) == logs
    assert len(in_order(results)) == 6
    problems = {result.evidence: result.problems for result in results if result.problems}
    assert problems == {logs[2]: ["Chunks 0 to 0 ended the process that read them."]}


@needs_fork
def test_a_unit_whose_process_was_killed_once_is_scanned_again(
    logs: list[str], job: Job, parser_that: Callable[[Callable[[], None]], None], tmp_path: Path
) -> None:
    def kill_once() -> None:
        if not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            os._exit(1)

    parser_that(kill_once)
    results = list(scan_files(job, logs, 2))
    assert len(in_order(results)) == 8
    assert not any(result.problems for result in results)


@needs_fork
def test_a_fault_of_ours_in_a_process_is_raised(
    logs: list[str], job: Job, parser_that: Callable[[Callable[[], None]], None]
) -> None:
    def fail() -> None:
        raise AssertionError("ours")

    parser_that(fail)
    with pytest.raises(AssertionError, match="ours"):
        list(scan_files(job, logs, 2))
