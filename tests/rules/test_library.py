"""The library: what filters find, how many each would leave, and the pages in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from rules_app import library, services
from rules_app.models import Rule
from tests.rules.conftest import BROKEN

MakeRule = Callable[..., Rule]


def titles(response: Any) -> list[str]:
    return [rule.title for rule in response.context["page"].rules]


def counts(response: Any, facet: str) -> dict[str, int]:
    (found,) = (one for one in response.context["page"].facets if one.name == facet)
    return {value.value: value.count for value in [*found.values, *found.more]}


def test_an_empty_library_says_what_to_do_next(owner_client: Client) -> None:
    page = owner_client.get("/rules/")
    assert b"There are no rules yet" in page.content
    assert b'href="/rules/import/"' in page.content


def test_the_highest_level_comes_first(owner_client: Client, make_rule: MakeRule) -> None:
    for title, level in (("B", "low"), ("C", "critical"), ("A", "low")):
        make_rule(title, level=level)
    assert titles(owner_client.get("/rules/")) == ["C", "A", "B"]


def test_rules_are_sorted_by_title_without_case(owner_client: Client, make_rule: MakeRule) -> None:
    for title in ("beta", "Alpha", "Gamma"):
        make_rule(title)
    assert titles(owner_client.get("/rules/?sort=title")) == ["Alpha", "beta", "Gamma"]


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("?level=low", ["Linux"]),
        ("?level=low&level=high", ["Windows", "Linux"]),
        ("?product=linux", ["Linux"]),
        ("?category=process_creation", ["Windows", "Linux"]),
        ("?tag=attack.t1033", ["Windows", "Linux"]),
        ("?status=stable", []),
        ("?state=broken", ["Left open"]),
        ("?state=not_served", ["Linux"]),
        ("?state=runs", ["Windows"]),
        ("?q=linux", ["Linux"]),
        ("?q=LEFT+open", ["Left open"]),
        ("?q=whoami+t1033", ["Windows", "Linux"]),
        ("?q=8f0c5f40", ["Windows"]),
        ("?q=nothing+has+this", []),
        ("?level=nonsense", []),
        ("?after=not-a-number", ["Windows", "Linux", "Left open"]),
    ],
)
def test_a_filter_in_the_address_finds(
    owner_client: Client, make_rule: MakeRule, address: str, found: list[str]
) -> None:
    make_rule("Windows")
    make_rule("Linux", product="linux", level="low", id="")
    make_rule(text=BROKEN)
    assert titles(owner_client.get(f"/rules/{address}")) == found


def test_a_rule_taken_out_of_scans_is_found_by_its_state(owner_client: Client, make_rule: MakeRule) -> None:
    services.set_enabled(make_rule("Off"), enabled=False)
    make_rule("On")
    assert titles(owner_client.get("/rules/?state=disabled")) == ["Off"]


def test_a_set_is_a_filter_with_its_name(owner_client: Client, make_rule: MakeRule) -> None:
    ours = make_rule("Ours").rule_set
    services.create_rule(services.get_or_create_set("Others", None), "title: x", None)
    page = owner_client.get(f"/rules/?set={ours.pk}")
    assert titles(page) == ["Ours"]
    assert b"Remove the filter Set House rules" in page.content


def test_each_facet_counts_under_the_other_filters_only(owner_client: Client, make_rule: MakeRule) -> None:
    make_rule("A", level="high")
    make_rule("B", level="low")
    make_rule("C", level="low", product="linux")
    page = owner_client.get("/rules/?level=low&product=windows")
    assert titles(page) == ["B"]
    assert counts(page, "level") | {} == {"critical": 0, "high": 1, "medium": 0, "low": 1, "informational": 0}
    assert counts(page, "product") == {"windows": 1, "linux": 1}


def test_what_is_chosen_stays_offered_even_when_it_finds_nothing(
    owner_client: Client, make_rule: MakeRule
) -> None:
    make_rule()
    page = owner_client.get("/rules/?tag=attack.t9999")
    assert counts(page, "tag")["attack.t9999"] == 0
    assert b"No rule fits all of these filters" in page.content


def test_pages_follow_each_other_and_lead_back(
    owner_client: Client, make_rule: MakeRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "PAGE_ROWS", 2)
    for title in "ABCDE":
        make_rule(title)
    seen, addresses, address = [], [], "?sort=title"
    while address:
        page = owner_client.get(f"/rules/{address}")
        seen.append(titles(page))
        addresses.append(page.context["page"])
        following = page.context["page"].following
        address = following.address() if following else ""
    assert seen == [["A", "B"], ["C", "D"], ["E"]]
    assert (addresses[1].first, addresses[1].last, addresses[1].total) == (3, 4, 5)
    back = owner_client.get(f"/rules/{addresses[2].preceding.address()}")
    assert titles(back) == ["C", "D"]


def test_the_next_page_begins_at_its_place_though_its_neighbour_left_the_filter(
    owner_client: Client, make_rule: MakeRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "PAGE_ROWS", 2)
    rules = {title: make_rule(title) for title in "ABCD"}
    following = owner_client.get("/rules/?sort=title&state=runs").context["page"].following.address()
    services.set_enabled(rules["B"], enabled=False)
    assert titles(owner_client.get(f"/rules/{following}")) == ["C", "D"]


def test_htmx_gets_the_library_without_the_page_around_it(
    owner_client: Client, make_rule: MakeRule, hx: Callable[..., Any]
) -> None:
    make_rule("Alone")
    part = hx(owner_client, "get", "/rules/?q=alone&level=&sort=level", target="library")
    assert b"Alone" in part.content
    assert b"<html" not in part.content
    assert part.headers["HX-Push-Url"] == "/rules/?q=alone"


def test_what_rules_say_is_escaped(owner_client: Client, make_rule: MakeRule) -> None:
    make_rule('"<script>alert(1)</script>"')
    page = owner_client.get("/rules/?q=<script>&tag=<b>&category=%22onmouseover%3D")
    assert b"<script>alert" not in page.content
    assert b"<b>" not in page.content.replace(b"<b>Text", b"").split(b"<table")[0].split(b'class="chips"')[0]
    assert b"&lt;script&gt;" in page.content
