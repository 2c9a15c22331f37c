"""`expand` puts in the values that a site defines."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma_engine import (
    Rule,
    Scanner,
    compile_rules,
    explain,
    load_model,
    parse_placeholders,
    parse_rules,
    set_digest,
    write_placeholders,
)

MODEL = load_model("Windows event logs")
HEAD = "title: t\nlogsource: {product: windows}\ndetection:\n  condition: s\n"
SITE = {"admins": ["adm_*", "root"], "hosts": ["PC1", "PC2"], "none": []}


def verdict(selection: str, user: str) -> bool:
    """What both evaluators say of the selection on an event with this User."""
    [parsed] = parse_rules(f"{HEAD}  s: {selection}\n", SITE)
    assert isinstance(parsed.rule, Rule), parsed.findings
    event = {"System": {"Channel": "Security", "EventID": {"Value": 1}}, "EventData": {"User": user}}
    plain = explain(parsed.rule, MODEL, event).plain_verdict
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


EXPANDED = f"{HEAD}  s: {{'User|expand': '%admins%'}}\n"


def read(text: str, **lists: list[str]) -> Rule:
    """The rule of a text with these lists."""
    [parsed] = parse_rules(text, lists)
    assert isinstance(parsed.rule, Rule), parsed.findings
    return parsed.rule


def test_other_values_give_another_digest_of_the_rule_and_of_its_set() -> None:
    one, other = read(EXPANDED, admins=["root"]), read(EXPANDED, admins=["root", "adm_*"])
    assert one.digest != other.digest
    assert set_digest([one], MODEL) != set_digest([other], MODEL)


def test_values_cut_at_another_place_give_another_digest() -> None:
    assert read(EXPANDED, admins=["a, b"]).digest != read(EXPANDED, admins=["a", "b"]).digest


def test_the_digest_leaves_out_lists_that_the_rule_does_not_ask_for() -> None:
    assert read(EXPANDED, admins=["root"]).digest == read(EXPANDED, admins=["root"], hosts=["PC1"]).digest


def test_a_list_of_regular_expressions_is_part_of_the_digest() -> None:
    text = f"{HEAD}  s: {{User: {{regexes: ./config/names.txt}}}}\n"
    one, same, other = (
        read(text, **lists) for lists in ({"names": ["^a"]}, {"names": ["^a"], "x": ["y"]}, {"names": ["^b"]})
    )
    assert one.digest == same.digest != other.digest
    assert one.placeholders == (("names", ("^a",)),)


def test_a_rule_names_the_lists_that_it_asks_for_also_when_they_are_not_there() -> None:
    text = (
        f"{HEAD}  s: {{'User|expand': ['%admins% at %hosts%', '%nobody%'], A: {{allowlist: x/known.txt}}}}\n"
    )
    for lists in ({"hosts": ["PC1"]}, {}):
        [parsed] = parse_rules(text, lists)
        assert parsed.rule is None
        assert parsed.placeholders == ("admins", "hosts", "known.txt", "nobody")


def test_lists_are_read_from_yaml_as_texts() -> None:
    text = "admins: [adm_*, root]\nids:\n  - 007\n  - yes\none: alone\n"
    lists = {"admins": ["adm_*", "root"], "ids": ["007", "yes"], "one": ["alone"]}
    assert parse_placeholders(text) == (lists, [])


NAMES = st.text(string.ascii_letters + string.digits + "_-.:#'\"äß", min_size=1, max_size=20)
VALUES = st.lists(
    st.text(min_size=1, max_size=12).filter(lambda text: "\0" not in text), min_size=1, max_size=4
)


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_written_lists_read_back_as_they_were(lists: dict[str, list[str]]) -> None:
    assert parse_placeholders(write_placeholders(lists)) == (lists, [])


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("- a\n", "placeholders_type", 1),
        ("a: [b]\na: [c]\n", "yaml_duplicate_key", 2),
        ("a: [b]\n'%x%': [c]\n", "placeholder_name", 2),
        ("a: [b]\n? 'x y'\n: [c]\n", "placeholder_name", 2),
        ("a:\n  - [b]\n", "placeholder_value", 2),
        ("a:\n  b: c\n", "placeholder_value", 2),
        ("a:\n", "placeholder_empty", 1),
        ("a: []\n", "placeholder_empty", 1),
        ("a: ['']\n", "placeholder_empty", 1),
        ('a: ["x\\0"]\n', "placeholder_value", 1),
        ("a: *b\n", "yaml_alias", 1),
        ("a: [b\n", "yaml_syntax", 1),
        ("a: [b]\n---\nc: [d]\n", "several_documents", 3),
        ("".join(f"n{number}: [a]\n" for number in range(101)), "placeholders_too_many", 1),
        (f"a: [{'b,' * 10_001}]\n", "placeholders_too_many", 1),
        (f"a: [{'b' * 65_600}]\n", "placeholders_too_large", 1),
    ],
)
def test_what_is_wrong_with_lists_is_said_at_its_place(text: str, code: str, line: int) -> None:
    _, findings = parse_placeholders(text)
    assert [(finding.code, finding.line) for finding in findings] == [(code, line)]


@given(st.text())
def test_no_text_is_too_odd_for_lists(text: str) -> None:
    lists, findings = parse_placeholders(text)
    if not findings:
        assert parse_placeholders(write_placeholders(lists)) == (lists, [])
