"""The model `Windows event logs`: whose rules it serves, and what it reads from real events."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sigma_engine.details import render_details
from sigma_engine.events import EventKey, event_key, open_evidence
from sigma_engine.model import Model, Source, load_model, parse_model
from sigma_engine.rule import Logsource
from sigma_engine.rule_reader import parse_rules
from sigma_engine.values import ABSENT

CASES = yaml.safe_load(
    (Path(__file__).parent / "cases" / "windows_event_logs.yaml").read_text(encoding="utf-8")
)
NAME = "Windows event logs"
# SigmaHQ's `iis` rules read a web server's text log, which is no Windows event log.
NOT_EVENT_LOGS = {"*/windows/iis"}


@cache
def _model() -> Model:
    return load_model(NAME)


def _event(case: dict[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = {
        "System": {
            "Provider": {"Name": case.get("provider", "Some provider")},
            "EventID": {"Value": case["event_id"]},
            "Channel": case["channel"],
            "Computer": "HOST",
        }
    }
    part, data = ("UserData", case["user_data"]) if "user_data" in case else ("EventData", case["data"])
    return event | {part: data}


def _accepted(event: dict[str, Any]) -> tuple[Source, ...]:
    sources = _model().accepting(event_key(event), "")
    return tuple(source for source in sources if source.wants(event))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_an_event_is_taken_and_read_as_rules_expect_it(case: dict[str, Any]) -> None:
    event = _event(case)
    accepted = _accepted(event)
    assert sorted(s.name for s in accepted if not s.name.startswith("*")) == sorted(case["sources"])
    expected = {field: ABSENT if value == "ABSENT" else value for field, value in case["fields"].items()}
    assert {field: _model().mapping(field, accepted).read(event) for field in expected} == expected


def test_the_model_has_no_findings() -> None:
    model, findings = parse_model(_model().text)
    assert model is not None
    assert findings == []


def test_every_windows_event_serves_rules_that_name_the_product_alone() -> None:
    wanted = _model().sources_for(Logsource(None, "windows", None))
    for key in (EventKey("Security", 1, "P"), EventKey("Never heard of", 1, "P"), EventKey("", 6, "P")):
        assert set(wanted) & set(_model().accepting(key, "")), key
    assert _model().accepting(EventKey("", -1, ""), "") == ()  # JSON of something else


def test_every_logsource_of_sigmahqs_windows_rules_is_served(shared_data: Path) -> None:
    served: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for folder in ("rules", "rules-emerging-threats", "rules-threat-hunting"):
        for path in sorted((shared_data / "sigmahq" / folder).rglob("*.yml")):
            for parsed in parse_rules(path.read_text(encoding="utf-8")):
                if parsed.rule is None:
                    continue
                logsource = parsed.rule.logsource
                if logsource.product == "windows" or logsource.category == "antivirus":
                    counts = served if _model().sources_for(logsource) else left_out
                    counts[str(logsource)] += 1
    assert dict(left_out) == {}
    assert len(served) >= 66
    assert served.total() >= 2865


def test_every_windows_logsource_of_sigmas_taxonomy_is_served(shared_data: Path) -> None:
    taxonomy = json.loads((shared_data / "sigmahq" / "logsource.json").read_text(encoding="utf-8"))
    windows = taxonomy["legit"]["windows"]
    wanted = [Logsource(category, "windows", None) for category in windows["category"]]
    wanted += [Logsource(None, "windows", service) for service in windows["service"]]
    assert {str(one) for one in wanted if not _model().sources_for(one)} == NOT_EVENT_LOGS


def test_rules_of_other_systems_are_not_served() -> None:
    for logsource in (
        Logsource("process_creation", "linux", None),
        Logsource("webserver", None, None),
        Logsource(None, "aws", "cloudtrail"),
        Logsource("process_creation", "windows", "nonsense"),
    ):
        assert _model().sources_for(logsource) == ()


def test_real_events_are_read_without_a_fault_and_shown_in_one_line(shared_data: Path) -> None:
    """One event of each kind in the attack samples: every mapping of its sources, and its details."""
    seen: dict[EventKey, dict[str, Any]] = {}
    for path in sorted((shared_data / "evtx-attack-samples").rglob("*.evtx")):
        evidence = open_evidence(path)
        for number in range(min(evidence.chunk_count, 2)):
            for record in evidence.read_chunk(number).records:
                seen.setdefault(event_key(record.event), record.event)
    assert len(seen) > 100
    for event in seen.values():
        accepted = _accepted(event)
        assert accepted
        for source in accepted:
            for mapping in source.fields.values():
                mapping.read(event)
                assert mapping.fault(event) == ""
        line = render_details("", _model(), accepted, event)
        assert "\n" not in line


def test_every_field_of_the_default_details_is_mapped() -> None:
    """A template whose field no source of its event maps would show `Field?` on every line."""
    unmapped = []
    for key, template in _model().default_details.items():
        provider, _, event_id = key.rpartition("/")
        assert isinstance(template, str)
        channel = _CHANNELS.get(key) or _CHANNELS.get(provider) or f"{provider}/Operational"
        accepted = _model().accepting(EventKey(channel, int(event_id), provider), "")
        unmapped += [
            f"{key}: {field}"
            for field in re.findall(r"%([A-Za-z]\w*)(?:\[\d\])?%", template)
            if _model().mapping(field, accepted).origin == "fallback"
        ]
    assert unmapped == []


# Where a provider does not write to `<its name>/Operational`.
_CHANNELS = {
    "Microsoft-Windows-Windows Firewall With Advanced Security": (
        "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"
    ),
    "Microsoft-Windows-Security-Auditing": "Security",
    "Microsoft-Windows-Eventlog": "Security",
    "Microsoft-Windows-Eventlog/104": "System",
    "Service Control Manager": "System",
    "PowerShell": "Windows PowerShell",
    "Application Error": "Application",
}
