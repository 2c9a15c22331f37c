"""Velociraptor's rule dialect: `vql`, `vql_args`, `enrichment` and the modifier `vql`, in both evaluators."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma_engine import (
    Finding,
    Rule,
    Scanner,
    Severity,
    compile_rules,
    correlate,
    explain,
    open_evidence,
    parse_model,
    parse_rules,
    render_details,
)

MODEL, _ = parse_model("name: Any\nlog_sources: [{logsource: '*/any/*'}]\n")
assert MODEL is not None
HEAD = "title: T\nlogsource: {product: any}\n"
HUNGRY = "x=>format(format='%2000s', args=1)"


def _rule(selection: str, more: str = "", condition: str = "selection") -> Rule:
    [parsed] = parse_rules(
        f"{HEAD}detection:\n  selection:\n    {selection}\n  condition: {condition}\n{more}"
    )
    assert isinstance(parsed.rule, Rule), parsed.findings
    return parsed.rule


def _verdict(rule: Rule, event: dict[str, Any]) -> bool:
    """What both evaluators say of an event."""
    assert MODEL is not None
    fast = bool(Scanner(pickle.loads(pickle.dumps(compile_rules([rule], MODEL)))).match(event))
    assert explain(rule, MODEL, event).plain_verdict == fast
    return fast


def _findings(text: str) -> list[Finding]:
    [parsed] = parse_rules(text)
    return [finding for finding in parsed.findings if finding.severity is not Severity.INFO]


@pytest.mark.parametrize(
    ("selection", "hits", "misses"),
    [
        ("F|vql: x=>x =~ 'b.r'", [{"F": "xBarx"}, {"F": ["a", "bar"]}], [{"F": "a"}, {"F": []}, {}]),
        ("F|vql: x=>len(list=x) > 2", [{"F": "abc"}], [{"F": "ab"}, {}]),
        ("F|vql: x=>x = Event.G", [{"F": 1, "G": "1"}, {}], [{"F": 1, "G": 2}, {"F": 1}]),
        ("F|vql: x=>NOT x", [{}, {"F": None}, {"F": ""}, {"F": []}], [{"F": "a"}]),
        ("F|vql|neq: x=>x = 'a'", [{"F": "b"}, {}], [{"F": "a"}, {"F": ["b", "a"]}]),
        ("F|vql: [\"x=>x = 'a'\", \"x=>x = 'b'\"]", [{"F": "a"}, {"F": "b"}], [{"F": "c"}]),
        ("F|vql|all: [x=>x > 1, x=>x < 4]", [{"F": 2}], [{"F": 1}, {"F": 4}]),
        ("F|vql: x=>Event.System.Channel = 'S'", [{"F": 1, "System": {"Channel": "S"}}], [{"F": 1}]),
    ],
)
def test_the_modifier_vql_asks_a_lambda_of_the_fields_value(
    selection: str, hits: list[dict[str, Any]], misses: list[dict[str, Any]]
) -> None:
    rule = _rule(selection)
    assert [_verdict(rule, event) for event in hits] == [True] * len(hits)
    assert [_verdict(rule, event) for event in misses] == [False] * len(misses)


def test_tests_with_and_without_vql_stand_beside_each_other() -> None:
    rule = _rule("F|vql: x=>x = Event.G\n    H: c")
    assert _verdict(rule, {"F": 1, "G": 1, "H": "c"})
    assert not _verdict(rule, {"F": 1, "G": 1, "H": "d"})
    assert not _verdict(rule, {"F": 1, "G": 2, "H": "c"})


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (f"{HEAD}detection:\n  s:\n    F|vql: x=>hash(path=x)\n  condition: s\n", (5, 15), "`hash()`"),
        (f"{HEAD}detection:\n  s:\n    F|vql: 'x=>Rule.Title'\n  condition: s\n", (5, 16), "`Rule`"),
        (f"{HEAD}detection:\n  s:\n    F|vql: 7\n  condition: s\n", (5, 12), "lambda"),
        (f"{HEAD}detection:\n  s:\n    F|contains|vql: x=>x\n  condition: s\n", (5, 21), "first"),
        (f"{HEAD}detection:\n  s:\n    '|vql': x=>x\n  condition: s\n", (5, 5), "needs a field"),
        (f"{HEAD}detection: {{s: {{F: a}}, condition: s}}\nvql: x=>pslist()\n", (4, 9), "`pslist()`"),
        (
            f"{HEAD}detection: {{s: {{F: a}}, condition: s}}\nvql: |\n  x=>dict(\n    A=glob())\n",
            (6, 7),
            "`glob()`",
        ),
        (f"{HEAD}detection: {{s: {{F: a}}, condition: s}}\nvql: [a]\n", (4, 6), "lambda"),
        (f"{HEAD}detection: {{s: {{F: a}}, condition: s}}\nvql: x=>x\nvql_args: 7\n", (5, 11), "map"),
    ],
)
def test_vql_that_cannot_be_evaluated_is_refused_by_name_at_its_place(
    text: str, place: tuple[int, int], words: str
) -> None:
    [finding] = _findings(text)
    assert finding.severity is Severity.ERROR
    assert (finding.line, finding.column) == place
    assert words in finding.message


def test_vql_adds_to_the_event_that_the_rule_sees() -> None:
    rule = _rule("F: ab\n    G: g\n    H: 3", "vql: x=>dict(F=x.A + x.B, H=Three)\nvql_args: {Three: 3}\n")
    assert _verdict(rule, {"A": "a", "B": "b", "G": "g"})
    assert not _verdict(rule, {"A": "a", "B": "x", "G": "g"})


def test_what_vql_adds_is_seen_by_that_rule_alone() -> None:
    assert MODEL is not None
    rules = [_rule("F: made", "vql: x=>dict(F='made')\n"), _rule("F: made"), _rule("F: read")]
    scanner = Scanner(compile_rules(rules, MODEL))
    assert scanner.match({"F": "read"}) == (0, 2)
    assert scanner.match({"F": "made"}) == (0, 1)


def test_vql_that_gives_no_dict_changes_nothing() -> None:
    assert _verdict(_rule("F: a", "vql: x=>1\n"), {"F": "a"})


def test_details_and_enrichment_show_what_the_rule_sees() -> None:
    assert MODEL is not None
    rule = _rule(
        "F: a", "vql: x=>dict(G='made')\ndetails: '%F% %G%'\nenrichment: x=>dict(G=x.G, N=len(list=x.F))\n"
    )
    line = render_details(rule.details, MODEL, (), rule.seen({"F": "a"}), rule.enrichment)
    assert line == 'a made ¦ Enrichment: {"G":"made","N":1}'


def test_an_enrichment_keeps_its_place_at_the_end_of_a_long_line() -> None:
    assert MODEL is not None
    rule = _rule("F: a", "enrichment: x=>'end'\n")
    line = render_details("", MODEL, (), {str(n): "x" * 1000 for n in range(9)}, rule.enrichment)
    assert len(line) == 4096
    assert line.endswith("… ¦ Enrichment: end")


def test_a_hit_of_a_scan_has_the_rules_details_and_enrichment_and_the_event_as_it_is(tmp_path: Path) -> None:
    assert MODEL is not None
    log = tmp_path / "a.jsonl"
    log.write_text(json.dumps({"F": "a"}) + "\n")
    rule = _rule("G: made", "vql: x=>dict(G='made')\ndetails: '%G%'\nenrichment: x=>x.F\n")
    [hit] = Scanner(compile_rules([rule], MODEL)).scan_chunk(open_evidence(log), 0).hits
    assert (hit.details, hit.event) == ("made ¦ Enrichment: a", {"F": "a"})


def test_an_enrichment_that_cannot_be_said_is_a_warning_and_the_rule_runs() -> None:
    text = f"{HEAD}detection: {{s: {{F: a}}, condition: s}}\nenrichment: x=>stat(filename=x.F)\n"
    [finding] = _findings(text)
    assert (finding.code, finding.severity) == ("enrichment_lambda", Severity.WARNING)
    assert (finding.line, finding.column) == (4, 16)
    [parsed] = parse_rules(text)
    assert isinstance(parsed.rule, Rule)
    assert parsed.rule.enrichment is None


@pytest.mark.parametrize(
    "rule",
    [_rule("F: a", f'vql: "{HUNGRY}"\n'), _rule(f'F|vql: "{HUNGRY}"')],
    ids=["vql", "modifier"],
)
def test_a_lambda_that_reaches_a_bound_does_not_match_and_is_counted(rule: Rule, tmp_path: Path) -> None:
    assert MODEL is not None
    assert not _verdict(rule, {"F": "a"})
    log = tmp_path / "a.jsonl"
    log.write_text('{"F": "a"}\n')
    found = Scanner(compile_rules([rule], MODEL)).scan_chunk(open_evidence(log), 0)
    assert (found.hits, found.regex_timeouts) == ([], {HUNGRY: 1})


def test_why_says_that_a_lambda_reached_a_bound() -> None:
    assert MODEL is not None
    rule = _rule(f'F|vql: "{HUNGRY}"')
    text = json.dumps(explain(rule, MODEL, {"F": "a"}).to_dict())
    assert '"reason": "lambda_bound"' in text


def test_what_only_a_rule_over_events_can_have_is_named_on_a_correlation() -> None:
    text = (
        "title: C\nenrichment: x=>x._Correlations\n"
        "correlation: {type: temporal, rules: [a, b], timespan: 1m}\n"
    )
    [finding] = _findings(text)
    assert (finding.code, finding.severity, finding.line) == ("vql_kind", Severity.WARNING, 2)


def test_a_correlation_groups_by_what_vql_adds(tmp_path: Path) -> None:
    assert MODEL is not None
    base = f"{HEAD}name: base\ndetection: {{s: {{F: a}}, condition: s}}\nvql: x=>dict(Group=x.A || x.B)\n"
    outer = (
        "title: C\ncorrelation: {type: event_count, rules: [base], group-by: [Group], timespan: 1m,"
        " condition: {gte: 2}}\n"
    )
    rules = [parsed.rule for parsed in parse_rules(f"{base}---\n{outer}") if parsed.rule is not None]
    log = tmp_path / "a.jsonl"
    log.write_text('{"F": "a", "A": "1"}\n{"F": "a", "B": "1"}\n{"F": "a", "B": "2"}\n')
    compiled = compile_rules(rules, MODEL)
    found = Scanner(compiled).scan_chunk(open_evidence(log), 0)
    [hit] = correlate(compiled.correlations.plans, found.members).hits
    assert (hit.group, len(hit.members)) == ({"Group": "1"}, 2)


LAMBDAS = ("x=>x", "x=>NOT x", "x=>x = Event.G", "x=>x > 1", "x=>x =~ 'a'", "x=>x IN Event.G", "x=>Event.F")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 300) | st.sampled_from(["", "a", "B", "1", "0x1"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "B"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(LAMBDAS),
    st.sampled_from(["vql", "vql|all", "vql|neq"]),
    st.sampled_from(["", "vql: x=>dict(G=x.F)\n", "vql: x=>x.G\n"]),
    st.dictionaries(st.sampled_from(["F", "G", "H"]), VALUES, max_size=3),
)
def test_both_evaluators_agree_on_any_lambda_and_event(
    text: str, modifiers: str, more: str, event: dict[str, Any]
) -> None:
    _verdict(_rule(f'F|{modifiers}: "{text}"\n    H: a', more, "selection"), event)
    _verdict(_rule(f'F|{modifiers}: "{text}"', more, "not selection"), event)
