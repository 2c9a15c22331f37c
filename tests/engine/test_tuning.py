"""Hayabusa's tuning lists: other levels, noisy rules and excluded ones, as data."""

from __future__ import annotations

from pathlib import Path

from sigma_engine import Rule, Tuning, apply_tuning, parse_rules, parse_tuning

ONE = "11111111-1111-4111-8111-111111111111"
TWO = "22222222-2222-4222-8222-222222222222"
THREE = "33333333-3333-4333-8333-333333333333"


def _rule(rule_id: str) -> Rule:
    [parsed] = parse_rules(
        f"title: t\nid: {rule_id}\nlevel: low\nlogsource: {{product: windows}}\n"
        "detection: {s: {A: b}, condition: s}\n"
    )
    assert isinstance(parsed.rule, Rule)
    return parsed.rule


def test_the_lists_are_read_with_their_comments() -> None:
    tuning, findings = parse_tuning(
        f"id,new_level\n{ONE},high # was low, once\n\n{TWO.upper()}, info\n",
        f"#Heading\n{ONE} # too much\n",
        f"\ufeff{TWO}#x\r\n{THREE}\r\n",
    )
    assert tuning == Tuning({ONE: "high", TWO: "informational"}, frozenset({ONE}), frozenset({TWO, THREE}))
    assert findings == []


def test_a_line_that_says_nothing_is_told_with_its_list_and_place() -> None:
    tuning, findings = parse_tuning(f"{ONE},loud\nnonsense,high\n", "\nsome rule\n", "")
    assert tuning == Tuning()
    assert [(finding.line, finding.message.partition(",")[0]) for finding in findings] == [
        (1, "level_tuning"),
        (2, "level_tuning"),
        (2, "noisy_rules"),
    ]
    assert "`loud`" in findings[0].message


def test_each_rule_is_told_with_its_level_and_what_leaves_it_out() -> None:
    rules = [_rule(ONE), _rule(TWO), _rule(THREE.upper())]
    tuning = Tuning({ONE: "critical"}, frozenset({TWO, THREE}), frozenset({THREE}))
    tuned = apply_tuning(rules, tuning)
    assert [(one.level, one.left_out_by) for one in tuned] == [
        ("critical", ""),
        ("low", "noisy"),
        ("low", "excluded"),
    ]
    assert [one.rule for one in tuned] == rules


def test_a_rule_without_an_id_is_left_alone() -> None:
    [parsed] = parse_rules("title: t\nlogsource: {product: windows}\ndetection: {s: {A: b}, condition: s}\n")
    assert isinstance(parsed.rule, Rule)
    assert apply_tuning([parsed.rule], parse_tuning(f"{ONE},high", ONE, TWO)[0])[0].left_out_by == ""


def test_the_published_lists_are_read_whole_and_find_their_rules(shared_data: Path) -> None:
    root = shared_data / "hayabusa-rules"
    texts = [
        (root / "config" / f"{name}.txt").read_text(encoding="utf-8")
        for name in ("level_tuning", "noisy_rules", "exclude_rules")
    ]
    tuning, findings = parse_tuning(*texts)
    assert findings == []
    assert (len(tuning.levels), len(tuning.noisy)) == (7, 12)
    assert len(tuning.excluded) > 30
    folder = root / "hayabusa" / "builtin" / "Security"
    rules = [
        one.rule
        for path in sorted(folder.rglob("*.yml"))
        for one in parse_rules(path.read_text(encoding="utf-8"))
        if one.rule is not None
    ]
    left_out = {one.rule.id for one in apply_tuning(rules, tuning) if one.left_out_by == "noisy"}
    assert "84288799-8b61-4d98-bad0-4043c40cf992" in left_out
