"""Explanations on their own pages: of hits, of events of the evidence, for the rule that hit and for others."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from rules_app.models import RuleSet, RuleVersion
    from scans_app.models import Case, Evidence, Hit

pytestmark = pytest.mark.django_db
MakeHit = Callable[..., "Hit"]


@pytest.fixture
def other(rule_set: RuleSet, make_hit: MakeHit) -> Any:
    """The rule that did not hit."""
    return rule_set.rules.get(title="Other started")


def page_of(client: Client, address: str) -> str:
    """The page's text, as a reader sees it."""
    response = client.get(address)
    assert response.status_code == 200, address
    return html.unescape(response.content.decode())


def test_a_hit_is_explained_with_rule_tree_and_event_side_by_side(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    hit = make_hit()
    page = page_of(owner_client, f"/cases/{case.pk}/hits/{hit.pk}/explain/")
    assert "matches this event" in page
    assert 'aria-label="true for this event"' in page
    assert re.search(r'data-line="10" data-paths="\["EventData.Image"\]"', page)
    assert 'data-path="EventData.Image"' in page
    assert "Smallest edits that escape the rule" in page


def test_another_rule_is_explained_with_the_clause_that_failed_and_a_hint(
    case: Case, make_hit: MakeHit, owner_client: Client, other: Any
) -> None:
    hit = make_hit()
    page = page_of(owner_client, f"/cases/{case.pk}/hits/{hit.pk}/explain/?rule={other.pk}")
    assert "does not match this event" in page
    assert "one clause away" in page
    assert "<code>Image</code> is <code>C:\\Program Files\\tool.exe</code>: another value." in page


def test_an_event_of_the_evidence_asks_for_a_rule_and_explains_it(
    case: Case, evidence: Evidence, owner_client: Client, other: Any
) -> None:
    address = f"/cases/{case.pk}/evidence/{evidence.pk}/events/0/1/explain/"
    assert "Explain a rule on this event" in page_of(owner_client, address)
    found = page_of(owner_client, f"{address}?find=Other")
    assert f'href="?rule={other.pk}"' in found
    page = page_of(owner_client, f"{address}?rule={other.pk}")
    assert "does not match this event" in page
    assert "--number 1" in page


def test_step_0_names_the_clause_of_the_log_source(
    case: Case, add_evidence: Callable[..., Evidence], owner_client: Client, other: Any
) -> None:
    from tests.evtx_writer import build_evtx
    from tests.scans.conftest import process_event

    event = process_event(0)
    event["System"]["EventID"] = {"Value": 3}
    evidence = add_evidence(build_evtx([event]), "network.evtx")
    page = page_of(
        owner_client, f"/cases/{case.pk}/evidence/{evidence.pk}/events/0/0/explain/?rule={other.pk}"
    )
    assert "was not tried on this event" in page
    assert "its event id is 3, wanted is 1" in page


def test_a_rule_that_is_disabled_or_not_the_published_version_says_so(
    case: Case, make_hit: MakeHit, owner_client: Client, owner: User
) -> None:
    from rules_app.services import publish, save_rule, set_enabled

    hit = make_hit()
    rule = hit.rule
    text = rule.current.text.replace("tool.exe", "new.exe")
    publish(save_rule(rule, text, rule.current.number, owner, ""), owner)
    set_enabled(rule, enabled=False)
    page = page_of(owner_client, f"/cases/{case.pk}/hits/{hit.pk}/explain/")
    assert "The rule is disabled" in page
    assert "not the published one" in page
    assert "matches this event" in page


def test_a_hit_whose_evidence_is_gone_is_explained_on_the_stored_event(
    case: Case, make_hit: MakeHit, evidence: Evidence, owner_client: Client
) -> None:
    hit = make_hit()
    evidence.path.unlink()
    page = page_of(owner_client, f"/cases/{case.pk}/hits/{hit.pk}/explain/")
    assert "WS.evtx is not there any more: this is the event as it was stored with the hit." in page
    assert "matches this event" in page


def test_hostile_text_of_an_event_is_escaped_in_all_three_panes(
    case: Case, make_hit: MakeHit, evidence: Evidence, owner_client: Client
) -> None:
    from tests.scans.conftest import process_event
    from tests.scans_pages.conftest import HOSTILE

    data = process_event(0, HOSTILE)
    data["EventData"][HOSTILE] = HOSTILE
    hit = make_hit(data=data)
    evidence.path.unlink()
    for address in (f"hits/{hit.pk}/explain/", f"hits/{hit.pk}/rules/?wait=1", f"hits/?hit={hit.pk}&tab=why"):
        page = owner_client.get(f"/cases/{case.pk}/{address}").content.decode()
        assert "<img src=x" not in page
        assert "<script>alert" not in page


def test_the_page_says_when_todays_engine_decides_otherwise_than_the_scan_did(
    case: Case, make_hit: MakeHit, owner_client: Client, other: Any
) -> None:
    hit = make_hit(rule_version=other.current)  # a hit that its rule does not make
    page = page_of(owner_client, f"/cases/{case.pk}/hits/{hit.pk}/explain/")
    assert f"Scan {hit.scan_id} of" in page
    assert "today's engine" in page
    assert "does not match this event" in page


def test_an_explanation_is_exported_as_json_and_with_velociraptors_match(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    hit = make_hit()
    address = f"/cases/{case.pk}/hits/{hit.pk}/explain/"
    response = owner_client.get(f"{address}?format=json")
    assert "attachment" in response.headers["Content-Disposition"]
    whole = json.loads(response.content)
    assert (whole["verdict"], whole["agrees"], whole["rule"]["title"]) == (True, True, "Tool started")
    assert whole["event"]["EventData"]["Image"] == "C:\\Program Files\\tool.exe"
    assert whole["escapes"]
    match = json.loads(owner_client.get(f"{address}?format=match").content)
    assert match["_Match"] == {
        "match": True,
        "search_results": {"selection": True},
        "condition_results": [True],
    }
    assert match["EventData"] == whole["event"]["EventData"]


def test_what_would_hit_an_event_names_the_rules_that_match_and_those_one_clause_away(
    case: Case, evidence: Evidence, owner_client: Client, rule_set: RuleSet, owner: User
) -> None:
    from rules_app.services import create_rule, publish

    text = (
        "title: Nearly\nlogsource: {category: process_creation, product: windows}\ndetection:\n"
        "  a:\n    Image|endswith: '\\tool.exe'\n    CommandLine|contains: nothing\n  condition: a\n"
    )
    near = create_rule(rule_set, text, owner, "")
    publish(near.draft, owner)
    address = f"/cases/{case.pk}/evidence/{evidence.pk}/events/0/0/rules/"
    assert "Nearly" not in page_of(owner_client, address)
    page = page_of(owner_client, f"{address}?wait=1")
    assert "Of 3 published rules the log sources of 3 take this event: 1 matches it, 1 missed it" in page
    matched, missed = page.split("<h3>One clause away</h3>")
    assert "Tool started" in matched
    assert "Nearly" in missed
    assert "Other started" not in missed  # of a single clause: one clause away from every event
    assert "CommandLine|contains: nothing" in missed
    assert "tool.exe --number 0" in missed


def test_what_would_hit_the_event_of_a_hit_works_without_its_evidence(
    case: Case, make_hit: MakeHit, evidence: Evidence, owner_client: Client
) -> None:
    hit = make_hit()
    evidence.path.unlink()
    assert "Tool started" in page_of(owner_client, f"/cases/{case.pk}/hits/{hit.pk}/rules/?wait=1")


def test_a_long_list_of_values_is_folded_with_its_number(
    case: Case, evidence: Evidence, owner_client: Client, rule_set: RuleSet, owner: User
) -> None:
    from rules_app.services import create_rule, publish

    values = "".join(f"      - '\\{number}.exe'\n" for number in range(1000))
    text = (
        "title: Long\nlogsource: {category: process_creation, product: windows}\ndetection:\n"
        f"  a:\n    Image|endswith:\n{values}  condition: a\n"
    )
    rule = create_rule(rule_set, text, owner, "")
    publish(rule.draft, owner)
    page = page_of(
        owner_client, f"/cases/{case.pk}/evidence/{evidence.pk}/events/0/0/explain/?rule={rule.pk}"
    )
    assert "992 more values of the list, none matched" in page
    assert "lines of values that did not match are left out" in page


def test_hints_use_the_counts_of_the_case(
    case: Case, evidence: Evidence, owner_client: Client, rule_set: RuleSet, owner: User
) -> None:
    from rules_app.services import create_rule, publish

    text = (
        "title: Absent\nlogsource: {category: process_creation, product: windows}\ndetection:\n"
        "  a:\n    Qqqqqq: x\n  condition: a\n"
    )
    rule = create_rule(rule_set, text, owner, "")
    publish(rule.draft, owner)
    page = page_of(
        owner_client, f"/cases/{case.pk}/evidence/{evidence.pk}/events/0/0/explain/?rule={rule.pk}"
    )
    assert "None of the 12 events of 1 in this case has the field." in page


@pytest.mark.parametrize("model", [{"is_default": False}, {"current": None}])
def test_without_a_default_model_an_event_is_not_explained_and_the_page_says_so(
    model: dict[str, Any], case: Case, evidence: Evidence, owner_client: Client, rule_set: RuleSet
) -> None:
    from rules_app.models import EventModel

    EventModel.objects.filter(is_default=True).update(**model)
    address, rule = f"/cases/{case.pk}/evidence/{evidence.pk}/events/0/0", rule_set.rules.all()[0]
    assert "There is no default model" in page_of(owner_client, f"{address}/explain/?rule={rule.pk}")
    assert "There is no default model" in page_of(owner_client, f"{address}/rules/?wait=1")


def test_under_a_broken_default_model_nothing_is_explained_and_the_page_says_so(
    case: Case, evidence: Evidence, owner_client: Client, owner: User, rule_set: RuleSet
) -> None:
    from rules_app.services import create_model, make_default

    make_default(create_model("Broken", "sources: [", owner))
    address, rule = f"/cases/{case.pk}/evidence/{evidence.pk}/events/0/0", rule_set.rules.all()[0]
    assert "is broken" in page_of(owner_client, f"{address}/explain/?rule={rule.pk}")
    assert "is broken" in page_of(owner_client, f"{address}/rules/?wait=1")


def test_what_would_hit_an_event_takes_the_library_from_the_cache_in_a_process_that_has_not_read_it(
    case: Case, evidence: Evidence, owner_client: Client, rule_set: RuleSet, owner: User,
    monkeypatch: pytest.MonkeyPatch, publish_text: Callable[..., RuleVersion],
) -> None:  # fmt: skip
    from scans_app.services import event_rules

    asked: list[int] = []
    load = event_rules.load_rule

    def watched(version: RuleVersion, lists: Any) -> Any:
        asked.append(version.pk)
        return load(version, lists)

    monkeypatch.setattr(event_rules, "load_rule", watched)
    monkeypatch.setattr(event_rules, "_kept", event_rules._Kept())
    address = f"/cases/{case.pk}/evidence/{evidence.pk}/events/0/0/rules/?wait=1"

    def answer() -> str:
        found = re.search(r"Of \d+ published rules[^<]*", page_of(owner_client, address))
        assert found is not None
        return found[0]

    first = answer()
    assert "1 matches it" in first
    asked.clear()
    monkeypatch.setattr(event_rules, "_kept", event_rules._Kept())  # another process
    assert answer() == first
    assert asked == []
    rule = rule_set.rules.get(title="Tool started")
    changed = publish_text(rule, rule.current.text.replace("tool.exe", "nothing.exe"))
    assert "0 match it" in answer()
    assert asked == [changed.pk]
