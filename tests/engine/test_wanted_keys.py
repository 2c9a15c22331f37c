"""Which keys rules can match: what is passed over never matches, and what a rule names is not passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigma_engine import (
    EventKey,
    Scanner,
    WantedKeys,
    compile_rules,
    event_key,
    load_model,
    open_evidence,
    parse_model,
    parse_rules,
)

PROJECT = Path(__file__).resolve().parent.parent.parent
AUDITING = "Microsoft-Windows-Security-Auditing"
RULE = """\
title: One
logsource:
  product: windows
  service: security
detection:
{detection}
  condition: {condition}
"""
MODEL = """\
name: Asking
log_sources:
  - logsource: "*/windows/security"
    channels: [Security]
    where: x=>x.EventData.Kind = "b"
    fields:
      EventID: x=>x.EventData.Number
fields:
  EventID: x=>x.System.EventID.Value
"""


def wants(detection: str, condition: str, *keys: EventKey, model: str = "") -> list[bool]:
    """What a rule of one detection wants of some keys."""
    (parsed,) = parse_rules(RULE.format(detection=detection, condition=condition))
    assert parsed.rule is not None
    chosen = parse_model(model)[0] if model else load_model("Windows event logs")
    assert chosen is not None
    keys_of = WantedKeys(compile_rules([parsed.rule], chosen))
    return [keys_of.wants(key) for key in keys]


def security(event_id: int, provider: str = AUDITING) -> EventKey:
    return EventKey("Security", event_id, provider)


@pytest.mark.parametrize(
    ("detection", "condition", "wanted"),
    [
        ("  s: {EventID: 4625}", "s", [False, True]),
        ("  s: {EventID: [4624, 4625]}", "s", [True, True]),
        ("  s: {EventID: '4625'}", "s", [False, True]),
        ("  s: {EventID|gte: 4625}", "s", [False, True]),
        ("  s: {EventID: 4625, User: a}", "s", [False, True]),
        ("  s: {User: a}", "s", [True, True]),
        ("  s: {EventID: 4625}\n  t: {User: a}", "s or t", [True, True]),
        ("  s: {EventID: 4625}\n  t: {User: a}", "s and not t", [False, True]),
        ("  s_1: {EventID: 4625}\n  s_2: {EventID: 1}", "1 of s_*", [False, True]),
        ("  s_1: {EventID: 4625}\n  s_2: {EventID: 1}", "all of s_*", [False, False]),
        ("  s: {Provider_Name: Other}", "s", [False, False]),
        (f"  s: {{Provider_Name: {AUDITING}}}", "s", [True, True]),
        ("  s: {Channel: System}", "s", [False, False]),
        ("  s: {Channel: SECURITY}", "not s", [False, False]),
        ("  s: ['4625']", "s", [True, True]),
        ("  s: {EventID|re: '4625'}", "s", [True, True]),
    ],
)
def test_a_rule_wants_the_keys_that_its_detection_leaves_possible(detection, condition, wanted):
    assert wants(detection, condition, security(4624), security(4625)) == wanted


def test_a_rule_wants_no_event_of_another_log_source():
    assert wants("  s: {EventID: 4625}", "s", EventKey("System", 4625, "Any")) == [False]


def test_an_event_id_that_is_excluded_is_wanted_still_because_an_event_may_write_it_otherwise():
    assert wants("  s: {EventID: 4625}", "not s", security(4624), security(4625)) == [True, True]


def test_a_key_without_an_event_id_may_be_anything():
    assert wants("  s: {EventID: 4625}", "s", security(-1)) == [True]


def test_a_field_that_hangs_on_a_where_is_unknown():
    assert wants("  s: {EventID: 4625}", "s", security(4624), model=MODEL) == [True]


def test_a_rule_that_adds_to_its_events_wants_every_key_of_its_sources():
    text = RULE.format(detection="  s: {EventID: 4625}", condition="s") + "vql: x=>dict(EventID=4625)\n"
    (parsed,) = parse_rules(text)
    keys = WantedKeys(compile_rules([parsed.rule], load_model("Windows event logs")))
    assert [keys.wants(security(1)), keys.wants(EventKey("System", 1, ""))] == [True, False]


def test_rules_of_a_correlation_are_wanted_too():
    rule = RULE.format(detection="  s: {EventID: 4625}", condition="s").replace("title", "name: base\ntitle")
    correlation = """\
title: Many
correlation:
  type: event_count
  rules: [base]
  group-by: [User]
  timespan: 5m
  condition: {gte: 3}
"""
    rules = [parsed.rule for parsed in parse_rules(f"{rule}---\n{correlation}")]
    keys = WantedKeys(compile_rules(rules, load_model("Windows event logs")))
    assert [keys.wants(security(4624)), keys.wants(security(4625))] == [False, True]


def assert_nothing_is_missed(rules: Path, evidence: Path) -> None:
    """Every event that a rule matches has a key that the rule alone wants."""
    parsed = (one for path in sorted(rules.rglob("*.yml")) for one in parse_rules(path.read_text()))
    texts = [one.rule for one in parsed if one.rule is not None and not one.broken]
    model = load_model("Windows event logs")
    compiled = compile_rules(texts, model)
    scanner = Scanner(compiled)
    alone: dict[tuple[int, str], WantedKeys] = {}
    matched = 0
    for path in sorted(evidence.rglob("*.evtx")):
        file = open_evidence(path)
        for number in range(file.chunk_count):
            for record in file.read_chunk(number).records:
                for index in scanner.match(record.event, path.name):
                    keys = alone.get((index, path.name))
                    if keys is None:
                        one = compile_rules([compiled.rules[index]], model)
                        keys = alone[index, path.name] = WantedKeys(one, path.name)
                    assert keys.wants(event_key(record.event)), (compiled.rules[index].title, path.name)
                    matched += 1
    assert matched > 0


def test_no_hit_of_the_starter_rules_is_passed_over():
    assert_nothing_is_missed(PROJECT / "starter" / "rules", PROJECT / "starter" / "evidence")


def test_no_hit_of_the_published_rules_is_passed_over(shared_data):
    assert_nothing_is_missed(
        shared_data / "sigmahq" / "rules" / "windows", shared_data / "evtx-attack-samples"
    )
