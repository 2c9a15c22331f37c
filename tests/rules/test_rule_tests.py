"""Tests of rules: on the rule's sheet, against a version, and from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from tests.rules.conftest import BROKEN, rule_text
from tests.rules.test_pins import HIT, MISS

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from rules_app.models import EventModel, Rule, RuleTest

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_test(owner: User) -> Callable[..., RuleTest]:
    """make_test(rule, event, must_hit=True) makes an event a test of a rule."""
    from rules_app.services.pins import PinSource
    from rules_app.services.rule_tests import add_tests

    def make(rule: Rule, event: dict[str, Any], *, must_hit: bool, note: str = "") -> RuleTest:
        source = PinSource(event, "WS.evtx", {"pasted": True})
        return add_tests(owner, rule, [source], must_hit=must_hit, note=note)[0]

    return make


def run(*arguments: str) -> tuple[int, str]:
    """The exit code and the lines of `manage.py test_rules`."""
    from django.core.management import CommandError, call_command

    out = StringIO()
    try:
        call_command("test_rules", *arguments, stdout=out, no_color=True)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def test_only_the_tests_that_a_version_fails_are_told(
    make_rule: Callable[..., Rule], make_test: Callable[..., RuleTest]
) -> None:
    from rules_app.services.rule_tests import failing_tests

    rule = make_rule()
    make_test(rule, HIT, must_hit=True)
    wrong = make_test(rule, MISS, must_hit=True)
    assert [(one.test, one.reason) for one in failing_tests(rule, rule.current)] == [
        (wrong, "It does not hit.")
    ]


def test_a_version_that_does_not_compile_fails_all_of_its_tests_with_the_reason(
    make_rule: Callable[..., Rule], make_test: Callable[..., RuleTest]
) -> None:
    from rules_app.services.rule_tests import failing_tests

    rule = make_rule(text=BROKEN)
    make_test(rule, HIT, must_hit=True)
    make_test(rule, MISS, must_hit=False)
    failed = failing_tests(rule, rule.current)
    assert len(failed) == 2
    assert all("Line 7" in one.reason for one in failed)


def test_an_event_is_one_make_test_a_rule_whatever_is_expected_last(
    make_rule: Callable[..., Rule], make_test: Callable[..., RuleTest]
) -> None:
    rule = make_rule()
    first = make_test(rule, HIT, must_hit=True, note="from the bakery")
    again = make_test(rule, HIT, must_hit=False)
    assert (again.pk, again.must_hit, again.note) == (first.pk, False, "from the bakery")


def test_tests_are_pasted_turned_noted_and_removed_on_the_sheet(
    make_rule: Callable[..., Rule], owner_client: Client, teammate_client: Client
) -> None:
    rule = make_rule()
    sent = {"json": json.dumps([HIT, MISS]), "expected": "hit", "note": "both"}
    page = owner_client.post(f"/rules/{rule.pk}/tests/", sent, follow=True).content.decode()
    assert "2 tests are added" in page
    _, miss = rule.tests.all()
    teammate_client.post(f"/rules/tests/{miss.pk}/", {"do": "turn"})
    teammate_client.post(f"/rules/tests/{miss.pk}/", {"do": "note", "note": " another\0 tool "})
    miss.refresh_from_db()
    assert (miss.must_hit, miss.note, miss.expected) == (False, "another tool", "must not hit")
    teammate_client.post(f"/rules/tests/{miss.pk}/", {"do": "remove"})
    assert rule.tests.count() == 1


def test_the_sheet_shows_what_the_published_version_says_of_the_tests(
    make_rule: Callable[..., Rule], make_test: Callable[..., RuleTest], owner_client: Client
) -> None:
    rule = make_rule()
    make_test(rule, HIT, must_hit=True)
    make_test(rule, MISS, must_hit=True)
    page = owner_client.get(rule.get_absolute_url()).content.decode()
    assert "1 of 2 fails" in page
    assert "It does not hit." in page


def test_a_test_without_a_rule_is_its_makers_alone(
    shipped: EventModel, make_test: Callable[..., RuleTest], teammate_client: Client
) -> None:
    test = make_test(None, HIT, must_hit=True)
    assert teammate_client.post(f"/rules/tests/{test.pk}/", {"do": "remove"}).status_code == 404


def test_the_command_says_that_all_hold(
    make_rule: Callable[..., Rule], make_test: Callable[..., RuleTest]
) -> None:
    make_test(make_rule(), HIT, must_hit=True)
    make_rule("A rule without tests")
    assert run() == (0, "1 tests of 1 rules, 0 failed.\n")


def test_the_command_fails_and_names_rule_event_and_reason(
    make_rule: Callable[..., Rule], make_test: Callable[..., RuleTest]
) -> None:
    make_test(make_rule(), MISS, must_hit=True, note="seen at the bakery")
    code, said = run()
    assert code == 1
    for part in ("House rules/rule-1.yml", "Whoami was run", "WS-1", "must hit", "bakery", "does not hit"):
        assert part in said


def test_the_command_counts_broken_rules_with_tests_as_failed(
    make_rule: Callable[..., Rule], make_test: Callable[..., RuleTest]
) -> None:
    make_test(make_rule(text=BROKEN), MISS, must_hit=False)
    code, said = run()
    assert code == 1
    assert "The rule cannot be asked. Line 7" in said


def test_the_command_runs_one_set_and_knows_when_there_is_none(
    make_rule: Callable[..., Rule], make_test: Callable[..., RuleTest]
) -> None:
    make_test(make_rule(), MISS, must_hit=True)
    assert run("--set", "House rules")[0] == 1
    assert run("--set", "Nobody's") == (2, "There is no set named Nobody's.")


def test_rules_that_were_never_published_are_told_and_not_run(
    shipped: EventModel, owner: User, make_test: Callable[..., RuleTest]
) -> None:
    from rules_app import services

    rule_set = services.get_or_create_set("House rules", owner)
    make_test(services.create_rule(rule_set, rule_text(), owner), MISS, must_hit=True)
    code, said = run()
    assert code == 0
    assert "1 never published" in said


def test_the_junit_report_has_a_case_a_test_whatever_the_evidence_holds(
    make_rule: Callable[..., Rule], make_test: Callable[..., RuleTest], tmp_path: Path
) -> None:
    rule = make_rule()
    make_test(rule, HIT, must_hit=True, note="a \x07 bell & <tag>")
    make_test(rule, MISS, must_hit=True)
    report = tmp_path / "report.xml"
    assert run("--junit", str(report))[0] == 1
    (suite,) = ElementTree.parse(report).getroot()
    assert suite.attrib == {
        "name": "House rules/rule-1.yml (Whoami was run)",
        "tests": "2",
        "failures": "1",
        "errors": "0",
    }
    good, bad = suite
    assert "a \ufffd bell & <tag>" in good.attrib["name"]
    assert [failure.attrib["message"] for failure in bad] == ["It does not hit."]


def test_tests_are_no_larger_together_than_what_is_read_at_every_change_of_the_text(
    shipped: EventModel, owner: User, make_rule: Callable[..., Rule]
) -> None:
    from rules_app.services.pins import LARGEST_EVENT, LARGEST_PINS, PinError, PinSource, adopt
    from rules_app.services.rule_tests import add_tests, tests_of

    rule = make_rule()
    large = [PinSource({"n": n, "text": "x" * (LARGEST_EVENT - 100)}, "", {}) for n in range(40)]
    fitting = LARGEST_PINS // LARGEST_EVENT
    add_tests(owner, rule, large[:fitting], must_hit=True)
    with pytest.raises(PinError, match="MiB"):
        add_tests(owner, rule, large, must_hit=True)
    assert len(tests_of(owner, rule)) == fitting
    add_tests(owner, None, large[-3:], must_hit=True)
    with pytest.raises(PinError, match="MiB"):
        adopt(owner, rule)
    assert (len(tests_of(owner, rule)), len(tests_of(owner, None))) == (fitting, 3)
