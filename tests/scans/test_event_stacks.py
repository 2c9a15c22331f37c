"""Stacks by a field of the event: what is streamed is what the database groups, whatever values there are."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from scans_app.models import Event, Hit
from scans_app.services import event_stacks, stacks
from scans_app.services.stacks import stack
from tests.evtx_writer import build_evtx
from tests.scans.conftest import do_all_work, process_event

pytestmark = pytest.mark.django_db
VALUES = ["a", "b", "", None, 5, "5", 5.5, True, "true", [1, "x"], {"k": "é"}, "é", "a", 1, "\U0001f980", "'"]
FIELD = "event.EventData.Value"


@pytest.fixture
def hits(add_evidence, start):
    """Hits whose events hold every kind of value, and two that have none."""
    scan = start([add_evidence(build_evtx([process_event(n) for n in range(len(VALUES) + 2)], per_chunk=5))])
    do_all_work()
    events = list(Event.objects.order_by("pk"))
    for event, value in zip(events, VALUES, strict=False):
        event.data["EventData"]["Value"] = value
        event.save()
    # The same text, written in the other way that JSON has.
    with connection.cursor() as cursor:
        text = json.dumps(events[11].data, ensure_ascii=True)
        cursor.execute("UPDATE scans_app_event SET data = %s WHERE id = %s", [text, events[11].pk])
    Hit.objects.filter(event__in=events[:4]).update(verdict="benign")
    return Hit.objects.of_scan(scan)


@pytest.mark.parametrize("order", ["common", "rare"])
@pytest.mark.parametrize("limit", [3, 50])
def test_the_streamed_stack_is_the_grouped_one(hits, monkeypatch, order, limit):
    streamed = stack(hits, FIELD, order=order, limit=limit)
    monkeypatch.setattr(stacks, "can_stream", lambda: False)
    assert streamed == stack(hits, FIELD, order=order, limit=limit)
    assert sum(row.count for row in stack(hits, FIELD)) == len(VALUES) + 2


def test_a_field_of_too_many_values_is_left_to_the_database(hits, monkeypatch):
    expected = stack(hits, FIELD)
    monkeypatch.setattr(event_stacks, "MOST_GROUPS", 3)
    assert stack(hits, FIELD) == expected


def test_a_path_with_quotes_and_percent_signs_is_a_path(hits):
    (row,) = stack(hits, 'event.EventData.no"such %s field')
    assert (row.nothing, row.count) == ("absent", len(VALUES) + 2)
