"""Near misses of one rule over many events: counted by the clause that failed, with the values that were there."""

from __future__ import annotations

from typing import Any

from sigma_engine import FailedClause, NearTally, Record, Rule, load_model, parse_rules

MODEL = load_model("Windows event logs")
RULE = """title: Office starts a shell
logsource: {product: windows, category: process_creation}
detection:
    parent: {ParentImage|endswith: '\\winword.exe'}
    shell: {Image|endswith: ['\\cmd.exe', '\\powershell.exe']}
    known: {CommandLine|contains: '/safe'}
    condition: parent and shell and not known
"""


def record(place: int, parent: str | None, image: str, line: str = "x", event_id: int = 1) -> Record:
    data: dict[str, Any] = {"Image": image, "CommandLine": line}
    if parent is not None:
        data["ParentImage"] = parent
    system = {
        "Provider": {"Name": "Microsoft-Windows-Sysmon"},
        "EventID": {"Value": event_id},
        "Channel": "Microsoft-Windows-Sysmon/Operational",
    }
    return Record(0, place, {"System": system, "EventData": data})


def tally(*records: Record) -> NearTally:
    [parsed] = parse_rules(RULE)
    assert isinstance(parsed.rule, Rule)
    counted = NearTally(parsed.rule, MODEL)
    counted.look(records, "log.evtx", 7)
    return counted


def counts(clause: FailedClause) -> dict[str | None, int]:
    return {value: held.events for value, held in clause.frequent()}


def test_events_that_failed_by_one_clause_are_grouped_by_it_with_the_values_that_were_there() -> None:
    counted = tally(
        record(0, "C:\\excel.exe", "C:\\cmd.exe"),
        record(1, "C:\\excel.exe", "C:\\cmd.exe"),
        record(2, "C:\\outlook.exe", "C:\\cmd.exe"),
        record(3, None, "C:\\cmd.exe"),
        record(4, "C:\\winword.exe", "C:\\calc.exe"),
    )
    parent, shell = counted.failed()
    assert (parent.label, parent.events, parent.truth) == ("ParentImage|endswith", 4, False)
    assert counts(parent) == {"C:\\excel.exe": 2, "C:\\outlook.exe": 1, None: 1}
    assert parent.values["C:\\outlook.exe"].examples == [[7, 0, 2]]
    assert (shell.label, counts(shell)) == ("Image|endswith", {"C:\\calc.exe": 1})


def test_a_filter_that_stood_in_the_way_is_a_clause_that_was_true() -> None:
    counted = tally(record(0, "C:\\winword.exe", "C:\\cmd.exe", "cmd /safe"))
    [known] = counted.failed()
    assert (known.selection, known.truth) == ("known", True)


def test_events_that_match_miss_by_two_or_were_not_tried_are_no_near_misses() -> None:
    counted = tally(
        record(0, "C:\\winword.exe", "C:\\cmd.exe"),
        record(1, "C:\\excel.exe", "C:\\calc.exe"),
        record(2, "C:\\excel.exe", "C:\\cmd.exe", event_id=3),
    )
    assert counted.failed() == []
    assert (counted.looked_at, counted.tried, counted.near) == (3, 2, 0)


def test_counting_goes_on_from_what_was_kept() -> None:
    first = tally(record(0, "C:\\excel.exe", "C:\\cmd.exe"))
    kept = [clause.to_dict() for clause in first.failed()]
    [parsed] = parse_rules(RULE)
    assert isinstance(parsed.rule, Rule)
    second = NearTally(parsed.rule, MODEL, kept)
    second.look(
        [record(1, "C:\\excel.exe", "C:\\cmd.exe"), record(2, "D:\\o.exe", "C:\\cmd.exe")], "log.evtx", 7
    )
    [parent] = second.failed()
    assert counts(parent) == {"C:\\excel.exe": 2, "D:\\o.exe": 1}
    assert parent.wanted == ["\\winword.exe"]
    assert second.looked_at == 2
