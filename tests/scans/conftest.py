"""A case with logs, rules that match them, and workers: in this process, or real ones in their own."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.evtx_writer import build_evtx

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from rules_app.models import EventModelVersion, RuleSet
    from scans_app.models import Case, Evidence, Scan

CHANNEL = "Microsoft-Windows-Sysmon/Operational"
START = 1_700_000_000

RULE = """\
title: {title}
id: {uid}
status: test
level: {level}
logsource:
  category: process_creation
  product: windows
detection:
  selection:
    Image|endswith: '\\{program}'
  condition: selection
details: 'Started %Image%'
"""


def process_event(number: int, program: str = "tool.exe", **more: Any) -> dict[str, Any]:
    """A process start, `number` seconds after START, on one of three computers."""
    return {
        "System": {
            "Provider": {"Name": "Microsoft-Windows-Sysmon", "Guid": "5770385F-C22A-43E0-BF4C-06F5698FFBD9"},
            "EventID": {"Value": 1},
            "Channel": CHANNEL,
            "Computer": f"WS-{number % 3}.example.org",
            "TimeCreated": {"SystemTime": float(START + number)},
        },
        "EventData": {
            "Image": f"C:\\Program Files\\{program}",
            "CommandLine": f"{program} --number {number}",
            "User": f"EXAMPLE\\user{number % 5}",
            **more,
        },
    }


@cache
def log_bytes(count: int, *, program: str = "tool.exe", per_chunk: int = 5, **more: Any) -> bytes:
    """A log of `count` process starts, `per_chunk` in each chunk."""
    events = [process_event(number, program, **more) for number in range(count)]
    return build_evtx(events, per_chunk=per_chunk)


@pytest.fixture
def model_version(db: None) -> EventModelVersion:
    """The shipped model as it is now."""
    from rules_app.models import EventModel
    from rules_app.services import sync_shipped_models

    sync_shipped_models()
    return EventModel.objects.default().current


@pytest.fixture
def rule_set(model_version: EventModelVersion, owner: User) -> RuleSet:
    """Two rules: one for tool.exe, high, and one for other.exe, low."""
    from rules_app.services import FoundFile, get_or_create_set, import_rules

    one = RULE.format(
        title="Tool started", uid="7f3d5a0e-0000-4000-8000-000000000001", level="high", program="tool.exe"
    )
    two = RULE.format(
        title="Other started", uid="7f3d5a0e-0000-4000-8000-000000000002", level="low", program="other.exe"
    )
    chosen = get_or_create_set("Ours", owner)
    import_rules([FoundFile("tool.yml", one.encode()), FoundFile("other.yml", two.encode())], chosen, owner)
    return chosen


@pytest.fixture
def case(owner: User) -> Case:
    """A case whose owner is `owner`."""
    from scans_app.services.cases import create_case

    return create_case("Harbour", "", owner)


@pytest.fixture
def add_evidence(case: Case, owner: User) -> Callable[..., Evidence]:
    """add_evidence(bytes, "name.evtx") -> evidence, taken in and catalogued in this process."""
    from scans_app.services.intake import receive

    def add(content: bytes, name: str = "log.evtx", *, catalogued: bool = True) -> Evidence:
        intake = receive(case, owner, name, io.BytesIO(content))
        assert not intake.refused, intake.refused
        if catalogued:
            do_all_work()
            intake.stored[0].refresh_from_db()
        return intake.stored[0]

    return add


@pytest.fixture
def start(
    case: Case, owner: User, rule_set: RuleSet, model_version: EventModelVersion
) -> Callable[..., Scan]:
    """start([evidence, ..]) -> a queued scan with both rules; more arguments as `start_scan` takes them."""
    from rules_app.selection import RuleSelection
    from scans_app.services.scans import start_scan

    def begin(evidence: Iterable[Evidence], **more: Any) -> Scan:
        selection = more.pop("selection", RuleSelection())
        return start_scan(case, list(evidence), selection, model_version, owner, **more)

    return begin


def do_all_work() -> None:
    """Do in this process what workers would, until nothing can be claimed."""
    from scans_app.services.work import KINDS

    while sum(run_next(lambda: True) for run_next in KINDS):
        pass


def hits_of(scan: Scan) -> list[tuple[str, int, int, int]]:
    """What a scan found, in one comparable order: (title, evidence, chunk, position)."""
    from scans_app.models import Hit

    rows = Hit.objects.of_scan(scan).values_list("title", "evidence", "chunk", "position")
    return sorted(rows)


@pytest.fixture(autouse=True)
def no_scanner_of_another_test() -> Iterable[None]:
    """Primary keys begin again in each test, so a kept scanner would be another scan's."""
    from scans_app.services.scanners import forget_scans

    forget_scans()
    yield
    forget_scans()
