"""Rules of a scan from the cache on disk: the same answer as without, and nothing read that others could write."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from sigma_engine import disk_cache
from sigma_engine.__main__ import main
from tests.evtx_writer import write_evtx

Scan = Callable[..., tuple[str, str, int]]

RULE = """\
title: {title}
id: 6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7{number:03}
status: test
level: {level}
tags: [attack.t{number:04}]
logsource: {{product: {product}, category: process_creation}}
detection:
  selection: {{"Image|{modifier}": 'cmd.exe'}}
  condition: selection
"""
STARTED = {
    "System": {
        "Provider": {"Name": "Microsoft-Windows-Sysmon"},
        "EventID": {"Value": 1},
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Computer": "WS-01",
        "TimeCreated": {"SystemTime": 1700000000.0},
    },
    "EventData": {"Image": "C:\\cmd.exe"},
}


def rule(number: int, title: str, **more: str) -> str:
    given = {"level": "high", "product": "windows", "modifier": "endswith"} | more
    return RULE.format(number=number, title=title, **given)


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Scan:
    """Runs a scan in a folder with good rules, broken ones and unreadable files; gives stdout, stderr, exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGMAWEB_CACHE", str(tmp_path / "cache"))
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "a.yml").write_text(rule(1, "One") + "---\n" + rule(2, "Two", level="low"))
    (rules / "b.yml").write_text(rule(3, "Broken", modifier="endswit"))
    (rules / "c.yml").write_text(rule(4, "Elsewhere", product="linux"))
    (rules / "d.yml").write_bytes(b"title: \xff")
    (rules / "e.yml").write_text("# nothing\n")
    (rules / "f.yml").symlink_to("nowhere")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "level_tuning.txt").write_text("6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7001,low\nno id\n")
    write_evtx(tmp_path / "log.evtx", [STARTED])

    def run(*options: str) -> tuple[str, str, int]:
        code = main(["scan", "log.evtx", "--rules", "rules", "--jobs", "1", *options])
        told = capfd.readouterr()
        return told.out, told.err, code

    return run


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--strict"],
        ["--level", "high", "--debug", "/dev/stdout"],
        ["--tuning", "lists", "--level", "low"],
        ["--tag", "attack.t0002", "--debug", "/dev/stdout"],
        ["--title", "("],
        ["--rule-filter", "x=>x.Level = 'low'"],
    ],
)
def test_a_scan_says_the_same_whether_its_rules_were_known_or_not(scan: Scan, options: list[str]) -> None:
    cold = scan(*options)
    assert "endswit" in cold[1]
    assert scan(*options) == cold


def test_a_known_set_is_not_parsed_again(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    cold = scan()

    def parse(files: object) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr("sigma_engine.command_rules.parse_files", parse)
    assert scan() == cold
    with pytest.raises(AssertionError):
        scan("--level", "high")


@pytest.mark.parametrize("change", ["content", "name", "option", "gone"])
def test_what_a_scan_is_made_of_is_seen_when_it_changes(scan: Scan, change: str) -> None:
    before = scan()
    if change == "content":
        Path("rules/a.yml").write_text(rule(1, "Other") + "---\n" + rule(2, "Two", level="low"))
    elif change == "name":
        Path("rules/b.yml").rename("rules/a_b.yml")
    elif change == "gone":
        Path("rules/e.yml").unlink()
    assert scan(*(["--level", "low"] if change == "option" else [])) != before


def test_a_model_of_a_file_is_read_again_when_it_changes_and_missed_when_it_is_gone(scan: Scan) -> None:
    own = Path("own.yaml")
    own.write_text("name: Own\nextends: Windows event logs\n")
    assert len(scan("--model", "own.yaml")[0].splitlines()) == 2
    own.write_text("name: Own\nlog_sources:\n  - {logsource: '*/linux/*', channels: [none]}\n")
    assert scan("--model", "own.yaml")[0] == ""
    own.unlink()
    out, told, code = scan("--model", "own.yaml")
    assert (out, code) == ("", 2)
    assert "There is no model and no file `own.yaml`" in told


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a value that is kept under the name `one`."""
    monkeypatch.setenv("SIGMAWEB_CACHE", str(tmp_path / "cache"))
    disk_cache.store("one", [1, 2])
    assert disk_cache.load("one", list) == [1, 2]
    [path] = (tmp_path / "cache").iterdir()
    return path


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_is_not_read(kept: Path, mode: int) -> None:
    kept.chmod(mode)
    assert disk_cache.load("one", list) is None


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o1777])
def test_nothing_is_read_from_a_folder_that_others_may_write(kept: Path, mode: int) -> None:
    kept.parent.chmod(mode)
    assert disk_cache.load("one", list) is None


def test_a_link_is_not_followed(kept: Path, tmp_path: Path) -> None:
    kept.rename(tmp_path / "evidence")
    kept.symlink_to(tmp_path / "evidence")
    assert disk_cache.load("one", list) is None


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps({"another": "kind"})])
def test_what_is_no_such_value_counts_as_unknown(kept: Path, content: bytes) -> None:
    kept.write_bytes(content)
    assert disk_cache.load("one", list) is None


def test_what_was_not_used_for_longest_goes_when_there_is_too_much(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for age, name in enumerate(("one", "two", "three", "half"), 1):
        disk_cache.store(name, [name])
        ending = ".part" if name == "half" else ".set"
        path = kept.with_name(f"{name}.set").rename(kept.with_name(f"{name}{ending}"))
        os.utime(path, (age, age))
    disk_cache.load("one", list)  # used just now
    monkeypatch.setattr(disk_cache, "MOST_FILES", 3)
    disk_cache.store("new", [])
    assert sorted(path.name for path in kept.parent.iterdir()) == ["half.part", "new.set", "one.set"]
    monkeypatch.setattr(disk_cache, "MOST_BYTES", 10)
    disk_cache.store("large", ["x" * 100])
    assert [path.name for path in kept.parent.iterdir()] == ["large.set"]
