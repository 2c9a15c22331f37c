"""Pinned events: what a text says of them at once, who sees them, and how they get there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.rules.conftest import BROKEN, rule_text

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpResponse
    from django.test import Client

    from rules_app.models import EventModel, Rule

pytestmark = pytest.mark.django_db


def started(image: str = "C:\\Windows\\System32\\whoami.exe", **more: Any) -> dict[str, Any]:
    """A start of a process as Sysmon tells it."""
    return {
        "System": {
            "Provider": {"Name": "Microsoft-Windows-Sysmon"},
            "EventID": {"Value": 1},
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": "WS-1",
            "TimeCreated": {"SystemTime": 1_700_000_000.5},
        },
        "EventData": {"Image": image, "CommandLine": f"{image} /all", **more},
    }


HIT, MISS = started(), started("C:\\Tools\\other.exe")


def ask(client: Client, what: str, **data: Any) -> str:
    """What htmx gets from `rules:<what>` for a text."""
    response = client.post(f"/rules/{what}/", {"text": rule_text(), "rule_set": "House rules", **data})
    assert response.status_code == 200, response.content
    return response.content.decode()


def verdicts(page: str) -> list[str]:
    """What each dot says, in their order."""
    return re.findall(r'aria-label="Event \d+: ([^"]+)"', page)


@pytest.fixture
def pinned(shipped: EventModel, owner_client: Client) -> list[str]:
    """Two events that the owner pinned without a rule; the keys of their dots."""
    page = ask(owner_client, "pins/add", json=json.dumps([HIT, MISS]))
    return re.findall(r'name="pin" value="([^"]+)"', page)


def test_each_event_has_a_dot_with_the_scanning_engines_verdict(
    pinned: list[str], owner_client: Client
) -> None:
    page = ask(owner_client, "dots")
    assert verdicts(page) == ["hit", "not hit"]
    assert "1 of 2 hit" in page


def test_a_dot_keeps_its_place_when_the_text_turns_its_verdict(
    pinned: list[str], owner_client: Client
) -> None:
    text = rule_text().replace("whoami", "other")
    page = ask(owner_client, "dots", text=text)
    assert verdicts(page) == ["not hit", "hit"]
    assert re.findall(r'name="pin" value="([^"]+)"', page) == pinned


def test_an_answer_names_the_text_that_it_is_about(pinned: list[str], owner_client: Client) -> None:
    from rules_app.services.versions import text_sha256

    page = ask(owner_client, "dots", text=rule_text().replace("\n", "\r\n"))
    assert f'id="dots" class="pins" data-for="{text_sha256(rule_text())}"' in page


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("title: [", "Line 1"),
        (BROKEN, "Line 7"),
        ("", "no rule"),
        (
            "title: A\nfilter: {rules: any, s: {A: b}, condition: s}\nlogsource: {product: windows}\n",
            "filter",
        ),
        (
            "title: A\ncorrelation: {type: event_count, rules: [a], group-by: [User], timespan: 1h, "
            "condition: {gte: 2}}\n",
            "not decided by single events",
        ),
        (rule_text(product="vax"), "no log source"),
    ],
)
def test_a_text_that_cannot_be_asked_says_why_and_leaves_the_dots_as_they_are(
    pinned: list[str], owner_client: Client, text: str, reason: str
) -> None:
    data = {"text": text, "rule_set": "House rules"}
    response = owner_client.post("/rules/dots/", data)
    assert reason in response.content.decode()
    assert response.headers["HX-Reswap"] == "none"


def test_the_placeholders_of_the_rules_set_count(pinned: list[str], owner_client: Client) -> None:
    from rules_app import services
    from rules_app.services.placeholders import placeholders_digest

    lists = services.get_or_create_set("Lists", None)
    services.save_placeholders(lists, {"tools": ["*\\other.exe"]}, placeholders_digest({}))
    text = rule_text().replace("Image|endswith: '\\whoami.exe'", "Image|expand: '%tools%'")
    assert verdicts(ask(owner_client, "dots", text=text, rule_set="Lists")) == ["not hit", "hit"]


def test_nobody_else_sees_or_moves_a_pin(
    pinned: list[str], teammate_client: Client, owner_client: Client
) -> None:
    assert verdicts(ask(teammate_client, "dots")) == []
    for what in ("pins/remove", "pins/expect"):
        data = {"text": rule_text(), "pin": pinned[0], "expected": "hit"}
        assert teammate_client.post(f"/rules/{what}/", data).status_code == 404
    ask(teammate_client, "pins/remove", all="yes")
    assert len(verdicts(ask(owner_client, "dots"))) == 2


@pytest.mark.parametrize(
    ("pasted", "count"),
    [
        (json.dumps(HIT), 1),
        (json.dumps(HIT, indent=2), 1),
        (f"{json.dumps(HIT)}\n{json.dumps(MISS)}\n", 2),
        (json.dumps([HIT, MISS, started("a")]), 3),
        (json.dumps({"winlog": {"channel": "Security", "event_id": 4688}, "@timestamp": "2024-01-01"}), 1),
    ],
)
def test_json_of_any_layout_and_shape_that_the_engine_reads_can_be_pasted(
    shipped: EventModel, owner_client: Client, pasted: str, count: int
) -> None:
    assert len(verdicts(ask(owner_client, "pins/add", json=pasted))) == count


@pytest.mark.parametrize(
    ("pasted", "sentence"),
    [
        ("", "Nothing was pasted"),
        ("not json", "no JSON"),
        ("[1, 2]", "no JSON"),
        (f"{json.dumps(HIT)}\n{{oops\n", "no JSON"),
        (json.dumps({"a": 1}), "no log source takes them"),
        (json.dumps(started(CommandLine="x" * 300_000)), "too large"),
        (json.dumps([{"EventData": {"n": n}} for n in range(501)]), "at most 500"),
    ],
)
def test_what_cannot_be_pinned_is_told_in_a_sentence(
    shipped: EventModel, owner_client: Client, pasted: str, sentence: str
) -> None:
    assert sentence in ask(owner_client, "pins/add", json=pasted)


def test_an_event_that_is_pinned_already_has_one_dot(pinned: list[str], owner_client: Client) -> None:
    page = ask(owner_client, "pins/add", json=json.dumps([HIT, started("new")]))
    assert len(verdicts(page)) == 3


def test_the_five_hundred_and_first_event_is_refused_with_all_that_came_with_it(
    shipped: EventModel, owner: User
) -> None:
    from rules_app.services.pins import PinError, PinSource, pin_events, pins_of

    sources = [PinSource({"EventData": {"n": n}}, "", {}) for n in range(500)]
    pin_events(owner, None, sources)
    with pytest.raises(PinError, match="over 500"):
        pin_events(owner, None, [PinSource(HIT, "", {})])
    assert len(pins_of(owner, None)) == 500


def test_what_a_person_pins_and_tests_over_all_rules_is_bounded_and_the_sentence_says_where_it_is(
    shipped: EventModel, owner: User, make_rule: Callable[..., Rule], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rules_app.services import pins
    from rules_app.services.rule_tests import add_tests

    monkeypatch.setattr(pins, "MAX_OF_PERSON", 5)
    sources = [pins.PinSource({"EventData": {"n": n}}, "", {}) for n in range(4)]
    full, other = make_rule("Full"), make_rule("Other")
    pins.pin_events(owner, full, sources[:3])
    pins.pin_events(owner, None, sources[:2])
    pins.pin_events(owner, None, sources[:2])  # the same events again are no more
    most = r"pinned 5 events over all rules, and 4 more .*most are with Full \(3\), no rule yet \(2\)\."
    with pytest.raises(pins.PinError, match=most):
        pins.pin_events(owner, other, sources)
    add_tests(owner, full, sources, must_hit=True)
    with pytest.raises(pins.PinError, match=r"made tests of 4 events over all rules"):
        add_tests(owner, other, sources, must_hit=True)
    assert pins.pins_of(owner, other) == []


def test_an_event_is_kept_as_a_scan_sees_it_whatever_it_holds(shipped: EventModel, owner: User) -> None:
    from rules_app.models import PinnedEvent
    from rules_app.services.pins import PinSource, pin_events

    odd = {"EventData": {"nul": "a\0b", "half": "\ud800", "large": 2**70, "deep": [{"x": None}]}}
    (pin,) = pin_events(owner, None, [PinSource(odd, "", {})])
    assert PinnedEvent.objects.get(pk=pin.pk).event == odd


def test_what_was_pinned_without_a_rule_goes_to_the_rule_that_is_saved_first(
    pinned: list[str], owner: User, owner_client: Client, make_rule: Callable[..., Rule]
) -> None:
    from rules_app.services.pins import adopt

    ask(owner_client, "pins/expect", pin=pinned[1], expected="miss")
    rule = make_rule()
    adopt(owner, rule)
    page = ask(owner_client, "dots", rule=rule.pk)
    assert verdicts(page) == ["hit", "not hit, as expected"]
    assert verdicts(ask(owner_client, "dots")) == []


def test_what_comes_to_a_rule_that_has_events_stands_behind_them(
    shipped: EventModel, owner: User, owner_client: Client, make_rule: Callable[..., Rule]
) -> None:
    rule = make_rule()
    ask(owner_client, "pins/add", json=json.dumps(MISS))
    ask(owner_client, "pins/add", json=json.dumps(HIT), rule=rule.pk)
    page = ask(owner_client, "pins/adopt", rule=rule.pk)
    assert verdicts(page) == ["hit", "not hit"]


def test_a_test_of_another_person_stays_at_its_place_for_who_expects_nothing_of_it(
    shipped: EventModel, owner_client: Client, teammate_client: Client, make_rule: Callable[..., Rule]
) -> None:
    rule = make_rule()
    for event, expected in ((MISS, "miss"), (HIT, "hit")):
        page = ask(owner_client, "pins/add", json=json.dumps(event), rule=rule.pk)
        pin = re.findall(r'name="pin" value="([^"]+)"', page)[-1]
        ask(owner_client, "pins/expect", pin=pin, expected=expected, rule=rule.pk)
    ask(teammate_client, "pins/add", json=json.dumps(MISS), rule=rule.pk)
    page = ask(teammate_client, "dots", rule=rule.pk)
    assert verdicts(page) == ["not hit, as expected", "hit, as expected"]
    first = re.findall(r'name="pin" value="([^"]+)"', page)[0]
    page = ask(teammate_client, "pins/expect", pin=first, expected="", rule=rule.pk)
    assert verdicts(page) == ["not hit", "hit, as expected"]


def test_an_expectation_that_does_not_hold_is_counted_and_marked(
    pinned: list[str], owner_client: Client
) -> None:
    page = ask(owner_client, "pins/expect", pin=pinned[0], expected="miss")
    assert verdicts(page) == ["hit, must not hit", "not hit"]
    assert "1 of 1 test fails" in page


def test_an_event_of_which_nothing_is_expected_any_more_stays_at_its_place(
    pinned: list[str], owner_client: Client
) -> None:
    ask(owner_client, "pins/expect", pin=pinned[0], expected="hit")
    assert "is a test" in ask(owner_client, "pins/remove", pin=pinned[0])
    page = ask(owner_client, "pins/expect", pin=pinned[0], expected="")
    assert verdicts(page) == ["hit", "not hit"]
    assert verdicts(ask(owner_client, "pins/remove", pin=pinned[0])) == ["not hit"]


def test_evidence_text_is_escaped(shipped: EventModel, owner_client: Client) -> None:
    page = ask(owner_client, "pins/add", json=json.dumps(started("<script>alert(1)</script>")))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_search_that_ran_out_of_time_is_told(shipped: EventModel, owner_client: Client) -> None:
    ask(owner_client, "pins/add", json=json.dumps(started("a" * 40 + "!")))
    text = rule_text().replace("Image|endswith: '\\whoami.exe'", "Image|re: '^(?!b)(a|aa)+$'")
    assert "Ran out of time" in ask(owner_client, "dots", text=text)


def test_the_editor_shows_the_dots_without_waiting(
    pinned: list[str], owner_client: Client, hx: Callable[..., HttpResponse]
) -> None:
    page = owner_client.get("/rules/new/").content.decode()
    assert len(verdicts(page)) == 2
