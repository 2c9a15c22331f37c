"""The events of the evidence: pages by place, filters, how far a request looked, one event."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from scans_app.models import Case, Evidence
from scans_app.services import raw_events
from tests.evtx_writer import build_evtx
from tests.scans.conftest import log_bytes, process_event
from tests.scans_pages.conftest import HOSTILE

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(add_evidence: Callable[..., Evidence]) -> Evidence:
    """120 process starts in 24 chunks."""
    return add_evidence(log_bytes(120), "WS.evtx")


def page(client: Client, evidence: Evidence, query: str = "") -> str:
    response = client.get(f"/cases/{evidence.case_id}/evidence/{evidence.pk}/events/{query}")
    assert response.status_code == 200
    return response.content.decode()


def places(body: str) -> list[tuple[int, int]]:
    """(chunk, position) of each row."""
    return [(int(chunk), int(at)) for chunk, at in re.findall(r'id="event-\d+:(\d+):(\d+)"', body)]


def link(body: str, identity: str) -> str:
    found = re.search(rf'id="{identity}"[^>]*href="([^"]*)"', body)
    return html.unescape(found[1]) if found else ""


def test_pages_follow_one_another_in_the_order_of_the_evidence_and_back(
    log: Evidence, owner_client: Client
) -> None:
    first = page(owner_client, log)
    second = page(owner_client, log, link(first, "page-after"))
    third = page(owner_client, log, link(second, "page-after"))
    seen = places(first) + places(second) + places(third)
    assert seen == [(chunk, at) for chunk in range(24) for at in range(5)]
    assert link(third, "page-after") == "" == link(first, "page-before")
    assert places(page(owner_client, log, link(third, "page-before"))) == places(second)
    assert places(page(owner_client, log, link(second, "page-before"))) == places(first)


def test_events_before_and_behind_one_are_shown_with_it_marked(log: Evidence, owner_client: Client) -> None:
    body = page(owner_client, log, "?around=10:2")
    shown = places(body)
    assert shown[raw_events.AROUND] == (10, 2)
    assert len(shown) == 2 * raw_events.AROUND + 1
    assert re.findall(r'id="event-\d+:(\d+:\d+)"[^>]*aria-current="true"', body) == ["10:2"]
    later = page(owner_client, log, link(body, "page-after"))
    assert places(later)[0] == (14, 3)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("q=NUMBER 3", [3, *range(30, 40)]),
        ("q=user1&q=tool.exe --number 1", [1, 11, 16]),
        ("computer=ws-0.example.org&event.EventData.User=EXAMPLE\\USER2", [12, 27]),
        ("has.EventData.CommandLine=number 2&not.computer=WS-0.example.org", [2, 20, 22, 23, 25, 26, 28, 29]),
        ("event.EventData.Missing=(absent)&event.EventData.CommandLine=tool.exe --number 7", [7]),
        ("from=2023-11-14T22:13:25&to=2023-11-14T22:13:27&event_id=1", [5, 6]),
        ("event_id=4688", []),
        ("not.event_id=4688&q=number 39", [39]),
        ("not.q=example", []),
    ],
)
def test_filters_let_through_what_they_say(
    add_evidence: Callable[..., Evidence], owner_client: Client, query: str, numbers: list[int]
) -> None:
    evidence = add_evidence(log_bytes(40))
    body = page(owner_client, evidence, "?" + query.replace(" ", "%20").replace("\\", "%5C"))
    assert [chunk * 5 + at for chunk, at in places(body)] == numbers


def test_a_text_is_found_whatever_characters_it_has(
    add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    texts = ['a "quoted" path C:\\Temp\\x', "Überseehafen ﬁle", "tab\there", HOSTILE]
    evidence = add_evidence(build_evtx([process_event(n, CommandLine=text) for n, text in enumerate(texts)]))
    for number, text in enumerate(texts):
        url = f"/cases/{evidence.case_id}/evidence/{evidence.pk}/events/"
        body = owner_client.get(url, {"q": text.upper().replace("ﬁ".upper(), "ﬁ")}).content.decode()
        assert places(body) == [(0, number)], text
        assert HOSTILE not in body


def test_chunks_that_the_catalogue_rules_out_are_not_read(
    add_evidence: Callable[..., Evidence], owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = process_event(200)
    other["System"]["EventID"] = {"Value": 3}
    evidence = add_evidence(build_evtx([*(process_event(n) for n in range(20)), other], per_chunk=5))
    read: list[int] = []
    from sigma_engine import EvidenceFile, open_evidence

    kind = type(open_evidence(evidence.path))
    real = kind.read_chunk

    def noting(file: EvidenceFile, number: int) -> Any:
        read.append(number)
        return real(file, number)

    monkeypatch.setattr(kind, "read_chunk", noting)
    assert places(page(owner_client, evidence, "?event_id=3")) == [(4, 0)]
    assert read == [4]
    read.clear()
    assert places(page(owner_client, evidence, "?to=2023-11-14T22:13:22")) == [(0, 0), (0, 1)]
    assert read == [0]


def test_a_request_that_runs_out_of_time_says_how_far_it_looked_and_the_next_goes_on(
    log: Evidence, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_events, "SECONDS", 0.0)  # each request looks at one chunk
    body, requests = page(owner_client, log, "?q=number%20119"), 1
    assert "Looked at 5 of 120 events" in body
    while not places(body):
        body, requests = page(owner_client, log, link(body, "page-after")), requests + 1
    assert (places(body), requests) == ([(23, 4)], 24)
    back = page(owner_client, log, "?q=number%200&before=" + f"{log.pk}:5:0")
    requests = 1
    while not places(back):
        back, requests = page(owner_client, log, link(back, "page-before")), requests + 1
    assert (places(back), requests) == ([(0, 0)], 5)


def test_all_evidence_of_a_case_is_one_row_of_events(
    case: Case, add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    second, first = (
        add_evidence(log_bytes(3), "b.evtx"),
        add_evidence(log_bytes(4, program="x.exe"), "a.evtx"),
    )
    url = f"/cases/{case.pk}/events/"
    body = owner_client.get(url).content.decode()
    assert re.findall(r'id="event-(\d+):', body) == [str(first.pk)] * 4 + [str(second.pk)] * 3
    body = owner_client.get(url, {"before": f"{second.pk}:0:1"}).content.decode()
    assert re.findall(r'id="event-(\d+):', body) == [str(first.pk)] * 4 + [str(second.pk)]
    answer = owner_client.get(url, {"evidence": str(first.pk), "q": "x"})
    assert answer.url == f"/cases/{case.pk}/evidence/{first.pk}/events/?q=x"


def test_what_cannot_be_used_of_the_address_is_said(log: Evidence, owner_client: Client) -> None:
    body = html.unescape(page(owner_client, log, "?event_id=abc&from=yesterday&after=x&around=999:1"))
    assert "event id = abc was left out" in body
    assert "from = yesterday was left out" in body
    assert "no event at the place" in body
    assert len(places(body)) == raw_events.PAGE_SIZE


def test_a_filter_that_was_typed_becomes_part_of_the_address(log: Evidence, owner_client: Client) -> None:
    url = f"/cases/{log.case_id}/evidence/{log.pk}/events/"
    has = owner_client.get(url, {"add": "Image", "value": "tool", "how": "has", "q": "x"})
    assert has.url == f"{url}?q=x&has.EventData.Image=tool"
    lacks = owner_client.get(url, {"add": "Event id", "value": "1", "how": "lacks"})
    assert lacks.url == f"{url}?not.event_id=1"


def test_an_event_shows_its_values_with_types_and_every_kind_of_nothing(
    add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    event = process_event(1, Flag=True, Empty="", Null=None, Number=7, Dash="-", Hostile=HOSTILE)
    line = json.dumps(event)
    evidence = add_evidence(line.encode() + b"\n", "one.jsonl")
    answer = owner_client.get(f"/cases/{evidence.case_id}/evidence/{evidence.pk}/events/0/0/")
    body = answer.content.decode()
    assert HOSTILE not in body
    assert html.escape(HOSTILE) in body
    shown = re.findall(r"<dt>(\w+)</dt><dd>(.*?)<span class=\"type\">(.*?)</span>", body, re.DOTALL)
    kinds = {name: kind for name, _, kind in shown}
    assert [kinds[name] for name in ("Flag", "Empty", "Null", "Number", "Dash")] == [
        "true or false",
        "text, empty",
        "null",
        "number",
        "a dash as written",
    ]
    copied = re.search(r'id="event-json"[^>]*>(.*?)</pre>', body, re.DOTALL)
    assert copied
    assert json.loads(html.unescape(copied[1]))["EventData"]["Hostile"] == HOSTILE


def test_a_place_without_an_event_is_not_found(log: Evidence, owner_client: Client) -> None:
    for place in ("99/0", "0/99"):
        assert owner_client.get(f"/cases/{log.case_id}/evidence/{log.pk}/events/{place}/").status_code == 404


def test_files_that_are_being_catalogued_have_no_events_yet(
    add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    evidence = add_evidence(log_bytes(3), catalogued=False)
    assert "can be read when the evidence is catalogued" in page(owner_client, evidence)


def test_a_channel_of_a_file_leads_to_its_events(log: Evidence, owner_client: Client) -> None:
    body = owner_client.get(f"/cases/{log.case_id}/evidence/{log.pk}/").content.decode()
    address = re.search(r'href="(/cases/\d+/evidence/\d+/events/\?channel=[^"]*)"', body)
    assert address
    assert len(places(owner_client.get(html.unescape(address[1])).content.decode())) == 50
