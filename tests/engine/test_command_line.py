"""The command line is a scripting interface: what goes where, and what each exit code means."""

from __future__ import annotations

import csv
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.evtx_writer import bad_magic, write_evtx

PROJECT = Path(__file__).resolve().parents[2]

RULE = """\
title: Shell
id: 6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e11
status: test
level: high
tags: [attack.execution]
logsource: {category: process_creation, product: windows}
detection:
    selection:
        Image|endswith: '\\cmd.exe'
    condition: selection
"""
OTHER = (
    RULE.replace("Shell", "Notepad")
    .replace("cmd.exe", "notepad.exe")
    .replace("7e11", "7e12")
    .replace("high", "low")
)
BROKEN = RULE.replace("|endswith", "|endswit").replace("7e11", "7e13")
LINUX = RULE.replace("product: windows", "product: linux").replace("7e11", "7e14")


def sysmon(image: str, second: int, **data: Any) -> dict[str, Any]:
    """A Sysmon process creation."""
    return {
        "System": {
            "Provider": {"Name": "Microsoft-Windows-Sysmon", "Guid": "5770385F-C22A-43E0-BF4C-06F5698FFBD9"},
            "EventID": {"Value": 1},
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": "WS-01",
            "TimeCreated": {"SystemTime": 1700000000.0 + second},
        },
        "EventData": {"Image": image, **data},
    }


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with rules/ and logs/: two logs, three events, of which two run cmd.exe."""
    (tmp_path / "rules" / "deep").mkdir(parents=True)
    (tmp_path / "rules" / "shell.yml").write_text(RULE)
    (tmp_path / "rules" / "deep" / "other.yaml").write_text(OTHER)
    (tmp_path / "logs" / "inner").mkdir(parents=True)
    write_evtx(tmp_path / "logs" / "b.evtx", [sysmon("C:\\cmd.exe", 5), sysmon("C:\\notepad.exe", 1)])
    write_evtx(tmp_path / "logs" / "inner" / "a.evtx", [sysmon("C:\\cmd.exe", 3)])
    return tmp_path


def run(work: Path, *arguments: str, terminal: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs the command line in `work`, as a user would."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "SIGMAWEB_CACHE": str(work / "cache")}
    command = [sys.executable, "-m", "sigma_engine", *arguments]
    if terminal:
        return _in_terminal(command, work, environment)
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)


def _in_terminal(
    command: list[str], work: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    master, slave = pty.openpty()
    with subprocess.Popen(command, cwd=work, env=environment, stdout=slave, stderr=slave) as process:
        os.close(slave)
        output = b""
        while True:
            try:
                output += os.read(master, 65536)
            except OSError:  # the other end is closed
                break
    os.close(master)
    return subprocess.CompletedProcess(command, process.returncode, output.decode(), "")


def hits(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_scan_prints_one_hit_a_line_sorted_by_time(work: Path) -> None:
    result = run(work, "scan", "logs", "--rules", "rules")
    found = hits(result)
    assert [hit["title"] for hit in found] == ["Notepad", "Shell", "Shell"]
    assert found[1] == {
        "rule_id": "6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e11",
        "title": "Shell",
        "level": "high",
        "timestamp": "2023-11-14T22:13:23+00:00",
        "computer": "WS-01",
        "channel": "Microsoft-Windows-Sysmon/Operational",
        "event_id": 1,
        "record_id": 1,
        "evidence": "logs/inner/a.evtx",
        "details": found[1]["details"],
    }
    assert (result.returncode, result.stderr) == (0, "")


def test_one_process_and_several_give_the_same_bytes(work: Path) -> None:
    outputs = {
        run(work, "scan", "logs", "--rules", "rules", "--jobs", jobs).stdout for jobs in ("1", "2", "3")
    }
    assert len(outputs) == 1


def test_evidence_and_rules_may_be_given_more_than_once(work: Path) -> None:
    result = run(
        work,
        "scan",
        "logs/b.evtx",
        "logs/inner",
        "--rules",
        "rules/shell.yml",
        "--rules",
        "rules/deep/other.yaml",
    )
    assert len(hits(result)) == 3


@pytest.mark.parametrize(
    ("choice", "titles"),
    [
        (["--level", "low"], {"Notepad"}),
        (["--level", "low", "--level", "high"], {"Notepad", "Shell"}),
        (["--status", "stable"], set()),
        (["--tag", "attack"], {"Notepad", "Shell"}),
        (["--tag", "attack.impact"], set()),
        (["--title", "^note"], {"Notepad"}),
        (["--rule-filter", "x=>x.Level = 'high'"], {"Shell"}),
        (["--rule-filter", "x=>x.level =~ 'low'"], {"Notepad"}),
    ],
)
def test_rules_are_chosen_by_what_they_are(work: Path, choice: list[str], titles: set[str]) -> None:
    assert {hit["title"] for hit in hits(run(work, "scan", "logs", "--rules", "rules", *choice))} == titles


def test_csv_has_a_header_and_no_cell_that_a_spreadsheet_would_calculate(work: Path) -> None:
    write_evtx(work / "logs" / "c.evtx", [sysmon("C:\\cmd.exe", 9)])
    (work / "rules" / "shell.yml").write_text(RULE + "details: '=1+1'\n")
    result = run(work, "scan", "logs", "--rules", "rules/shell.yml", "--format", "csv")
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["details"] for row in rows] == ["'=1+1"] * 3
    assert list(rows[0])[:3] == ["rule_id", "title", "level"]


def test_out_takes_the_hits_and_leaves_stdout_empty(work: Path) -> None:
    result = run(work, "scan", "logs", "--rules", "rules", "--out", "hits.jsonl")
    assert result.stdout == ""
    assert len((work / "hits.jsonl").read_text().splitlines()) == 3
    assert run(work, "scan", "logs", "--rules", "rules", "--out", "/dev/null").returncode == 0


def test_no_hits_is_no_failure(work: Path) -> None:
    result = run(work, "scan", "logs/inner", "--rules", "rules/deep")
    assert (result.stdout, result.returncode) == ("", 0)


def test_what_could_not_be_used_is_told_and_fails_only_when_strict(work: Path) -> None:
    (work / "rules" / "broken.yml").write_text(BROKEN)
    (work / "rules" / "linux.yml").write_text(LINUX)
    (work / "logs" / "no.evtx").write_text("<html>")
    (work / "rules" / "empty.yml").write_text("")
    result = run(work, "scan", "logs", "--rules", "rules")
    assert len(hits(result)) == 3
    for reason in ("modifier_unknown", "logsource_not_served", "no.evtx", "no YAML document"):
        assert reason in result.stderr
    assert result.returncode == 0
    assert run(work, "scan", "logs", "--rules", "rules", "--strict").returncode == 1


def test_a_damaged_chunk_is_told_and_the_others_are_scanned(work: Path) -> None:
    events = [sysmon("C:\\cmd.exe", second) for second in range(4)]
    write_evtx(work / "logs" / "b.evtx", events, per_chunk=2, damage=[bad_magic(chunk=0)])
    result = run(work, "scan", "logs/b.evtx", "--rules", "rules")
    assert len(hits(result)) >= 2
    assert "Chunk 0" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["scan", "logs"],
        ["scan", "nowhere", "--rules", "rules"],
        ["scan", "logs", "--rules", "nowhere"],
        ["scan", "logs", "--rules", "rules", "--level", "huge"],
        ["scan", "logs", "--rules", "rules", "--jobs", "0"],
        ["scan", "logs", "--rules", "rules", "--title", "("],
        ["scan", "logs", "--rules", "rules", "--rule-filter", "x=>nope(x)"],
        ["scan", "logs", "--rules", "rules", "--model", "no such model"],
        ["scan", "logs", "--rules", "rules", "--out", "nowhere/hits"],
        ["check", "rules", "--model", "no such model"],
    ],
)
def test_wrong_usage_exits_with_2_and_prints_no_result(work: Path, arguments: list[str]) -> None:
    result = run(work, *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr != ""


def test_links_are_followed_and_equal_files_both_scanned(work: Path) -> None:
    (work / "logs" / "link.evtx").symlink_to(work / "logs" / "inner" / "a.evtx")
    found = hits(run(work, "scan", "logs", "--rules", "rules/shell.yml"))
    assert [hit["evidence"] for hit in found] == ["logs/inner/a.evtx", "logs/link.evtx", "logs/b.evtx"]


def test_json_lines_and_arrays_are_evidence_too(work: Path) -> None:
    events = [sysmon("C:\\cmd.exe", 1), sysmon("C:\\other.exe", 2)]
    (work / "logs" / "a.json").write_text(json.dumps(events))
    (work / "logs" / "a.jsonl").write_text("\n".join(map(json.dumps, events)))
    found = hits(run(work, "scan", "logs/a.json", "logs/a.jsonl", "--rules", "rules/shell.yml"))
    assert {hit["evidence"] for hit in found} == {"logs/a.json", "logs/a.jsonl"}


def test_check_prints_one_finding_a_line_and_fails_on_errors(work: Path) -> None:
    (work / "rules" / "broken.yml").write_text(RULE + "---\n" + BROKEN)
    (work / "rules" / "linux.yml").write_text(LINUX)
    result = run(work, "check", "rules")
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 1
    assert {finding["code"] for finding in findings} == {
        "modifier_unknown",
        "logsource_not_served",
        "id_twice",
    }
    broken = next(finding for finding in findings if finding["code"] == "modifier_unknown")
    assert broken == {
        "file": "rules/broken.yml",
        "rule_id": "6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e13",
        "line": 20,
        "column": 15,
        "severity": "error",
        "code": "modifier_unknown",
        "scope": "rule",
        "message": "Unknown modifier `endswit`.",
        "hint": "Did you mean `endswith`?",
    }
    assert {f["scope"] for f in findings if f["code"] == "logsource_not_served"} == {"model"}


def test_check_tells_of_an_id_that_two_documents_have(work: Path) -> None:
    twin = RULE.replace("Shell", "Twin").replace("6d2a41f6", "6D2A41F6")
    (work / "rules" / "twin.yml").write_text(OTHER.replace("7e12", "7e15") + "---\n" + twin)
    result = run(work, "check", "rules")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {
            "file": "rules/twin.yml",
            "rule_id": "6D2A41F6-6a4d-4f0e-9a3a-2d8a0f0b7e11",
            "line": 13,
            "column": 5,
            "severity": "info",
            "code": "id_twice",
            "scope": "rule",
            "message": "`Shell` in rules/shell.yml has this id too; both are kept, as rules of their own.",
            "hint": "Give one of them a new UUID.",
        }
    ]
    assert result.returncode == 0


def test_rules_of_one_id_are_kept_apart_in_a_scan(work: Path) -> None:
    (work / "rules" / "twin.yml").write_text(RULE.replace("Shell", "Twin"))
    found = hits(run(work, "scan", "logs/b.evtx", "--rules", "rules"))
    assert sorted(hit["title"] for hit in found) == ["Notepad", "Shell", "Twin"]


def test_check_of_good_rules_prints_nothing_and_succeeds(work: Path) -> None:
    result = run(work, "check", "rules")
    assert (result.stdout, result.returncode) == ("", 0)


def test_explain_prints_a_tree_for_the_chosen_record(work: Path) -> None:
    result = run(work, "explain", "--rules", "rules/shell.yml", "logs/b.evtx", "--record", "2")
    [tree] = [json.loads(line) for line in result.stdout.splitlines()]
    assert (tree["verdict"], tree["tried"], tree["record_id"]) == (False, True, 2)
    leaf = tree["conditions"][0]["children"][0]["children"][0]
    assert (leaf["field"], leaf["value"], leaf["type"]) == ("Image", "C:\\notepad.exe", "string")
    assert leaf["reason"] == "value_mismatch"


def test_explain_says_what_decided_with_its_hint_in_both_forms(work: Path) -> None:
    rule = (work / "rules" / "shell.yml").read_text()
    (work / "rules" / "typo.yml").write_text(rule.replace("Image|endswith", "Imge|endswith"))
    arguments = ("explain", "--rules", "rules/typo.yml", "logs/b.evtx", "--record", "1")
    [tree] = [json.loads(line) for line in run(work, *arguments).stdout.splitlines()]
    [decided] = tree["deciding"]
    assert (decided["field"], decided["alone"]) == ("Imge", True)
    assert "field_near" in [hint["code"] for hint in decided["hints"]]
    text = run(work, *arguments, terminal=True).stdout
    assert "The event has no `Imge`." in text
    assert "Hint: The event has a field `Image`: is that the one? Write: Image|endswith:" in text


def test_on_a_terminal_people_get_text(work: Path) -> None:
    scan = run(work, "scan", "logs", "--rules", "rules", terminal=True).stdout
    assert "3 events, 3 hits" in scan
    assert "of 3 events were decided anew" in scan
    assert "high  Shell  WS-01" in scan
    explain = run(work, "explain", "--rules", "rules/shell.yml", "logs/b.evtx", terminal=True).stdout
    assert "Shell matches record 1" in explain
    assert "Shell does not match record 2" in explain


def test_tuning_lists_change_levels_and_leave_rules_out(work: Path) -> None:
    (work / "lists").mkdir()
    (work / "lists" / "level_tuning.txt").write_text(
        "id,new_level\n6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e11,low\n"
    )
    (work / "lists" / "noisy_rules.txt").write_text("6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e12 # Notepad\n")
    found = hits(run(work, "scan", "logs", "--rules", "rules", "--tuning", "lists", "--level", "low"))
    assert [(hit["title"], hit["level"]) for hit in found] == [("Shell", "low"), ("Shell", "low")]


def test_channels_are_abbreviated_by_a_table(work: Path) -> None:
    (work / "short.txt").write_text("Channel,Short\nMicrosoft-Windows-Sysmon/Operational,Sysmon\n")
    found = hits(run(work, "scan", "logs", "--rules", "rules", "--abbreviations", "short.txt"))
    assert {hit["channel"] for hit in found} == {"Sysmon"}
    (work / "short.txt").write_text("Channel,Short\nno comma here\n")
    wrong = run(work, "scan", "logs", "--rules", "rules", "--abbreviations", "short.txt")
    assert (wrong.returncode, wrong.stdout) == (2, "")


def test_report_says_what_a_model_serves_and_lacks(work: Path) -> None:
    (work / "rules" / "linux.yml").write_text(LINUX)
    result = run(work, "report", "rules")
    report = json.loads(result.stdout)
    assert (report["rules"], len(report["served"]), result.returncode) == (3, 2, 0)
    assert report["not_served"] == ["6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e14"]
    assert [row["logsource"] for row in report["missing_sources"]] == ["process_creation/linux/*"]
    assert "serves 2 of 3 rules" in run(work, "report", "rules", terminal=True).stdout


def test_a_reader_that_stops_early_is_no_error(work: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "SIGMAWEB_CACHE": str(work / "cache")}
    write_evtx(
        work / "logs" / "many.evtx", [sysmon("C:\\cmd.exe", n, CommandLine="x" * 500) for n in range(600)]
    )
    command = f"{sys.executable} -m sigma_engine scan logs --rules rules | head -n 1"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr == ""
    assert result.returncode == 0


def test_a_debug_scan_writes_the_funnel_of_every_rule_as_json(work: Path) -> None:
    (work / "rules" / "broken.yml").write_text(BROKEN)
    (work / "rules" / "linux.yml").write_text(LINUX)
    arguments = ("scan", "logs", "--rules", "rules", "--level", "high", "--jobs", "2")
    plain = run(work, *arguments)
    debug = run(work, *arguments, "--debug", "why.json")
    assert debug.stdout == plain.stdout
    document = json.loads((work / "why.json").read_text())
    [rule] = document["rules"]
    assert document["events"] == 3
    assert (rule["title"], rule["of_source"], rule["fields"], rule["selections"]) == (
        *("Shell", 3),
        {"Image": 3},
        {"selection": 2},
    )
    codes = sorted((one["title"], one["code"]) for one in document["never_tried"])
    assert codes == [("Notepad", "not_selected"), ("Shell", "broken"), ("Shell", "not_served")]
    again = run(work, *arguments, "--debug", "again.json")
    assert again.returncode == 0
    assert (work / "again.json").read_bytes() == (work / "why.json").read_bytes()
