"""From draft to published: who may decide, what stands in the way, and what the history says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from rules_app import services
from rules_app.models import Rule, RuleSet
from rules_app.services.pins import PinSource
from rules_app.services.placeholders import placeholders_digest
from rules_app.services.publishing import obstacles
from rules_app.services.rule_tests import add_tests
from tests.rules.conftest import BROKEN, rule_text

MakeRule = Callable[..., Rule]
SYSMON = {"Provider": {"Name": "Microsoft-Windows-Sysmon"}, "EventID": {"Value": 1}}
WHOAMI = {
    "System": {**SYSMON, "Channel": "Microsoft-Windows-Sysmon/Operational", "Computer": "ws-1"},
    "EventData": {"Image": "C:\\Windows\\System32\\whoami.exe"},
}


@pytest.fixture
def drafted(make_rule: MakeRule, owner: User, teammate: User) -> Rule:
    """A published rule with a draft that the owner wrote; the teammate is there to review it."""
    rule = make_rule()
    services.save_rule(rule, rule_text("Renamed"), 1, owner, "A clearer name")
    return Rule.objects.get(pk=rule.pk)


def do(client: Client, rule: Rule, act: str, note: str = "", number: int = 2) -> Any:
    sent = {"act": act, "note": note, "number": number}
    answer = client.post(f"/rules/{rule.pk}/review/", sent)
    rule.refresh_from_db()
    return answer


def acts(rule: Rule) -> list[tuple[str, str, str]]:
    """The history, oldest first: act, who, note."""
    return [(act.act, str(act.author), act.note) for act in reversed(rule.acts.all())]


def codes(rule: Rule, user: User) -> list[str]:
    return [obstacle.code for obstacle in obstacles(Rule.objects.get(pk=rule.pk).draft, user)]


def test_a_draft_goes_to_review_and_another_person_publishes_it(
    owner_client: Client, teammate_client: Client, drafted: Rule
) -> None:
    do(owner_client, drafted, "send", "Less confusing")
    assert drafted.draft_state == "in_review"
    do(teammate_client, drafted, "publish", "Good")
    assert (drafted.title, drafted.current.number, drafted.draft, drafted.draft_state) == (
        "Renamed", 2, None, "",
    )  # fmt: skip
    assert acts(drafted) == [
        ("sent", "olivia", "Less confusing"),
        ("approved", "tariq", "Good"),
        ("published", "tariq", ""),
    ]


def test_nobody_approves_their_own_version(owner_client: Client, drafted: Rule, owner: User) -> None:
    do(owner_client, drafted, "send")
    assert codes(drafted, owner) == ["needs_review"]
    answer = do(owner_client, drafted, "publish")
    assert (answer.status_code, drafted.current.number) == (409, 1)


def test_a_draft_that_was_not_sent_is_not_published_by_another(
    teammate_client: Client, drafted: Rule
) -> None:
    answer = do(teammate_client, drafted, "publish")
    assert (answer.status_code, drafted.current.number) == (409, 1)
    assert "It was not sent to review yet." in answer.content.decode()


def test_a_reviewer_asks_for_changes_with_a_note_and_the_author_reads_it(
    owner_client: Client, teammate_client: Client, drafted: Rule
) -> None:
    do(owner_client, drafted, "send")
    assert do(teammate_client, drafted, "changes").status_code == 422
    do(teammate_client, drafted, "changes", "Name the tool in the title")
    assert drafted.draft_state == "changes_asked"
    page = owner_client.get(f"/rules/{drafted.pk}/review/").content.decode()
    assert "Name the tool in the title" in page


def test_nobody_asks_themselves_for_changes(owner_client: Client, drafted: Rule) -> None:
    do(owner_client, drafted, "send")
    answer = do(owner_client, drafted, "changes", "Hm")
    assert (answer.status_code, drafted.draft_state) == (409, "in_review")


def test_a_new_text_has_to_be_sent_to_review_again(
    owner_client: Client, teammate: User, drafted: Rule, owner: User
) -> None:
    do(owner_client, drafted, "send")
    services.save_rule(drafted, rule_text("Renamed again"), 2, owner)
    drafted.refresh_from_db()
    assert (drafted.draft.number, drafted.draft_state) == (3, "draft")
    assert codes(drafted, teammate) == ["needs_review"]


def test_a_test_that_another_person_turns_red_while_a_draft_is_being_published_stops_it(
    owner_client: Client, teammate_client: Client, drafted: Rule, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rules_app.services import publishing

    (test,) = add_tests(owner, drafted, [PinSource(WHOAMI, "", {"pasted": True})], must_hit=True)
    do(owner_client, drafted, "send")
    turned = []

    def meanwhile(version: Any, user: User) -> list[Any]:
        """The other request: between the first look at the gates and the transaction."""
        if not turned:
            turned.append(owner_client.post(f"/rules/tests/{test.pk}/", {"do": "turn"}).status_code)
        return []

    monkeypatch.setattr(publishing, "_GATES", [*publishing._GATES, meanwhile])
    answer = do(teammate_client, drafted, "publish")
    assert turned == [302]
    assert (answer.status_code, drafted.current.number) == (409, 1)
    assert "1 test is red" in answer.content.decode()


def test_a_decision_about_an_older_draft_decides_nothing(
    owner_client: Client, teammate_client: Client, drafted: Rule, owner: User
) -> None:
    do(owner_client, drafted, "send")
    services.save_rule(drafted, rule_text("Changed while they read"), 2, owner)
    answer = do(teammate_client, drafted, "publish")
    assert (answer.status_code, drafted.current.number, drafted.draft.number) == (409, 1, 3)


def test_an_administrator_publishes_alone_and_the_history_says_so(
    admin_client: Client, drafted: Rule
) -> None:
    do(admin_client, drafted, "publish", "Urgent")
    assert drafted.current.number == 2
    assert acts(drafted) == [("published_alone", "ada", "Urgent")]


def test_an_administrators_review_of_anothers_draft_counts_as_one(
    owner_client: Client, admin_client: Client, drafted: Rule
) -> None:
    do(owner_client, drafted, "send")
    do(admin_client, drafted, "publish")
    assert [act for act, _, _ in acts(drafted)] == ["sent", "approved", "published"]


def test_the_only_active_account_publishes_alone(
    owner_client: Client, make_rule: MakeRule, owner: User
) -> None:
    rule = make_rule()
    services.save_rule(rule, rule_text("Mine"), 1, owner)
    do(owner_client, rule, "publish")
    assert (rule.title, acts(rule)) == ("Mine", [("published_alone", "olivia", "")])


def test_a_second_active_account_ends_publishing_alone(drafted: Rule, owner: User, teammate: User) -> None:
    assert codes(drafted, owner) == ["needs_review"]
    User.objects.filter(pk=teammate.pk).update(is_active=False)
    assert codes(drafted, owner) == []


def test_a_broken_text_is_saved_and_not_published(
    admin_client: Client, make_rule: MakeRule, owner: User
) -> None:
    rule = make_rule()
    services.save_rule(rule, BROKEN, 1, owner)
    answer = do(admin_client, rule, "publish")
    assert (answer.status_code, rule.current.number) == (409, 1)
    page = answer.content.decode()
    assert "The text has 1 error, the first in line 7" in page
    assert 'value="publish" disabled' in page


def test_a_red_test_blocks_publishing_and_says_which(
    admin_client: Client, drafted: Rule, owner: User
) -> None:
    add_tests(owner, drafted, [PinSource(WHOAMI, "", {"pasted": True})], must_hit=False)
    answer = do(admin_client, drafted, "publish")
    assert (answer.status_code, drafted.current.number) == (409, 1)
    assert "1 test is red. The first must not hit: It hits." in answer.content.decode()


def test_a_green_test_does_not_stand_in_the_way(admin_client: Client, drafted: Rule, owner: User) -> None:
    add_tests(owner, drafted, [PinSource(WHOAMI, "", {"pasted": True})], must_hit=True)
    do(admin_client, drafted, "publish")
    assert drafted.current.number == 2


def test_a_placeholder_that_is_gone_meanwhile_keeps_a_draft_from_being_published(
    admin: User, make_rule: MakeRule, rule_set: RuleSet, owner: User
) -> None:
    services.save_placeholders(rule_set, {"admins": ["root"]}, placeholders_digest({}))
    rule = make_rule()
    text = rule_text("Asks").replace("Image|endswith: '\\whoami.exe'", "User|expand: '%admins%'")
    draft = services.save_rule(rule, text, 1, owner)
    assert draft.findings == []
    RuleSet.objects.filter(pk=rule_set.pk).update(placeholders={})
    with pytest.raises(services.NotPublishable, match="The text has 1 error"):
        services.publish(draft, admin)


def test_a_dropped_draft_stays_among_the_versions(owner_client: Client, drafted: Rule) -> None:
    do(owner_client, drafted, "drop")
    assert (drafted.draft, drafted.to_edit.number, drafted.versions.count()) == (None, 1, 2)
    assert acts(drafted) == [("dropped", "olivia", "")]


def test_a_rule_that_was_never_published_keeps_its_draft(
    owner_client: Client, shipped: object, rule_set: RuleSet, owner: User
) -> None:
    rule = services.create_rule(rule_set, rule_text(), owner)
    answer = do(owner_client, rule, "drop", number=1)
    assert (answer.status_code, rule.draft.number) == (409, 1)


def test_a_new_rule_is_in_the_library_as_a_draft(
    owner_client: Client, shipped: object, rule_set: RuleSet, owner: User
) -> None:
    rule = services.create_rule(rule_set, rule_text("Not yet"), owner)
    assert (rule.title, rule.level_name) == ("Not yet", "high")
    page = owner_client.get("/rules/?state=unpublished").content.decode()
    assert "Not yet" in page
    assert "not published" in page


def test_the_library_says_how_many_rules_wait_for_review(owner_client: Client, drafted: Rule) -> None:
    do(owner_client, drafted, "send")
    page = owner_client.get("/rules/").content.decode()
    assert '<a href="/rules/?state=in_review">1 waits for review</a>' in page
    found = owner_client.get("/rules/?state=in_review").context["page"].rules
    assert [rule.pk for rule in found] == [drafted.pk]


def test_the_page_shows_the_text_diff_the_comment_and_the_tests(
    teammate_client: Client, drafted: Rule, owner: User
) -> None:
    add_tests(owner, drafted, [PinSource(WHOAMI, "", {"pasted": True})], must_hit=True)
    page = teammate_client.get(f"/rules/{drafted.pk}/review/")
    changes = [(line.kind, line.text) for line in page.context["diff"] if line.kind != "same"]
    assert changes == [("del", "title: Whoami was run"), ("add", "title: Renamed")]
    for part in ("A clearer name", "1 of 1 hold", f"/cases/diff/{drafted.pk}/2/"):
        assert part in page.content.decode()


def test_a_version_published_after_the_draft_began_is_pointed_out(
    owner_client: Client, drafted: Rule, rule_set: RuleSet
) -> None:
    file = services.FoundFile(drafted.path, rule_text("From the file").encode())
    services.import_rules([file], rule_set, None)
    page = owner_client.get(f"/rules/{drafted.pk}/review/").content.decode()
    assert "Version 3 was published after this draft was written." in page


def test_without_a_draft_nothing_waits(owner_client: Client, make_rule: MakeRule) -> None:
    page = owner_client.get(f"/rules/{make_rule().pk}/review/").content.decode()
    assert "Nothing waits for review" in page


def test_two_reviewers_at_once_publish_once(
    owner_client: Client, teammate: User, admin: User, drafted: Rule
) -> None:
    do(owner_client, drafted, "send")
    draft = Rule.objects.get(pk=drafted.pk).draft
    services.publish(draft, teammate)
    with pytest.raises(services.EditConflict):
        services.publish(draft, admin)
    assert [act for act, _, _ in acts(drafted)] == ["sent", "approved", "published"]
