"""The same events give the same hits as evtx and as each JSON shape; what a tool does not write is told here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sigma_engine import Scanner, compile_rules, load_model, open_evidence, parse_rules
from tests.engine.json_shapes import SHAPES
from tests.evtx_writer import Typed, write_evtx

PROJECT = Path(__file__).resolve().parents[2]
MODEL = load_model("Windows event logs")
SYSMON = "Microsoft-Windows-Sysmon/Operational"
GUID = "5D1E1A44-5B0C-4D0E-9F53-6F1F3F0F1A2B"
CLASSIC = ("PowerShell", "MSSQLSERVER")  # providers without a manifest: no GUID, and values without names
Hit = tuple[int, str, int | None, str]


def _event(
    number: int,
    channel: str,
    event_id: int,
    data: dict[str, Any],
    provider: str = "Some-Provider",
    part: str = "EventData",
) -> dict[str, Any]:
    return {
        "System": {
            "Provider": {"Name": provider} if provider in CLASSIC else {"Name": provider, "Guid": GUID},
            "EventID": {"Value": event_id},
            "Channel": channel,
            "Computer": f"WS-{number % 3}.example.org",
            "TimeCreated": {"SystemTime": 1700000000.123456 + number},
            "EventRecordID": 100 + number,
            "Execution": {"ProcessID": 4, "ThreadID": 8},
            "Security": {"UserID": "S-1-5-18"},
            "Keywords": 0x8020000000000000,
        },
        part: data,
    }


EVENTS = [
    _event(
        0,
        SYSMON,
        1,
        {
            "UtcTime": "2023-11-14 22:13:20.123",
            "ProcessGuid": Typed("guid", GUID),
            "ProcessId": 4242,
            "Image": "C:\\Windows\\System32\\vssadmin.exe",
            "CommandLine": 'vssadmin  delete shadows /all "ünïcode"',
            "User": "CORP\\ann",
            "LogonId": Typed("hex64", 0x3E7),
            "IntegrityLevel": "High",
            "Hashes": "SHA1=AB,MD5=CD,SHA256=EF,IMPHASH=01",
            "ParentImage": "C:\\Windows\\System32\\cmd.exe",
        },
        "Microsoft-Windows-Sysmon",
    ),
    _event(
        1,
        "Security",
        4688,
        {
            "SubjectUserSid": Typed("sid", "S-1-5-21-1-2-3-1104"),
            "SubjectUserName": "ann",
            "SubjectDomainName": "CORP",
            "SubjectLogonId": Typed("hex64", 0x1F4AC),
            "NewProcessId": Typed("hex64", 0x10A4),
            "NewProcessName": "C:\\Windows\\System32\\vssadmin.exe",
            "TokenElevationType": "%%1937",
            "ProcessId": Typed("hex64", 0xAF0),
            "CommandLine": "vssadmin delete shadows /all",
            "TargetUserName": "-",
            "MandatoryLabel": Typed("sid", "S-1-16-12288"),
            "ParentProcessName": "C:\\Windows\\System32\\cmd.exe",
        },
        "Microsoft-Windows-Security-Auditing",
    ),
    _event(
        2,
        "Security",
        4769,
        {
            "TargetUserName": "svc@CORP",
            "ServiceName": "MSSQLSvc",
            "TicketOptions": Typed("hex32", 0x40810000),
            "TicketEncryptionType": Typed("hex32", 0x17),
            "IpAddress": "::ffff:203.0.113.9",
            "IpPort": "49832",
            "Status": Typed("hex32", 0),
            "LogonGuid": Typed("guid", GUID),
        },
        "Microsoft-Windows-Security-Auditing",
    ),
    _event(
        3,
        "Security",
        4625,
        {"LogonType": 10, "KeyLength": 128, "Status": Typed("hex32", 0xC000006D), "IpAddress": "203.0.113.9"},
        "Microsoft-Windows-Security-Auditing",
    ),
    _event(
        4,
        "Security",
        1102,
        {"LogFileCleared": {"SubjectUserName": "ann", "SubjectLogonId": Typed("hex64", 0x3E7)}},
        "Microsoft-Windows-Eventlog",
        "UserData",
    ),
    _event(
        5,
        "Microsoft-Windows-WMI-Activity/Operational",
        5861,
        {"Operation_ESStoConsumerBinding": {"Namespace": "//./root", "ESS": "Some", "CONSUMER": "Script=x"}},
        "Microsoft-Windows-WMI-Activity",
        "UserData",
    ),
    _event(
        6,
        "Windows PowerShell",
        400,
        {
            "Data": [
                "Available",
                "None",
                "\tNewEngineState=Available\r\n\tHostApplication=powershell -Version 2\r\n\tEngineVersion=2.0",
            ]
        },
        "PowerShell",
    ),
    _event(
        7, "Application", 18456, {"Data": ["sa", " Reason: none ", "[CLIENT: 203.0.113.9]"]}, "MSSQLSERVER"
    ),
    _event(8, "Application", 33205, {"Data": ["only one"]}, "MSSQLSERVER"),
    _event(
        9,
        "System",
        7036,
        {"param1": "Windows Defender", "param2": "stopped", "Binary": b"\x01\xff"},
        "Service Control Manager",
    ),
    _event(
        10,
        "Microsoft-Windows-Windows Defender/Operational",
        1117,
        {"Threat Name": "HackTool:Win32/Mimikatz", "Path": "file:_C:\\x\\m.exe", "Threat ID": "2147705511"},
        "Microsoft-Windows-Windows Defender",
    ),
    _event(
        11,
        "Typed/Operational",
        1,
        {
            "Nothing": None,
            "Empty": "",
            "Dash": "-",
            "Truth": True,
            "Lie": False,
            "Big": 18446744073709551615,
            "Negative": -3,
            "Half": 1.5,
            "Zero": 0,
            "Moment": datetime(2023, 11, 14, 3, 4, 5, tzinfo=UTC),
            "Spaced": " x ",
            "Lines": "one\r\ntwo",
            "Repeated": ["first", "second"],
            "Channel": "Security",
            "EventID": 4624,
        },
    ),
    _event(12, "Typed/Operational", 2, {}),
]


# What a tool does not write. Null values: Velociraptor leaves them out. Winlogbeat leaves out what is empty, writes
# line ends as \n and of a repeated name the first value; Hayabusa trims, and writes the first value too.
NO_NULL = ("1 Nothing|exists: True",)
PLAIN_TEXT = (
    *("1 Repeated: 'second'", "1 Repeated|contains: 'econd'"),
    "400 Data: '\\tNewEngineState=Available\\r\\n\\tHostApplication=powershell -Version 2\\r\\n\\tEngineVersion=2.0'",
)
BEAT = (
    *("1 Empty: ''", "1 Empty|exists: True", "1 Empty|re: '^$'", "1 Empty|startswith: ''"),
    *NO_NULL,
    "1 Lines: 'one\\r\\ntwo'",
    *PLAIN_TEXT,
)
TRIMMED = (
    *(
        "1 Spaced: ' x '",
        "1 Spaced|re: '^...$'",
        "1 Spaced|startswith: ' x '",
        "18456 Data: ' Reason: none '",
    ),
    *PLAIN_TEXT,
)
NOT_WRITTEN: dict[str, tuple[str, ...]] = {
    "evtx_dump": (),
    "evtx_dump, attributes apart": (),
    "Velociraptor": NO_NULL,
    "Velociraptor, names and values": (),
    "Winlogbeat": BEAT,
    "Winlogbeat, dotted names": BEAT,
    "Hayabusa": TRIMMED,
}
ABSENT_THERE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(SHAPES, ()),
    "Velociraptor": ("1 Nothing: None",),
    "Velociraptor, names and values": ("1 Nothing: None",),
    **dict.fromkeys(("Winlogbeat", "Winlogbeat, dotted names"), ("1 Empty: None", "1 Nothing: None")),
}
HEX = re.compile(r"0x[0-9a-f]+")
REAL = (
    "Defense Evasion/DE_ProcessHerpaderping_Sysmon_11_10_1_7.evtx",
    "Defense Evasion/DE_104_system_log_cleared.evtx",
    "Defense Evasion/DE_WinEventLogSvc_Crash_System_7036.evtx",
    "Defense Evasion/DE_Fake_ComputerAccount_4720.evtx",
    "Defense Evasion/DE_xp_cmdshell_enabled_MSSQL_EID_15457.evtx",
    "Defense Evasion/de_portforward_netsh_rdp_sysmon_13_1.evtx",
)


def _rule(title: str, detection: dict[str, Any], **logsource: str) -> str:
    rule = {"title": title, "logsource": logsource or {"product": "windows"}, "detection": detection}
    return yaml.safe_dump(rule, sort_keys=False, allow_unicode=True)


def _asked(field: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Tests of a field as rule authors write them for a value of that type."""
    yield f"{field}|exists", True
    yield field, None
    if isinstance(value, Typed) and value.kind.startswith("hex"):
        yield field, f"{value.value:#x}"
        yield f"{field}|endswith", f"{value.value:x}"[-2:]
        yield f"{field}|gt", value.value - 1
    elif isinstance(value, Typed):
        yield field, value.value
    elif isinstance(value, bool):
        yield field, value
        yield field, str(value).lower()
    elif isinstance(value, int | float):
        yield field, value
        yield field, str(value)
        yield f"{field}|lte", value
    elif isinstance(value, datetime):
        yield f"{field}|hour", value.hour
        yield f"{field}|year|gte", value.year
    elif isinstance(value, list):
        for item in value:
            yield field, item
            yield f"{field}|contains", item[1:6]
    elif isinstance(value, str):
        yield field, value
        yield f"{field}|startswith", value[:3]
        yield f"{field}|re", "^" + "." * len(value) + "$"


def _fields(event: dict[str, Any]) -> dict[str, Any]:
    return event["EventData"] if "EventData" in event else next(iter(event["UserData"].values()))


def _generated(events: list[dict[str, Any]]) -> Iterator[str]:
    """Rules about every value of these events."""
    written = set()
    for event in events:
        event_id = event["System"]["EventID"]["Value"]
        here = {"EventID": event_id, "Channel": event["System"]["Channel"]}
        for field, value in _fields(event).items():
            if field in ("Channel", "EventID") or isinstance(value, bytes) or _cannot_be_told(event, value):
                continue
            for key, asked in _asked(field, value):
                title = f"{event_id} {key}: {asked!r}"
                if title not in written:
                    yield _rule(title, {"here": here, "there": {key: asked}, "condition": "here and there"})
                written.add(title)
            if isinstance(value, str) and len(value) > 4:
                word = re.sub(r"([\\\\*?])", r"\\\1", value.split()[-1])
                yield _rule(
                    f"{event_id} keyword {value!r}",
                    {"here": here, "words": [word], "condition": "here and words"},
                )


def _cannot_be_told(event: dict[str, Any], value: Any) -> bool:
    """Of real logs only values are asked that every tool writes as they are; NOT_WRITTEN lists the others."""
    if event in EVENTS:
        return False
    if value is None:
        return True
    texts = value if isinstance(value, list) else [value]
    return any(isinstance(text, str) and (text != text.strip() or not text or "\r" in text) for text in texts)


def _general() -> Iterator[str]:
    for number in range(3):
        yield _rule(f"Computer {number}", {"s": {"Computer": f"WS-{number}.example.org"}, "condition": "s"})
    yield _rule("Provider", {"s": {"Provider_Name": "Some-Provider"}, "condition": "s"})
    yield _rule("Record", {"s": {"EventRecordID|gte": 105}, "condition": "s"})
    yield _rule("Nothing at all", {"s": {"EventID": 9999}, "condition": "s"})


def _starter() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted((PROJECT / "starter/rules").glob("*.yml"))]


@cache
def _written_for_all() -> tuple[Scanner, tuple[str, ...]]:
    return _compiled((*_starter(), *_generated(EVENTS), *_general()))


def _compiled(texts: Iterable[str]) -> tuple[Scanner, tuple[str, ...]]:
    """A scanner of rules, and their titles."""
    parsed = [one for text in texts for one in parse_rules(text)]
    rules = [one.rule for one in parsed if one.rule is not None]
    assert len(rules) == len(parsed)
    return Scanner(compile_rules(rules, MODEL)), tuple(rule.title for rule in rules)


def _hits(path: Path, scanner: Scanner, titles: tuple[str, ...]) -> set[Hit]:
    evidence = open_evidence(path)
    found = set()
    for chunk in range(evidence.chunk_count):
        scanned = scanner.scan_chunk(evidence, chunk)
        assert scanned.read.lost == 0
        for hit in scanned.hits:
            facts = hit.facts
            found.add((facts.time, titles[hit.rule_index], facts.record_id, facts.computer))
    return found


def _as_json(shape: str, log: Path, events: list[dict[str, Any]], target: Path) -> Path:
    target.write_text("\n".join(SHAPES[shape](log, events)) + "\n", encoding="utf-8")
    return target


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_events_give_the_same_hits_in_every_shape(shape: str, tmp_path: Path) -> None:
    log = tmp_path / "log.evtx"
    write_evtx(log, EVENTS)
    scanner, titles = _written_for_all()
    of_evtx = _hits(log, scanner, titles)
    of_json = _hits(_as_json(shape, log, EVENTS, tmp_path / "log.jsonl"), scanner, titles)
    assert len(of_evtx) > 150
    assert {hit[1] for hit in of_evtx - of_json} == set(NOT_WRITTEN[shape])
    assert {hit[1] for hit in of_json - of_evtx} == set(ABSENT_THERE[shape])


@cache
def _real(path: Path) -> list[dict[str, Any]]:
    """The events of a log, with HexInt values known by their look."""
    evidence = open_evidence(path)
    events = [r.event for n in range(evidence.chunk_count) for r in evidence.read_chunk(n).records]
    for event in events:
        if "EventData" in event:
            event["EventData"] = {name: _typed(value) for name, value in event["EventData"].items()}
    return events


def _typed(value: Any) -> Any:
    if isinstance(value, str) and HEX.fullmatch(value):
        return Typed("hex64", int(value, 16))
    return value


@cache
def _of_real(path: Path) -> tuple[Scanner, tuple[str, ...]]:
    return _compiled((*_starter(), *_generated(_real(path)[:40])))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", REAL)
def test_real_logs_give_the_same_hits_in_every_shape(
    name: str, shape: str, shared_data: Path, tmp_path: Path
) -> None:
    log = shared_data / "evtx-attack-samples" / name
    events = _real(log)
    scanner, titles = _of_real(log)
    of_evtx = _hits(log, scanner, titles)
    assert len(of_evtx) > len(events)
    assert _hits(_as_json(shape, log, events, tmp_path / "log.jsonl"), scanner, titles) == of_evtx
