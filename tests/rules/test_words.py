"""What the editor completes: Sigma's words, the model's log sources and fields, and the library's tags."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from rules_app.models import Rule
from rules_app.services import sync_shipped_models
from sigma_engine import LEVELS
from tests.rules.conftest import rule_text

MakeRule = Callable[..., Rule]
PROCESS = {"category": "process_creation", "product": "windows"}


def test_words_are_sigmas_and_the_tags_of_the_library(owner_client: Client, make_rule: MakeRule) -> None:
    make_rule(text=rule_text().replace("attack.t1033", "attack.t1033\n    - team.night"))
    words = owner_client.get("/rules/words/").json()
    tags = {tag["name"]: tag["about"] for tag in words["tags"]}
    assert words["levels"] == list(LEVELS)
    assert {"endswith", "re", "all"} <= {one["name"] for one in words["modifiers"]}
    assert tags["attack.discovery"] == "ATT&CK tactic, 1 rule"
    assert tags["attack.impact"] == "ATT&CK tactic"
    assert (tags["attack.t1033"], tags["team.night"]) == ("1 rule", "1 rule")


def test_log_sources_and_fields_are_those_of_the_default_model(owner_client: Client, db: None) -> None:
    sync_shipped_models()
    words = owner_client.get("/rules/words/").json()
    assert ["process_creation", "windows", "*"] in [source["parts"] for source in words["sources"]]
    fields = owner_client.get("/rules/words/fields/", PROCESS).json()["fields"]
    found = {(one["lambda"], *one["events"]) for one in fields["Image"]}
    assert ("x=>x.EventData.NewProcessName", "Security 4688") in found
    assert "QueryName" not in fields  # of DNS queries


def test_without_a_model_there_are_words_and_no_fields(owner_client: Client, db: None) -> None:
    assert owner_client.get("/rules/words/").json()["sources"] == []
    assert owner_client.get("/rules/words/fields/", PROCESS).json() == {"fields": {}}


def test_a_browser_that_has_the_words_is_not_sent_them_again(
    owner_client: Client, make_rule: MakeRule
) -> None:
    first = owner_client.get("/rules/words/")
    assert "no-cache" in first["Cache-Control"]
    again = owner_client.get("/rules/words/", HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    make_rule()
    changed = owner_client.get("/rules/words/", HTTP_IF_NONE_MATCH=first["ETag"])
    assert changed.status_code == 200
