"""A text or a saved rule explained on a pinned event: what it says, and whose events it may be asked about."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.rules.conftest import BROKEN, rule_text

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from rules_app.models import PinnedEvent, Rule

pytestmark = pytest.mark.django_db
EVENT = {
    "System": {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Provider": {"Name": "Microsoft-Windows-Sysmon"},
        "EventID": {"Value": 1},
    },
    "EventData": {"Image": "C:\\Windows\\whoami.exe "},
}


@pytest.fixture
def rule(owner: User) -> Rule:
    """A published rule of a set, under the shipped model."""
    from rules_app.services import create_rule, get_or_create_set, publish, sync_shipped_models

    sync_shipped_models()
    made = create_rule(get_or_create_set("Ours", owner), rule_text(), owner, "")
    publish(made.draft, owner)
    made.refresh_from_db()
    return made


@pytest.fixture
def pin(rule: Rule, owner: User) -> PinnedEvent:
    """An event that the owner pinned: its image ends with a space."""
    from rules_app.services.pins import PinSource, pin_events

    return pin_events(owner, rule, [PinSource(EVENT, "", {"pasted": True})])[0]


def explained(client: Client, pin: Any, text: str) -> str:
    """The answer of the editor's third pane."""
    form = {"text": text, "rule_set": "Ours", "pin": getattr(pin, "pk", pin)}
    response = client.post("/cases/explain/", form)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_a_text_is_explained_on_the_chosen_pin_with_its_hint_and_marks(
    pin: PinnedEvent, owner_client: Client
) -> None:
    answer = explained(owner_client, pin, rule_text())
    assert "The text does not match this event" in answer
    assert "The event's value has trailing space." in answer
    marks = json.loads(re.search(r'data-marks="(\{.*?\})"', answer)[1])
    assert (marks["10"], marks["14"], marks["15"]) == ("yes", "no", "no")
    assert re.search(r'data-for="[0-9a-f]{64}"', answer)


def test_without_a_pin_the_pane_says_what_it_is_for(rule: Rule, owner_client: Client) -> None:
    assert "Choose a pinned event" in explained(owner_client, "", rule_text())


def test_a_text_that_is_broken_says_where(pin: PinnedEvent, owner_client: Client) -> None:
    assert re.search(r"Line \d+: .*nothing", explained(owner_client, pin, BROKEN))


def test_somebody_elses_pin_is_not_explained(
    pin: PinnedEvent, rule: Rule, teammate: User, client_of: Callable[..., Client]
) -> None:
    client = client_of(teammate)
    assert "whoami.exe " not in explained(client, pin, rule_text())
    assert client.get(f"/rules/{rule.pk}/explain/?pin={pin.pk}").status_code == 404


def test_a_saved_rule_is_explained_on_its_pins(pin: PinnedEvent, rule: Rule, owner_client: Client) -> None:
    page = owner_client.get(f"/rules/{rule.pk}/explain/").content.decode()
    assert f'href="?pin={pin.pk}"' in page
    page = html.unescape(owner_client.get(f"/rules/{rule.pk}/explain/?pin={pin.pk}").content.decode())
    assert "does not match this event" in page
    assert 'data-path="EventData.Image"' in page
    assert "The event's value has trailing space." in page


def test_an_event_of_another_rule_is_not_asked(
    pin: PinnedEvent, rule: Rule, owner_client: Client, owner: User
) -> None:
    from rules_app.services import create_rule

    other = create_rule(rule.rule_set, rule_text("Another", id="x"), owner, "")
    assert owner_client.get(f"/rules/{other.pk}/explain/?pin={pin.pk}").status_code == 404
