"""The versions of a rule: what each changed, and bringing an old one back without losing anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from rules_app import services
from rules_app.models import Rule
from tests.rules.conftest import BROKEN, rule_text

MakeRule = Callable[..., Rule]


@pytest.fixture
def rule(make_rule: MakeRule, publish_text: Callable[..., object]) -> Rule:
    """A rule whose second version is published."""
    made = make_rule("One")
    publish_text(made, rule_text("Two"))
    return Rule.objects.get(pk=made.pk)


def test_restoring_makes_a_draft_of_the_old_text_and_keeps_all(
    owner_client: Client, rule: Rule, owner: User
) -> None:
    answer = owner_client.post(f"/rules/{rule.pk}/versions/1/restore/")
    rule.refresh_from_db()
    assert answer["Location"] == f"/rules/{rule.pk}/review/"
    assert (rule.draft.number, rule.draft.text, rule.draft.comment) == (
        3,
        rule_text("One"),
        "Restores version 1",
    )
    assert (rule.draft.author, rule.current.number, rule.versions.count()) == (owner, 2, 3)


def test_a_restored_version_is_in_the_history(owner_client: Client, rule: Rule) -> None:
    owner_client.post(f"/rules/{rule.pk}/versions/1/restore/")
    act = rule.acts.first()
    assert (act.act, act.version.number, act.note) == ("restored", 3, "The text of version 1")


def test_restoring_over_a_draft_keeps_the_draft_among_the_versions(rule: Rule, owner: User) -> None:
    services.save_rule(rule, rule_text("Three"), 2, owner)
    restored = services.restore_version(rule.versions.get(number=1), owner)
    assert (restored.number, rule.versions.get(number=3).text) == (4, rule_text("Three"))


def test_restoring_what_is_edited_now_changes_nothing(rule: Rule, owner: User) -> None:
    assert services.restore_version(rule.versions.get(number=2), owner).number == 2
    assert (rule.versions.count(), rule.acts.filter(act="restored").count()) == (2, 0)


def test_a_broken_version_can_be_restored_and_is_not_published(
    make_rule: MakeRule, publish_text: Callable[..., object], owner: User, admin: User
) -> None:
    rule = make_rule(text=BROKEN)
    publish_text(rule, rule_text())
    restored = services.restore_version(rule.versions.get(number=1), owner)
    with pytest.raises(services.NotPublishable, match="The text has 1 error"):
        services.publish(restored, admin)


def test_the_page_of_an_old_version_offers_to_restore_it(owner_client: Client, rule: Rule) -> None:
    page = owner_client.get(f"/rules/{rule.pk}/versions/1/").content.decode()
    assert f'action="/rules/{rule.pk}/versions/1/restore/"' in page


def test_the_page_of_what_is_edited_now_offers_nothing_to_restore(owner_client: Client, rule: Rule) -> None:
    assert "restore/" not in owner_client.get(f"/rules/{rule.pk}/versions/2/").content.decode()


def test_the_page_of_a_version_says_what_was_done_with_it(owner_client: Client, rule: Rule) -> None:
    page = owner_client.get(f"/rules/{rule.pk}/versions/2/").content.decode()
    assert "Published without review" in page
    assert '<span class="tag">published</span>' in page


def test_a_version_is_compared_with_any_other(owner_client: Client, rule: Rule, owner: User) -> None:
    services.save_rule(rule, rule_text("Three"), 2, owner)
    page = owner_client.get(f"/rules/{rule.pk}/versions/3/?against=1")
    changes = [(line.kind, line.text) for line in page.context["diff"] if line.kind != "same"]
    assert changes == [("del", "title: One"), ("add", "title: Three")]
