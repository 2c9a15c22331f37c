"""However evidence is cut into chunks and units, and in whatever order these are scanned, the hits are the same."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma_engine import (
    CompiledSet,
    EvidenceFile,
    Hit,
    Member,
    Scanner,
    compile_rules,
    correlate,
    load_model,
    open_evidence,
    parse_rules,
)
from tests.evtx_writer import write_evtx

MODEL = load_model("Windows event logs")
START = 1_700_000_000


def _base(letter: str) -> dict[str, Any]:
    detection = {"s": {"R|contains": letter}, "condition": "s"}
    return {"title": letter, "name": letter, "logsource": {"product": "windows"}, "detection": detection}


def _correlation(name: str, **parts: Any) -> dict[str, Any]:
    return {"title": name, "name": name, "correlation": {"timespan": "4s", "generate": True} | parts}


def _aggregation() -> dict[str, Any]:
    detection = {"s": {"R|contains": "A"}, "timeframe": "3s", "condition": "s | count() by U > 1"}
    return {"title": "legacy", "logsource": {"product": "windows"}, "detection": detection}


RULES = [
    *map(_base, "ABC"),
    _correlation("many", type="event_count", rules=["A"], condition={"gte": 3}),
    _correlation("few", type="event_count", rules=["A"], condition={"lt": 3}, **{"group-by": ["U"]}),
    _correlation("users", type="value_count", rules=["A", "B"], condition={"gte": 2, "field": "U"}),
    _correlation("both", type="temporal", rules=["A", "B"], **{"group-by": ["U"]}),
    _correlation("ordered", type="temporal_ordered", rules=["A", "B", "C"]),
    _correlation("sum", type="value_sum", rules=["C"], condition={"gt": 3, "field": "N"}),
    _correlation("chain", type="temporal", rules=["many", "C"], timespan="6s"),
    _aggregation(),
]
events = st.lists(
    st.tuples(
        st.integers(0, 12),  # seconds: many at once
        st.sampled_from(["A", "B", "C", "AB", "ABC", "-"]),
        st.sampled_from(["x", "y", None]),
        st.integers(-1, 3),
    ),
    min_size=1,
    max_size=14,
)


@pytest.fixture(scope="module")
def compiled() -> CompiledSet:
    """The base rules and the correlations over them, all of which speak."""
    parsed = parse_rules("---\n".join(yaml.safe_dump(rule) for rule in RULES))
    rules = [one.rule for one in parsed if one.rule is not None]
    assert len(rules) == len(RULES)
    whole = compile_rules(rules, MODEL)
    assert whole.left_out == ()
    return whole


def _event(record_id: int, time: int, letters: str, user: str | None, number: int) -> dict[str, Any]:
    system = {
        "Provider": {"Name": "Test"},
        "EventID": {"Value": 1},
        "Channel": "Application",
        "Computer": "H",
        "EventRecordID": record_id,
        "TimeCreated": {"SystemTime": START + time},
    }
    return {"System": system, "EventData": {"R": letters, "N": number} | ({"U": user} if user else {})}


def _scan(
    compiled: CompiledSet, units: list[list[tuple[str, EvidenceFile, int]]]
) -> tuple[list[Any], list[Any]]:
    """Hits (file, record id, rule) and windows (rule, record ids) of units, each scanned by a scanner of its own."""
    hits: list[tuple[str, Hit]] = []
    members: list[Member] = []
    for unit in units:
        scanner = Scanner(compiled)
        for name, evidence, chunk in unit:
            found = scanner.scan_chunk(evidence, chunk, evidence=name)
            hits += [(name, hit) for hit in found.hits]
            members += found.members
    windows = correlate(compiled.correlations.plans, members).hits
    return (
        sorted((name, hit.facts.record_id, hit.rule_index) for name, hit in hits),
        [(w.rule_index, [(m.evidence, m.record_id, m.rule_index) for m in w.members]) for w in windows],
    )


@settings(max_examples=120, deadline=None)
@given(first=events, second=events, per_chunk=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_hits_do_not_depend_on_the_cuts(
    compiled: CompiledSet,
    first: list[Any],
    second: list[Any],
    per_chunk: int,
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder: Path = tmp_path_factory.mktemp("cuts")
    logs = {"a": first, "b": second}
    whole, cut = [], []
    for name, log in logs.items():
        made = [_event(number, *parts) for number, parts in enumerate(log, 1)]
        one = open_evidence(write_evtx(folder / f"{name}.evtx", made))
        many = open_evidence(write_evtx(folder / f"{name}-cut.evtx", made, per_chunk=per_chunk))
        assert (one.chunk_count, many.chunk_count) == (1, -(-len(log) // per_chunk))
        whole.append((name, one, 0))
        cut += [(name, many, chunk) for chunk in range(many.chunk_count)]
    chance = random.Random(seed)
    chance.shuffle(cut)
    units: list[list[tuple[str, EvidenceFile, int]]] = [[] for _ in range(chance.randint(1, len(cut)))]
    for piece in cut:
        chance.choice(units).append(piece)
    assert _scan(compiled, units) == _scan(compiled, [whole])
