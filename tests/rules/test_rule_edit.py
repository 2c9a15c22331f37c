"""Writing a rule: saving, live findings, and two people at once."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client

from rules_app import services
from rules_app.models import Rule
from tests.rules.conftest import BROKEN, rule_text

MakeRule = Callable[..., Rule]


def save(client: Client, rule: Rule, text: str, base: int = 1, comment: str = "") -> Any:
    sent = {
        "text": text.replace("\n", "\r\n"),
        "base_version": base,
        "comment": comment,
    }  # as browsers send it
    return client.post(f"{rule.get_absolute_url()}edit/", sent)


def test_saving_makes_a_version_with_author_and_comment(
    owner_client: Client, owner: object, make_rule: MakeRule
) -> None:
    rule = make_rule()
    answer = save(owner_client, rule, rule_text("Renamed", level="low"), comment="Too loud")
    rule.refresh_from_db()
    assert answer.status_code == 302
    assert (rule.draft.number, rule.draft.author, rule.draft.comment) == (2, owner, "Too loud")


def test_what_is_saved_is_a_draft_and_leaves_the_published_version_alone(
    owner_client: Client, make_rule: MakeRule
) -> None:
    rule = make_rule()
    save(owner_client, rule, rule_text("Renamed", level="low"))
    rule.refresh_from_db()
    assert (rule.title, rule.level_name, rule.current.number) == ("Whoami was run", "high", 1)


def test_an_edit_goes_on_from_the_draft(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule()
    save(owner_client, rule, rule_text("Renamed"))
    form = owner_client.get(f"{rule.get_absolute_url()}edit/").context["form"]
    assert (form["text"].value(), form["base_version"].value()) == (rule_text("Renamed"), 2)


def test_the_first_version_stays_as_it_was(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule()
    save(owner_client, rule, rule_text("Renamed"))
    assert rule.versions.get(number=1).text == rule_text()


def test_saving_without_a_change_makes_no_version(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule()
    save(owner_client, rule, rule_text())
    assert rule.versions.count() == 1


@pytest.mark.parametrize(
    "text",
    [
        "\n\ntitle: a\n",
        "title: a",
        "title: a  \n\n",
        "title: a\r\nlevel: low\r\n",
        "title: a\rlevel: low\r",
        "title: a\r\nlevel: low\n",
        "title: a\u2028\u0085\n",
    ],
)
def test_a_text_that_nobody_changed_comes_back_byte_for_byte(
    owner_client: Client, make_rule: MakeRule, text: str
) -> None:
    rule = make_rule(text=text)
    page = owner_client.get(f"{rule.get_absolute_url()}edit/")
    shown = page.context["form"]["text"].value()
    save(owner_client, rule, shown.replace("\r\n", "\n"))
    assert [version.text for version in rule.versions.all()] == [text]


def test_the_first_empty_line_of_a_text_is_not_eaten_by_the_browser(
    owner_client: Client, make_rule: MakeRule
) -> None:
    page = owner_client.get(f"{make_rule(text=chr(10) + 'title: a').get_absolute_url()}edit/").content
    assert b">\n\ntitle: a</textarea>" in page


def test_an_edit_keeps_the_line_ends_of_the_text(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule(text="title: a\r\nlevel: low\r\n")
    save(owner_client, rule, "title: b\nlevel: low\n")
    assert rule.versions.first().text == "title: b\r\nlevel: low\r\n"


def test_a_broken_rule_is_saved_with_its_findings(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule()
    answer = save(owner_client, rule, BROKEN)
    rule.refresh_from_db()
    assert (answer.status_code, rule.broken, rule.draft.text) == (302, False, BROKEN)
    assert rule.draft.first_error_line == 7


def test_a_text_of_two_documents_is_kept_and_called_broken(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule()
    save(owner_client, rule, f"{rule_text()}---\n{rule_text()}")
    rule.refresh_from_db()
    assert "several_documents" in {finding["code"] for finding in rule.draft.findings}


def test_an_empty_text_is_not_saved_and_what_was_written_stays(
    owner_client: Client, make_rule: MakeRule
) -> None:
    rule = make_rule()
    answer = save(owner_client, rule, "", comment="My reasons")
    assert (answer.status_code, rule.versions.count()) == (422, 1)
    assert b"My reasons" in answer.content


def test_two_people_at_once_get_both_texts_and_lose_neither(
    owner_client: Client, teammate_client: Client, make_rule: MakeRule
) -> None:
    rule = make_rule()
    save(teammate_client, rule, rule_text("Theirs"), comment="Mine was first")
    answer = save(owner_client, rule, rule_text("Mine"), comment="Mine was better")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert rule.versions.count() == 2
    for part in ("title: Theirs", "title: Mine", "tariq", "Mine was first", "Mine was better"):
        assert part in page
    assert answer.context["form"]["base_version"].value() == 2


def test_after_a_conflict_the_second_text_can_be_saved_too(
    owner_client: Client, teammate_client: Client, make_rule: MakeRule
) -> None:
    rule = make_rule()
    save(teammate_client, rule, rule_text("Theirs"))
    conflict = save(owner_client, rule, rule_text("Mine"))
    base = conflict.context["form"]["base_version"].value()
    save(owner_client, rule, conflict.context["form"]["text"].value(), base=base)
    assert [version.text for version in rule.versions.order_by("number")] == [
        rule_text(), rule_text("Theirs"), rule_text("Mine"),
    ]  # fmt: skip


def test_two_people_who_save_the_same_text_do_not_differ(
    owner_client: Client, teammate_client: Client, make_rule: MakeRule
) -> None:
    rule = make_rule()
    save(teammate_client, rule, rule_text("Same"))
    answer = save(owner_client, rule, rule_text("Same"))
    assert (answer.status_code, rule.versions.count()) == (302, 2)


def test_a_form_without_its_base_version_is_a_conflict_and_not_an_overwrite(
    owner_client: Client, make_rule: MakeRule
) -> None:
    rule = make_rule()
    answer = owner_client.post(f"{rule.get_absolute_url()}edit/", {"text": rule_text("Blind")})
    assert (answer.status_code, rule.versions.count()) == (409, 1)


def test_a_version_does_not_change(make_rule: MakeRule) -> None:
    version = make_rule().versions.get()
    version.text = "title: forged"
    with pytest.raises(ValueError, match="does not change"):
        version.save()


def test_a_new_rule_begins_with_a_text_to_fill_in(owner_client: Client, make_rule: MakeRule) -> None:
    make_rule()
    page = owner_client.get("/rules/new/")
    text = page.context["form"]["text"].value()
    assert "author: olivia" in text
    assert {finding["code"] for finding in page.context["findings"] if finding["severity"] == "error"} == {
        "title_missing"
    }


def test_a_new_rule_is_saved_into_a_set_that_is_made_for_it(owner_client: Client, shipped: object) -> None:
    answer = owner_client.post("/rules/new/", {"text": rule_text("Brand new"), "rule_set": "Fresh"})
    rule = Rule.objects.get()
    assert answer.status_code == 302
    assert (rule.title, rule.rule_set.name, rule.path, rule.draft.number, rule.current) == (
        "Brand new", "Fresh", "brand-new.yml", 1, None,
    )  # fmt: skip


def test_two_new_rules_of_one_title_are_two_rules(owner_client: Client, shipped: object) -> None:
    for _ in range(2):
        owner_client.post("/rules/new/", {"text": rule_text("Twin"), "rule_set": "Fresh"})
    assert list(Rule.objects.order_by("pk").values_list("path", flat=True)) == ["twin.yml", "twin-2.yml"]


def test_a_new_rule_without_a_set_says_so_and_keeps_the_text(owner_client: Client, shipped: object) -> None:
    answer = owner_client.post("/rules/new/", {"text": rule_text("Homeless"), "rule_set": " "})
    assert (answer.status_code, Rule.objects.count()) == (422, 0)
    assert b"title: Homeless" in answer.content
    assert b"Name the set" in answer.content


def test_a_check_answers_with_findings_and_the_hash_of_the_text(
    owner_client: Client, shipped: object
) -> None:
    answer = owner_client.post("/rules/check/", {"text": BROKEN.replace("\n", "\r\n")})
    assert f'data-for="{sha256(BROKEN.encode()).hexdigest()}"' in answer.content.decode()
    assert [f["line"] for f in answer.context["findings"] if f["severity"] == "error"] == [7]


def test_a_check_says_that_the_model_does_not_serve_the_rule(owner_client: Client, shipped: object) -> None:
    answer = owner_client.post("/rules/check/", {"text": rule_text(product="linux")})
    assert "model" in {finding["scope"] for finding in answer.context["findings"]}


@pytest.mark.parametrize(
    "text", ["", "---", "[", "\t", "a: b\n---\nc: d", "title: &a x\nb: *a", "- 1", "🙂: x"]
)
def test_a_check_answers_whatever_the_text(owner_client: Client, shipped: object, text: str) -> None:
    answer = owner_client.post("/rules/check/", {"text": text})
    assert answer.status_code == 200
    assert answer.context["findings"]


def test_a_check_writes_nothing(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule()
    owner_client.post("/rules/check/", {"text": BROKEN})
    assert (Rule.objects.count(), rule.versions.count()) == (1, 1)


def test_publishing_finds_anew_whether_the_rule_is_served(
    make_rule: MakeRule, publish_text: Callable[..., object]
) -> None:
    rule = make_rule()
    publish_text(rule, rule_text(product="linux"))
    rule.refresh_from_db()
    assert not rule.served


def test_the_services_conflict_writes_nothing(make_rule: MakeRule) -> None:
    rule = make_rule()
    services.save_rule(rule, rule_text("Two"), 1, None)
    with pytest.raises(services.EditConflict) as conflict:
        services.save_rule(rule, rule_text("Also two"), 1, None)
    assert (conflict.value.current.number, rule.versions.count()) == (2, 2)


def test_a_draft_is_shown_in_the_editor_and_nothing_is_saved(
    owner_client: Client, make_rule: MakeRule
) -> None:
    rule = make_rule()
    draft = rule_text("Widened").replace("\n", "\r\n")
    for address in ("/rules/new/", f"{rule.get_absolute_url()}edit/"):
        page = owner_client.post(address, {"draft": "1", "text": draft})
        assert page.status_code == 200
        assert page.context["form"]["text"].value() == rule_text("Widened")
        assert page.context["not_saved"]
    assert (Rule.objects.count(), rule.versions.count()) == (1, 1)


def test_a_draft_of_a_rule_goes_on_from_the_version_that_is_edited(
    owner_client: Client, make_rule: MakeRule
) -> None:
    rule = make_rule()
    page = owner_client.post(f"{rule.get_absolute_url()}edit/", {"draft": "1", "text": "title: a"})
    assert page.context["form"]["base_version"].value() == rule.to_edit.number


def test_a_draft_that_is_too_long_is_refused_with_a_sentence(owner_client: Client, db: None) -> None:
    page = owner_client.post("/rules/new/", {"draft": "1", "text": "a" * (1024 * 1024 + 1)})
    assert page.status_code == 422
    assert "at most" in page.content.decode()


def test_a_mend_is_made_without_any_script(owner_client: Client, make_rule: MakeRule) -> None:
    rule = make_rule(text=rule_text(level="hihg"))
    address = f"{rule.get_absolute_url()}edit/"
    page = owner_client.get(address)
    assert "Replace with high" in page.content.decode()
    sent = {"text": page.context["form"]["text"].value(), "base_version": "1", "mend": "0.0"}
    mended = owner_client.post(address, sent)
    assert mended.context["form"]["text"].value() == rule_text(level="high")
    assert mended.context["findings"] == []
    assert rule.versions.count() == 1


@pytest.mark.parametrize("address", ["", "x", "0", "99.0", "0.99", "-1.0"])
def test_a_mend_that_is_not_there_leaves_the_text_as_it_is(
    owner_client: Client, make_rule: MakeRule, address: str
) -> None:
    rule = make_rule()
    page = owner_client.post(f"{rule.get_absolute_url()}edit/", {"text": rule_text(), "mend": address})
    assert page.context["form"]["text"].value() == rule_text()


def test_findings_count_lines_in_the_text_that_is_shown(owner_client: Client, db: None) -> None:
    text = "# ours\n---\n" + rule_text(level="hihg")
    page = owner_client.post("/rules/check/", {"text": text})
    (finding,) = page.context["findings"]
    assert text.splitlines()[finding["line"] - 1] == "level: hihg"
