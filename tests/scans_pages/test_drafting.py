"""Drafting a rule from events or hits: fields, text, how common values are, and the way to the editor."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from rules_app.models import PinnedEvent
from scans_app.draft_page import MOST_EVENTS
from scans_app.models import Case, Evidence, Hit
from sigma_engine import parse_rules
from tests.evtx_writer import build_evtx
from tests.scans.conftest import log_bytes, process_event
from tests.scans_pages.conftest import HOSTILE

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_model(model_version: Any) -> None:
    """The draft names fields by the default model."""


def draft_of(client: Client, evidence: Evidence, places: list[str], **sent: Any) -> str:
    url = f"/cases/{evidence.case_id}/draft/"
    events = [f"{evidence.pk}:{place}" for place in places]
    answer = client.post(url, {"event": events, **sent}) if sent else client.get(url, {"event": events})
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(body: str) -> str:
    found = re.search(r'<textarea[^>]*id="draft-text"[^>]*>(.*?)</textarea>', body, re.DOTALL)
    assert found
    return html.unescape(found[1]).lstrip("\n")


def number_of(body: str, field: str) -> str:
    found = re.search(rf'<label for="take-(\d+)">{re.escape(field)}</label>', body)
    assert found
    return found[1]


def test_a_draft_is_written_from_what_the_events_agree_on(
    add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    evidence = add_evidence(log_bytes(8))
    body = draft_of(owner_client, evidence, ["0:0", "0:1", "1:0"])
    assert "Draft from 3 events" in body
    text = text_of(body)
    assert "Image|endswith: '\\tool.exe'" in text
    assert "category: process_creation" in text
    assert "CommandLine|startswith: 'tool.exe --number '" in text or "CommandLine" not in text
    assert "same in 3 of 3" in body
    assert "same in 1 of 3" in body


def test_ticks_and_choices_make_the_text(add_evidence: Callable[..., Evidence], owner_client: Client) -> None:
    evidence = add_evidence(log_bytes(8))
    body = draft_of(owner_client, evidence, ["0:0", "1:0"])
    user, image = number_of(body, "User"), number_of(body, "Image")
    sent = {
        "title": "Tool at work",
        "take": [user, image],
        f"how-{image}": "1",
        "logsource": "*/windows/sysmon",
    }
    answer = owner_client.post(
        f"/cases/{evidence.case_id}/draft/",
        {"event": [f"{evidence.pk}:0:0", f"{evidence.pk}:1:0"], **sent},
        headers={"HX-Request": "true", "HX-Target": "draft-text"},
    )
    assert "<html" not in answer.content.decode()
    text = text_of(answer.content.decode())
    assert "title: Tool at work\n" in text
    assert "User: 'EXAMPLE\\user0'" in text
    assert "Image: 'C:\\Program Files\\tool.exe'" in text
    assert "service: sysmon" in text
    assert parse_rules(text)[0].rule is not None


def test_what_a_list_picked_is_led_to_the_address_of_its_draft(
    add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    evidence = add_evidence(log_bytes(8))
    url = f"/cases/{evidence.case_id}/draft/"
    answer = owner_client.post(url, {"event": [f"{evidence.pk}:0:0", f"{evidence.pk}:0:1", "nonsense"]})
    assert answer.url == f"{url}?event={evidence.pk}%3A0%3A0&event={evidence.pk}%3A0%3A1"


def test_hits_are_drafted_from_by_their_events(make_hit: Callable[..., Hit], owner_client: Client) -> None:
    hits = [make_hit(), make_hit()]
    answer = owner_client.post(f"/cases/{hits[0].scan.case_id}/draft/", {"hit": [hit.pk for hit in hits]})
    body = owner_client.get(answer.url).content.decode()
    assert "Draft from 2 events" in body


def test_a_draft_counts_how_common_its_values_are_in_the_case(
    add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    evidence = add_evidence(log_bytes(8))
    other = process_event(1)
    other["System"]["EventID"] = {"Value": 3}
    add_evidence(build_evtx([process_event(n, "other.exe") for n in range(12)] + [other]), "more.evtx")
    body = draft_of(owner_client, evidence, ["0:0"])
    image, command = number_of(body, "Image"), number_of(body, "CommandLine")
    url = f"/cases/{evidence.case_id}/draft/counts/"
    counts = owner_client.post(url, {"event": [f"{evidence.pk}:0:0"], "title": ""}).content.decode()
    assert "the share of 20 events" in counts
    shown = dict(re.findall(r'id="elsewhere-(\d+)"[^>]*>in ([^<]*)<', counts))
    assert (shown[image], shown[command]) == ("40 %", "5 %")


def test_opening_a_draft_pins_its_events_and_hands_the_text_to_the_editor(
    add_evidence: Callable[..., Evidence], owner_client: Client, owner: User
) -> None:
    evidence = add_evidence(log_bytes(8))
    sent = {
        "event": [f"{evidence.pk}:0:0", f"{evidence.pk}:1:0"],
        "draft": "1",
        "title": "",
        "text": "title: Mine\n",
    }
    answer = owner_client.post(f"/cases/{evidence.case_id}/draft/open/", sent)
    assert (answer.status_code, answer["Location"]) == (307, f"/rules/new/?case={evidence.case_id}")
    pins = PinnedEvent.objects.filter(owner=owner, rule=None)
    assert [(pin.origin["chunk"], pin.origin["position"]) for pin in pins] == [(0, 0), (1, 0)]
    editor = owner_client.post(answer["Location"], sent)
    assert "title: Mine" in editor.content.decode()


def test_evidence_is_shown_as_text(add_evidence: Callable[..., Evidence], owner_client: Client) -> None:
    evidence = add_evidence(build_evtx([process_event(1, CommandLine=HOSTILE, **{"<b>Name": HOSTILE})]))
    body = draft_of(owner_client, evidence, ["0:0"])
    assert HOSTILE not in body
    assert "<b>Name" not in body
    assert HOSTILE.replace("'", "''") in text_of(body) or "{{ 7|add:7 }}" in text_of(body)


def test_a_draft_without_events_says_what_to_do(case: Case, owner_client: Client) -> None:
    body = owner_client.get(f"/cases/{case.pk}/draft/", {"event": "1:2", "hit": "x"}).content.decode()
    assert "No events to draft from" in body
    gone = owner_client.get(f"/cases/{case.pk}/draft/", {"event": "99:0:0"}).content.decode()
    assert "no catalogued evidence 99" in gone


def test_events_of_another_case_are_not_read(
    add_evidence: Callable[..., Evidence], stranger: User, client_of: Callable[..., Client]
) -> None:
    from scans_app.services.cases import create_case

    evidence = add_evidence(log_bytes(3))
    other = create_case("Other", "", stranger)
    body = (
        client_of(stranger).get(f"/cases/{other.pk}/draft/", {"event": f"{evidence.pk}:0:0"}).content.decode()
    )
    assert "tool.exe" not in body
    assert "No events to draft from" in body


def test_at_most_so_many_events_are_drafted_from(
    add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    evidence = add_evidence(log_bytes(80))
    body = draft_of(owner_client, evidence, [f"{n // 5}:{n % 5}" for n in range(80)])
    assert f"Draft from {MOST_EVENTS} events" in body


def test_a_way_of_asking_that_no_field_has_is_the_first(
    add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    evidence = add_evidence(log_bytes(8))
    sent = {"title": "T", "take": ["0", "1"], **{f"how-{number}": "00009" for number in range(20)}}
    first = {"title": "T", "take": ["0", "1"]}
    ways = [text_of(draft_of(owner_client, evidence, ["0:0", "1:0"], **one)) for one in (sent, first)]
    assert len({text.partition("detection:")[2] for text in ways}) == 1
