"""Models: the shipped ones, copies to edit, versions, and which rules the default one serves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from rules_app import services
from rules_app.models import EventModel, Rule
from rules_app.services import event_models

MakeRule = Callable[..., Rule]
OURS = "name: Ours\nextends: Windows event logs\n"
LINUX = """\
name: Ours
log_sources:
  - logsource: process_creation/linux/*
    channels: [auditd]
"""


def save(client: Client, model: EventModel, text: str, base: int = 1) -> Any:
    sent = {"text": text.replace("\n", "\r\n"), "base_version": base, "comment": "Why not"}
    return client.post(f"{model.get_absolute_url()}edit/", sent)


def test_the_shipped_model_is_the_default_at_the_first_start(shipped: EventModel) -> None:
    assert (shipped.name, shipped.shipped, shipped.current.number) == ("Windows event logs", True, 1)
    assert not shipped.current.broken


def test_a_second_start_makes_no_version(shipped: EventModel) -> None:
    assert services.sync_shipped_models() == []
    assert shipped.versions.count() == 1


def test_a_new_text_of_a_shipped_model_is_a_version_and_the_old_one_stays(
    shipped: EventModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "new.yaml"
    file.write_text(shipped.current.text + "\n# newer\n")
    monkeypatch.setattr(event_models, "shipped_models", lambda: {shipped.name: file})
    assert services.sync_shipped_models() == [shipped.name]
    assert [version.number for version in shipped.versions.all()] == [2, 1]


def test_the_list_names_each_model_and_the_default(
    owner_client: Client, shipped: EventModel, own_model: EventModel
) -> None:
    page = owner_client.get("/models/")
    assert [(model.name, model.is_default) for model, _ in page.context["rows"]] == [
        ("Windows event logs", True),
        ("Winlogbeat ECS", False),
        ("Ours", False),
    ]


def test_the_page_shows_log_sources_with_the_rules_on_them(owner_client: Client, make_rule: MakeRule) -> None:
    make_rule()
    page = owner_client.get(EventModel.objects.default().get_absolute_url())
    rules = {source.name: count for source, count in page.context["sources"]}
    assert rules["process_creation/windows/*"] == 1
    assert rules["*/windows/security"] == 0


def test_the_page_shows_field_mappings_with_their_lambdas(owner_client: Client, shipped: EventModel) -> None:
    page = owner_client.get(shipped.get_absolute_url())
    assert "Image" in {mapping.field for mapping in page.context["fields"]}
    assert b"x=&gt;x." in page.content


def test_a_shipped_model_is_not_edited(owner_client: Client, shipped: EventModel) -> None:
    assert owner_client.get(f"{shipped.get_absolute_url()}edit/").status_code == 403
    assert save(owner_client, shipped, OURS).status_code == 403
    assert shipped.versions.count() == 1


def test_a_copy_of_a_shipped_model_can_be_edited(owner_client: Client, shipped: EventModel) -> None:
    answer = owner_client.post(f"{shipped.get_absolute_url()}copy/")
    copy = EventModel.objects.get(shipped=False)
    assert answer["Location"] == f"{copy.get_absolute_url()}edit/"
    assert (copy.name, copy.current.text) == ("Windows event logs, copy", shipped.current.text)
    assert save(owner_client, copy, OURS).status_code == 302


def test_a_second_copy_has_a_name_of_its_own(owner_client: Client, shipped: EventModel) -> None:
    for _ in range(2):
        owner_client.post(f"{shipped.get_absolute_url()}copy/")
    assert EventModel.objects.filter(name="Windows event logs, copy 2").exists()


def test_saving_makes_a_version_with_author_and_comment(
    owner_client: Client, owner: object, own_model: EventModel
) -> None:
    save(owner_client, own_model, OURS + "description: Of this house\n")
    own_model.refresh_from_db()
    assert (own_model.current.number, own_model.current.author, own_model.current.comment) == (
        2,
        owner,
        "Why not",
    )
    assert own_model.versions.get(number=1).text == OURS


def test_a_broken_model_is_kept_with_findings_at_their_lines(
    owner_client: Client, own_model: EventModel
) -> None:
    save(owner_client, own_model, "name: Ours\nfields:\n  Image: x=>nonsense(\n")
    own_model.refresh_from_db()
    page = owner_client.get(own_model.get_absolute_url())
    assert own_model.current.broken
    assert [line.number for line in page.context["lines"] if line.severity == "error"] == [3]
    assert b"no scan can run with it" in page.content


def test_two_people_at_once_get_both_texts_and_lose_neither(
    owner_client: Client, teammate_client: Client, own_model: EventModel
) -> None:
    save(teammate_client, own_model, OURS + "description: Theirs\n")
    answer = save(owner_client, own_model, OURS + "description: Mine\n")
    assert (answer.status_code, own_model.versions.count()) == (409, 2)
    assert b"description: Theirs" in answer.content
    assert b"description: Mine" in answer.content


def test_a_check_answers_with_findings_at_their_lines(owner_client: Client, shipped: EventModel) -> None:
    answer = owner_client.post(
        "/models/check/", {"text": "name: Ours\r\nfields:\r\n  Image: x=>nonsense(\r\n"}
    )
    assert {finding["line"] for finding in answer.context["findings"]} == {3}


@pytest.mark.parametrize("text", ["", "---", "[", "\t", "a: b\n---\nc: d", "- 1", "name: &a x\nfields: *a"])
def test_a_check_answers_whatever_the_text(owner_client: Client, shipped: EventModel, text: str) -> None:
    assert owner_client.post("/models/check/", {"text": text}).status_code == 200


def test_a_new_model_needs_a_name_that_is_free(owner_client: Client, own_model: EventModel) -> None:
    answer = owner_client.post("/models/new/", {"text": OURS, "name": "Ours"})
    assert answer.status_code == 422
    assert b"There is a model named Ours already" in answer.content


def test_a_new_model_begins_as_an_extension_that_is_in_order(
    owner_client: Client, shipped: EventModel
) -> None:
    page = owner_client.get("/models/new/", {"extends": shipped.name})
    assert "extends: Windows event logs" in page.context["form"]["text"].value()
    assert page.context["findings"] == []


def test_a_new_model_is_saved_as_version_one(owner_client: Client, shipped: EventModel) -> None:
    answer = owner_client.post("/models/new/", {"text": OURS, "name": "Newcomer"})
    made = EventModel.objects.get(name="Newcomer")
    assert (answer["Location"], made.current.number) == (made.get_absolute_url(), 1)


def test_another_default_model_serves_other_rules(
    owner_client: Client, own_model: EventModel, make_rule: MakeRule
) -> None:
    windows, linux = make_rule(), make_rule(product="linux")
    save(owner_client, own_model, LINUX)
    owner_client.post(f"{own_model.get_absolute_url()}default/")
    for rule in (windows, linux):
        rule.refresh_from_db()
    assert (windows.served, linux.served) == (False, True)
    assert EventModel.objects.default() == own_model


def test_saving_the_default_model_finds_anew_which_rules_are_served(
    owner_client: Client, own_model: EventModel, make_rule: MakeRule
) -> None:
    rule = make_rule()
    services.make_default(own_model)
    save(owner_client, own_model, LINUX)
    rule.refresh_from_db()
    assert not rule.served


def test_a_broken_default_model_serves_nothing(
    owner_client: Client, own_model: EventModel, make_rule: MakeRule
) -> None:
    rule = make_rule()
    services.make_default(own_model)
    save(owner_client, own_model, "[")
    rule.refresh_from_db()
    assert not rule.served
    assert owner_client.get(rule.get_absolute_url()).status_code == 200


def test_a_version_shows_what_it_changed(owner_client: Client, own_model: EventModel) -> None:
    save(owner_client, own_model, OURS + "description: More\n")
    page = owner_client.get(f"{own_model.get_absolute_url()}versions/2/")
    assert [(line.kind, line.text) for line in page.context["diff"] if line.kind != "same"] == [
        ("add", "description: More")
    ]


def test_a_version_does_not_change(own_model: EventModel) -> None:
    own_model.current.text = "name: forged"
    with pytest.raises(ValueError, match="does not change"):
        own_model.current.save()
