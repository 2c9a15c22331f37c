"""Placeholders of a set: a rule that asks for one waits until the set defines it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from rules_app import services
from rules_app.models import Rule, RuleSet
from rules_app.services.placeholders import placeholders_digest
from tests.rules.conftest import rule_text

MakeRule = Callable[..., Rule]
EMPTY = placeholders_digest({})


def asking(title: str = "An admin", *names: str) -> str:
    """A rule whose values are placeholders, %admins% unless others are named."""
    values = [f"%{name}%" for name in names or ("admins",)]
    text = rule_text(title).replace("Image|endswith: '\\whoami.exe'", f"User|expand: {values}")
    assert "expand" in text
    return text


def save(client: Client, rule_set: RuleSet, text: str, base: str = EMPTY) -> Any:
    return client.post(
        rule_set.get_absolute_url(), {"text": text.replace("\n", "\r\n"), "base_version": base}, follow=True
    )


def codes(rule: Rule) -> list[str]:
    """The findings of the current version, as it is in the database."""
    return [finding["code"] for finding in Rule.objects.get(pk=rule.pk).current.findings]


def test_a_rule_is_broken_until_its_set_defines_what_it_asks_for(
    owner_client: Client, make_rule: MakeRule, rule_set: RuleSet
) -> None:
    rule = make_rule(text=asking())
    assert (rule.broken, codes(rule)) == (True, ["placeholder_undefined"])
    page = save(owner_client, rule_set, "admins: [adm_*, root]\n")
    rule.refresh_from_db()
    assert (rule.broken, codes(rule), rule.current.number) == (False, [], 1)
    assert "1 rule asks for placeholders, 0 broken; 1 more than before can run." in page.content.decode()


def test_a_rule_is_broken_again_when_its_list_is_taken_away(
    owner_client: Client, make_rule: MakeRule, rule_set: RuleSet
) -> None:
    lists = {"admins": ["root"]}
    services.save_placeholders(rule_set, lists, EMPTY)
    rule = make_rule(text=asking())
    assert not rule.broken
    save(owner_client, rule_set, "", placeholders_digest(lists))
    rule.refresh_from_db()
    assert (rule.broken, codes(rule)) == (True, ["placeholder_undefined"])


def test_a_drafts_findings_follow_the_sets_lists(make_rule: MakeRule, rule_set: RuleSet) -> None:
    rule = make_rule()
    draft = services.save_rule(rule, asking("Asks", "hosts"), 1, None)
    assert [finding["code"] for finding in draft.findings] == ["placeholder_undefined"]
    services.save_placeholders(rule_set, {"hosts": ["PC1"]}, EMPTY)
    draft.refresh_from_db()
    assert draft.findings == []


def test_lists_of_another_set_are_not_a_rules_own(make_rule: MakeRule, rule_set: RuleSet) -> None:
    services.save_placeholders(services.get_or_create_set("Other", None), {"admins": ["root"]}, EMPTY)
    assert make_rule(text=asking()).broken


def test_a_new_version_is_derived_with_the_sets_lists(
    make_rule: MakeRule, rule_set: RuleSet, publish_text: Callable[..., object]
) -> None:
    services.save_placeholders(rule_set, {"hosts": ["PC1"]}, EMPTY)
    rule = make_rule()
    publish_text(rule, asking("Asks", "hosts"))
    rule.refresh_from_db()
    assert (rule.broken, rule.placeholders) == (False, ["hosts"])


def test_an_import_is_derived_with_the_sets_lists(shipped: object, rule_set: RuleSet) -> None:
    services.save_placeholders(rule_set, {"admins": ["root"]}, EMPTY)
    files = [services.FoundFile("a.yml", asking().encode())]
    report = services.import_rules(files, rule_set, None)
    assert (report.created, report.broken) == (1, 0)
    assert not rule_set.rules.get().broken


def test_lists_saved_while_an_import_runs_reach_its_rules(shipped: object, rule_set: RuleSet) -> None:
    def meanwhile(*_: object) -> None:
        services.save_placeholders(rule_set, {"admins": ["root"]}, EMPTY)

    files = [services.FoundFile("a.yml", asking().encode())]
    services.import_rules(files, rule_set, None, batch_done=meanwhile)
    assert not rule_set.rules.get().broken


def test_the_page_says_which_names_have_no_values_and_how_many_rules_ask_for_them(
    owner_client: Client, make_rule: MakeRule, rule_set: RuleSet
) -> None:
    make_rule(text=asking("One"))
    make_rule(text=asking("Two", "admins", "hosts"))
    services.save_placeholders(rule_set, {"hosts": ["PC1", "PC2"], "idle": ["x"]}, EMPTY)
    page = owner_client.get(rule_set.get_absolute_url())
    uses = [(use.name, use.values, use.rules) for use in page.context["uses"]]
    assert uses == [("admins", 0, 2), ("hosts", 2, 1), ("idle", 1, 0)]
    assert page.content.decode().count("no values") == 1


def test_the_list_of_sets_counts_rules_and_names_without_values(
    owner_client: Client, make_rule: MakeRule, rule_set: RuleSet
) -> None:
    services.get_or_create_set("Another set", None)
    make_rule(text=asking("One"))
    make_rule("Plain")
    services.save_placeholders(rule_set, {"hosts": ["PC1"]}, EMPTY)
    page = owner_client.get("/rules/sets/")
    other, row = page.context["rows"]
    assert (other.rules, other.broken, other.defined, other.missing) == (0, 0, 0, 0)
    assert (row.rules, row.broken, row.defined, row.missing) == (2, 1, 1, 1)
    assert f'href="{rule_set.get_absolute_url()}"' in page.content.decode()
    assert 'href="/rules/sets/"' in owner_client.get("/rules/").content.decode()


def test_what_is_wrong_with_lists_is_said_and_nothing_is_saved(
    owner_client: Client, rule_set: RuleSet
) -> None:
    answer = save(owner_client, rule_set, "admins: [root]\nbad name: [x]\n")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Line 2" in page
    assert "Nothing was saved" in page
    assert "bad name: [x]" in page
    rule_set.refresh_from_db()
    assert rule_set.placeholders == {}


def test_lists_over_64_kib_are_refused(owner_client: Client, rule_set: RuleSet) -> None:
    answer = save(owner_client, rule_set, f"a: ['{'x' * 66_000}']\n")
    assert (answer.status_code, "at most 65,536" in answer.content.decode()) == (422, True)


def test_lists_that_somebody_saved_meanwhile_are_not_overwritten(
    owner_client: Client, rule_set: RuleSet
) -> None:
    theirs = {"admins": ["theirs", "both"]}
    services.save_placeholders(rule_set, theirs, EMPTY)
    answer = save(owner_client, rule_set, "admins: [both, mine]\n")
    assert answer.status_code == 409
    assert [(line.kind, line.text) for line in answer.context["diff"]] == [
        ("del", "admins: theirs"),
        ("add", "admins: mine"),
    ]
    rule_set.refresh_from_db()
    assert rule_set.placeholders == theirs
    again = answer.context["form"]
    assert again["text"].value() == "admins: [both, mine]\n"
    assert (
        save(owner_client, rule_set, again["text"].value(), again["base_version"].value()).status_code == 200
    )
    rule_set.refresh_from_db()
    assert rule_set.placeholders == {"admins": ["both", "mine"]}


def test_the_same_lists_saved_twice_are_no_conflict(owner_client: Client, rule_set: RuleSet) -> None:
    save(owner_client, rule_set, "admins: [root]\n")
    assert save(owner_client, rule_set, "admins:\n  - root\n").status_code == 200


def test_the_live_check_of_lists_answers_with_findings(owner_client: Client, shipped: object) -> None:
    answer = owner_client.post(
        "/rules/sets/check/", {"text": "a: []"}, headers={"HX-Request": "true", "HX-Target": "findings"}
    )
    assert (answer.status_code, answer.context["counts"]["error"]) == (200, 1)
    assert "<html" not in answer.content.decode()


@pytest.mark.parametrize(("name", "errors"), [("House rules", 0), ("", 1), ("Not there yet", 1)])
def test_the_live_check_of_a_rule_uses_the_lists_of_its_set(
    owner_client: Client, shipped: object, rule_set: RuleSet, name: str, errors: int
) -> None:
    services.save_placeholders(rule_set, {"admins": ["root"]}, EMPTY)
    answer = owner_client.post("/rules/check/", {"text": asking(), "rule_set": name})
    assert answer.context["counts"]["error"] == errors


def test_the_pages_of_a_rule_use_the_lists_of_its_set(
    owner_client: Client, make_rule: MakeRule, rule_set: RuleSet
) -> None:
    services.save_placeholders(rule_set, {"admins": ["root"]}, EMPTY)
    rule = make_rule(text=asking())
    for address in (rule.get_absolute_url(), f"{rule.get_absolute_url()}edit/"):
        assert owner_client.get(address).context["counts"]["error"] == 0
    page = owner_client.get(f"{rule.get_absolute_url()}edit/").content.decode()
    assert '<input type="hidden" id="id_rule_set" name="rule_set" value="House rules">' in page


def test_nobody_who_is_not_signed_in_reads_or_writes_lists(client: Client, rule_set: RuleSet) -> None:
    for answer in (client.get(rule_set.get_absolute_url()), save(client, rule_set, "admins: [me]\n")):
        assert (answer.redirect_chain if hasattr(answer, "redirect_chain") else [(answer["Location"], 302)])[
            0
        ][0].startswith("/sign-in/")
    rule_set.refresh_from_db()
    assert rule_set.placeholders == {}


def test_rules_of_before_are_known_to_ask_after_the_migration(make_rule: MakeRule) -> None:
    rule, plain = make_rule(text=asking()), make_rule("Plain")
    Rule.objects.update(placeholders=[])
    import_module("rules_app.migrations.0002_placeholders").find_asked(apps, None)
    assert Rule.objects.get(pk=rule.pk).placeholders == ["admins"]
    assert Rule.objects.get(pk=plain.pk).placeholders == []
