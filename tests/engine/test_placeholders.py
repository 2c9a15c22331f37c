"""`expand` puts in the values that a site defines."""

from __future__ import annotations

import pytest

from sigma_engine import Rule, Scanner, compile_rules, explain, load_model, parse_rules

MODEL = load_model("Windows event logs")
HEAD = "title: t\nlogsource: {product: windows}\ndetection:\n  condition: s\n"
SITE = {"admins": ["adm_*", "root"], "hosts": ["PC1", "PC2"], "none": []}


def verdict(selection: str, user: str) -> bool:
    """What both evaluators say of the selection on an event with this User."""
    [parsed] = parse_rules(f"{HEAD}  s: {selection}\n", SITE)
    assert isinstance(parsed.rule, Rule), parsed.findings
    event = {"System": {"Channel": "Security", "EventID": {"Value": 1}}, "EventData": {"User": user}}
    plain = explain(parsed.rule, MODEL, event).verdict
    assert bool(Scanner(compile_rules([parsed.rule], MODEL)).match(event)) == plain
    return plain


@pytest.mark.parametrize(
    ("selection", "user", "expected"),
    [
        ("{'User|expand': '%admins%'}", "root", True),
        ("{'User|expand': '%admins%'}", "adm_bob", True),
        ("{'User|expand': '%admins%'}", "bob", False),
        ("{'User|expand': 'CORP\\%admins%'}", "CORP%admins%", False),
        ("{'User|expand': 'at %hosts% as %admins%'}", "at PC2 as adm_x", True),
        ("{'User|contains|expand': '%hosts%'}", "x PC1 y", True),
        ("{'User|expand|contains': '%hosts%'}", "x PC1 y", True),
        ("{'User|expand|endswith': '%hosts%'}", "x PC1 y", False),
        ("{'User|cased|expand': '%hosts%'}", "pc1", False),
        ("{'User|neq|expand': '%admins%'}", "bob", True),
    ],
)
def test_a_placeholder_stands_for_each_of_its_values(selection: str, user: str, expected: bool) -> None:
    if "CORP" in selection:  # an escaped percent sign begins no placeholder, so there is none
        [parsed] = parse_rules(f"{HEAD}  s: {selection}\n", SITE)
        assert [f.code for f in parsed.findings if f.severity == "error"] == ["placeholder_missing"]
    else:
        assert verdict(selection, user) is expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("%nobody%", "placeholder_undefined"),
        ("plain", "placeholder_missing"),
        ("%none%", "placeholder_values"),
    ],
)
def test_a_placeholder_that_gives_nothing_refuses_the_rule(value: str, code: str) -> None:
    [parsed] = parse_rules(f"{HEAD}  s: {{'User|expand': '{value}'}}\n", SITE)
    assert parsed.rule is None
    assert code in {finding.code for finding in parsed.findings}
