"""A rule's sheet and its versions."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from rules_app import services
from rules_app.models import EventModel, Rule
from tests.rules.conftest import BROKEN, rule_text

MakeRule = Callable[..., Rule]


def test_the_sheet_shows_a_finding_at_its_line(owner_client: Client, make_rule: MakeRule) -> None:
    page = owner_client.get(make_rule(text=BROKEN).get_absolute_url())
    (line,) = (line for line in page.context["lines"] if line.severity == "error")
    assert line.number == 7
    assert b'id="L7" data-error' in page.content


def test_the_sheet_names_the_log_sources_that_serve_the_rule(
    owner_client: Client, make_rule: MakeRule
) -> None:
    page = owner_client.get(make_rule().get_absolute_url())
    assert "process_creation/windows/*" in {source.name for source in page.context["sources"]}
    assert b"Microsoft-Windows-Sysmon/Operational" in page.content


def test_not_served_is_the_models_matter_and_not_called_broken(
    owner_client: Client, make_rule: MakeRule
) -> None:
    page = owner_client.get(make_rule(product="linux").get_absolute_url())
    assert b"has no events for process_creation/linux/*" in page.content
    assert b"Nothing is wrong with the rule" in page.content
    assert b"This rule is broken" not in page.content
    assert page.context["counts"]["error"] == 0


def test_the_sheet_names_other_rules_of_the_same_id(owner_client: Client, make_rule: MakeRule) -> None:
    first, second = make_rule("First"), make_rule("Second")
    assert second.get_absolute_url().encode() in owner_client.get(first.get_absolute_url()).content


def test_versions_say_who_saved_them_when_and_why(
    owner_client: Client, owner: object, make_rule: MakeRule
) -> None:
    rule = make_rule()
    services.save_rule(rule, rule_text("Renamed"), 1, owner, "A clearer name")
    page = owner_client.get(rule.get_absolute_url())
    newest = page.context["versions"][0]
    assert (newest.number, str(newest.author), newest.comment) == (2, "olivia", "A clearer name")
    assert b"A clearer name" in page.content


def test_a_version_shows_what_it_changed_since_the_one_before(
    owner_client: Client, make_rule: MakeRule
) -> None:
    rule = make_rule("Old name")
    services.save_rule(rule, rule_text("New name"), 1, None)
    page = owner_client.get(f"{rule.get_absolute_url()}versions/2/")
    changes = [(line.kind, line.text) for line in page.context["diff"] if line.kind != "same"]
    assert changes == [("del", "title: Old name"), ("add", "title: New name")]


def test_a_version_is_compared_with_any_other(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule("One")
    services.save_rule(rule, rule_text("Two"), 1, None)
    services.save_rule(rule, rule_text("Three"), 2, None)
    page = owner_client.get(f"{rule.get_absolute_url()}versions/1/?against=3")
    changes = [(line.kind, line.text) for line in page.context["diff"] if line.kind != "same"]
    assert changes == [("del", "title: Three"), ("add", "title: One")]


def test_a_version_that_does_not_exist_is_not_found(owner_client: Client, make_rule: MakeRule) -> None:
    assert owner_client.get(f"{make_rule().get_absolute_url()}versions/9/").status_code == 404


def test_a_rule_is_taken_out_of_scans_and_put_back(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule()
    for wanted in ("no", "yes"):
        answer = owner_client.post(f"{rule.get_absolute_url()}enabled/", {"enabled": wanted})
        rule.refresh_from_db()
        assert (answer.status_code, rule.enabled) == (302, wanted == "yes")


def test_the_sheet_works_without_a_default_model(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule()
    EventModel.objects.update(is_default=False)
    services.refresh_served()
    assert b"There is no default model" in owner_client.get(rule.get_absolute_url()).content


def test_what_a_rule_says_is_escaped(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule("'<img src=x onerror=alert(1)>'")
    assert b"<img" not in owner_client.get(rule.get_absolute_url()).content
