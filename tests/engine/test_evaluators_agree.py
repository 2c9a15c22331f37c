"""The fast matcher and the plain evaluator give one verdict on every rule and event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma_engine import Scanner, compile_rules, explain, load_model, open_evidence, parse_rules
from tests.engine.nasty import Nasty

MODEL = load_model("Windows event logs")
FIELDS = ("Image", "CommandLine", "F", "Data", "Details", "EventID")
CHAIN = (
    *("", "|contains", "|startswith", "|endswith", "|contains|all", "|contains|windash", "|cased"),
    *(
        "|contains|cased",
        "|re",
        "|re|i",
        "|neq",
        "|neq|contains",
        "|base64offset|contains",
        "|startswith|all",
    ),
)
texts = st.text(alphabet="aAbB*?\\-/ .é\n\x02\x03ſK", max_size=6)
scalars = st.one_of(
    texts, st.none(), st.booleans(), st.integers(-2, 300), st.sampled_from([1.5, 23.0, "0x17"])
)
values = st.one_of(scalars, st.lists(scalars, max_size=3))


@st.composite
def selections(draw: st.DrawFn) -> Any:
    shape = draw(st.sampled_from(["map", "map", "map", "maps", "keywords"]))
    if shape == "keywords":
        return draw(st.lists(texts, min_size=1, max_size=3))
    if shape == "maps":
        return draw(st.lists(_maps(), min_size=1, max_size=2))
    return draw(_maps())


def _maps() -> st.SearchStrategy[dict[str, Any]]:
    keys = st.one_of(
        st.tuples(st.sampled_from(FIELDS), st.sampled_from(CHAIN)).map("".join),
        st.sampled_from(["F|exists", "F|gt", "F|cidr", "F|fieldref", "Image|fieldref|endswith", "F|lte"]),
    )
    return st.dictionaries(keys, values, min_size=1, max_size=3)


conditions = st.sampled_from(
    ["a", "not a", "a and b", "a or not b", "not (a and not b)", "1 of them", "all of *", "a and not 1 of b*"]
)
events = st.dictionaries(st.sampled_from(FIELDS[:-1]), values, max_size=5)
# What the model turns Image into must not matter: one event as Sysmon writes it, one as Security does.
KINDS = (
    ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", 1),
    ("Security", "Microsoft-Windows-Security-Auditing", 4688),
    ("Application", "Anything", 23),
)


def _event(kind: tuple[str, str, int], data: dict[str, Any]) -> dict[str, Any]:
    channel, provider, event_id = kind
    system = {
        "Channel": channel,
        "Provider": {"Name": provider},
        "EventID": {"Value": event_id},
        "Computer": "A",
    }
    return {"System": system, "EventData": data}


@settings(max_examples=400, deadline=None)
@given(first=selections(), second=selections(), condition=conditions, data=st.lists(events, max_size=4))
def test_they_agree_on_generated_rules(
    first: Any, second: Any, condition: str, data: list[dict[str, Any]]
) -> None:
    detection = {"a": first, "b": second, "condition": condition}
    text = yaml.safe_dump({"title": "t", "logsource": {"product": "windows"}, "detection": detection})
    [parsed] = parse_rules(text)
    if parsed.rule is None:
        assert parsed.broken  # refused with a reason; nothing to compare
        return
    scanner = Scanner(compile_rules([parsed.rule], MODEL))
    for kind in KINDS:
        for one in data:
            event = _event(kind, one)
            assert bool(scanner.match(event)) == explain(parsed.rule, MODEL, event).plain_verdict


def test_they_agree_on_rules_and_events_made_to_disagree_about() -> None:
    """Seeds of many more were tried than here; each event is asked twice, the second time of full caches."""
    compared = hits = 0
    for seed in range(200):
        made = Nasty(seed)
        rules = made.rules()
        scanner = Scanner(compile_rules(rules, MODEL))
        plain = [
            [i for i, rule in enumerate(rules) if explain(rule, MODEL, event).plain_verdict]
            for event in made.events
        ]
        for event, wanted in (*zip(made.events, plain, strict=True), *zip(made.events, plain, strict=True)):
            assert list(scanner.match(event)) == wanted, (seed, made.documents, event)
            compared += len(rules)
            hits += len(wanted)
    assert compared > 3_000
    assert hits > 500


def test_they_agree_on_real_rules_and_events(shared_data: Path) -> None:
    paths = sorted((shared_data / "sigmahq" / "rules" / "windows").rglob("*.yml"))
    rules = [p.rule for path in paths for p in parse_rules(path.read_text(encoding="utf-8")) if p.rule]
    scanner = Scanner(compile_rules(rules, MODEL))
    evidence = sorted((shared_data / "evtx-attack-samples").rglob("*.evtx"))[::40]
    compared = 0
    for path in evidence:
        file = open_evidence(path)
        for record in file.read_chunk(0).records[:3]:
            plain = {i for i, rule in enumerate(rules) if explain(rule, MODEL, record.event).plain_verdict}
            assert set(scanner.match(record.event)) == plain
            compared += 1
    assert compared > 10


def test_a_rule_alone_hits_what_it_hits_among_all_others(shared_data: Path) -> None:
    paths = sorted((shared_data / "sigmahq" / "rules" / "windows" / "registry").rglob("*.yml"))
    rules = [p.rule for path in paths for p in parse_rules(path.read_text(encoding="utf-8")) if p.rule]
    together = Scanner(compile_rules(rules, MODEL))
    evidence = sorted((shared_data / "evtx-attack-samples" / "Persistence").rglob("*.evtx"))
    events = [r.event for path in evidence for r in open_evidence(path).read_chunk(0).records]
    hits = {i: sum(i in together.match(event) for event in events) for i in range(len(rules))}
    found = [i for i, count in hits.items() if count]
    assert found
    for index in found:
        alone = Scanner(compile_rules([rules[index]], MODEL))
        assert sum(bool(alone.match(event)) for event in events) == hits[index]
