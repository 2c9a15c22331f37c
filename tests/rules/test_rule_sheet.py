"""The sheet of a rule: logic, words, tests, tuning, versions, hits and discussion on one page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from rules_app import services
from rules_app.models import Rule, RuleSet
from tests.rules.conftest import BROKEN, RULE_ID, rule_text

MakeRule = Callable[..., Rule]
FILTER = """\
title: {title}
id: {id}
logsource:
    product: {product}
filter:
    rules: [{rule}]
    selection:
        User|startswith: svc_
    condition: not selection
"""


def sheet(client: Client, rule: Rule) -> Any:
    return client.get(rule.get_absolute_url())


def spoken(parts: list[Any]) -> str:
    """The words of a page in one text."""
    return " ".join(
        "".join(text for _, text in part.text) + " " + " ".join(part.values) + " " + spoken(part.parts)
        for part in parts
    )


def test_each_section_can_be_reached_by_its_anchor(owner_client: Client, make_rule: MakeRule) -> None:
    page = sheet(owner_client, make_rule()).content.decode()
    for anchor in ("logic", "words", "tests", "tuning", "hits", "versions", "discussion"):
        assert f'href="#{anchor}"' in page
        assert page.count(f'id="{anchor}"') == 1


def test_the_rule_stands_there_in_words(owner_client: Client, make_rule: MakeRule) -> None:
    words = sheet(owner_client, make_rule()).context["words"]
    assert "Matches a process creation event from windows where this is true:" in spoken(words)
    assert (True, "Image") in words[0].parts[0].text
    assert words[0].parts[0].line == 13


def test_a_broken_rule_has_no_words(owner_client: Client, make_rule: MakeRule) -> None:
    page = sheet(owner_client, make_rule(text=BROKEN))
    assert page.context["words"] == []
    assert "A broken rule has no words" in page.content.decode()


def test_many_values_fold_and_none_is_lost(owner_client: Client, make_rule: MakeRule) -> None:
    values = [f"\\tool{number}.exe" for number in range(40)]
    text = rule_text().replace("'\\whoami.exe'", str(values).replace("\\\\", "\\"))
    (part,) = sheet(owner_client, make_rule(text=text)).context["words"][0].parts
    assert list(part.values + part.folded) == values
    assert len(part.values) < 20


def test_what_a_rule_says_is_escaped_in_its_words(owner_client: Client, make_rule: MakeRule) -> None:
    text = rule_text().replace("'\\whoami.exe'", "'<script>alert(1)</script>`'")
    page = sheet(owner_client, make_rule(text=text))
    assert b"<script>alert" not in page.content
    assert (True, "<script>alert(1)</script>`") in page.context["words"][0].parts[0].text


def test_a_draft_that_was_never_published_shows_its_own_text(
    owner_client: Client, shipped: object, rule_set: RuleSet, owner: User
) -> None:
    rule = services.create_rule(rule_set, rule_text("Not yet"), owner)
    page = sheet(owner_client, rule).content.decode()
    assert "This rule is not published" in page
    assert "title</span>: Not yet" in page


def test_a_draft_beside_a_published_version_is_pointed_out_and_not_shown(
    owner_client: Client, make_rule: MakeRule, owner: User
) -> None:
    rule = make_rule()
    services.save_rule(rule, rule_text("Renamed"), 1, owner)
    page = sheet(owner_client, rule).content.decode()
    assert "Version 2 is a draft." in page
    assert f'href="/rules/{rule.pk}/review/"' in page
    assert "title</span>: Renamed" not in page


def test_tuning_shows_filters_that_apply_and_says_which_are_taken_out(
    owner_client: Client, make_rule: MakeRule
) -> None:
    rule = make_rule()
    applies = make_rule(text=FILTER.format(title="Our services", id="a", product="windows", rule=RULE_ID))
    everything = make_rule(text=FILTER.format(title="Nobody", id="b", product="windows", rule="any"))
    make_rule(text=FILTER.format(title="Of linux", id="c", product="linux", rule="any"))
    make_rule(text=FILTER.format(title="Of another", id="d", product="windows", rule="another"))
    services.set_enabled(everything, enabled=False)
    page = sheet(owner_client, rule)
    assert {one.rule.pk for one in page.context["tuning"]} == {applies.pk, everything.pk}
    assert "svc_" in spoken(page.context["tuning"][0].words)
    assert page.content.decode().count("taken out of scans</span>") == 1


def test_a_comment_is_shown_with_its_author(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule()
    owner_client.post(f"/rules/{rule.pk}/comment/", {"text": "Noisy on <b>jump hosts</b>\nsince May"})
    page = sheet(owner_client, rule).content.decode()
    assert "Noisy on &lt;b&gt;jump hosts&lt;/b&gt;<br>since May" in page
    assert rule.comments.get().author.username == "olivia"


def test_an_empty_comment_is_not_kept(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule()
    owner_client.post(f"/rules/{rule.pk}/comment/", {"text": "  "})
    assert not rule.comments.exists()


def test_one_takes_back_ones_own_comment_and_no_others(
    owner_client: Client, teammate_client: Client, make_rule: MakeRule
) -> None:
    rule = make_rule()
    owner_client.post(f"/rules/{rule.pk}/comment/", {"text": "Mine"})
    comment = rule.comments.get()
    teammate_client.post(f"/rules/{rule.pk}/comment/", {"remove": comment.pk})
    assert rule.comments.count() == 1
    owner_client.post(f"/rules/{rule.pk}/comment/", {"remove": comment.pk})
    assert not rule.comments.exists()


def test_the_history_is_on_the_sheet(
    owner_client: Client, make_rule: MakeRule, publish_text: Callable[..., object]
) -> None:
    rule = make_rule()
    publish_text(rule, rule_text("Renamed"))
    page = sheet(owner_client, rule).content.decode()
    assert "Published without review" in page
    assert "paula" in page
