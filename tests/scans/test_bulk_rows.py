"""Rows that are written in bulk: as the model would write them, whatever evidence holds."""

from __future__ import annotations

import json

import pytest

from scans_app.models import Event
from scans_app.models.hits import event_pk
from scans_app.services.bulk_rows import insert_rows, update_rows
from scans_app.services.event_rows import clean_event, event_json

HOSTILE = [
    {"text": "NUL \0 in it", "NUL\0key": 1},
    {"number": 2**64, "other": 2**63, "least": -(2**63)},
    {"half": "\ud800 pair"},
    {"digits": "1234567890123456789012", "escaped": "\\u0000"},
    {"deep": [{"a": [None, True, 1.5, "é", "\U0001f980"]}]},
]


@pytest.mark.parametrize("event", HOSTILE)
def test_the_json_of_an_event_is_that_of_the_cleaned_event(event):
    assert json.loads(event_json(event)) == clean_event(event)


def row(number: int, **more: object) -> dict[str, object]:
    given = {"chunk": 0, "position": number, "data": json.dumps({"number": number})}
    return {"id": event_pk(1, 0, number), "evidence_id": 1, **given, **more}


@pytest.mark.django_db
def test_more_rows_than_a_statement_takes_are_all_written_with_the_model_s_defaults():
    insert_rows(Event, (row(number) for number in range(1_203)))
    assert Event.objects.count() == 1_203
    one = Event.objects.get(position=1_202)
    assert (one.data, one.event_code, one.user, one.record_id) == ({"number": 1_202}, -1, "", None)


@pytest.mark.django_db
def test_a_row_that_is_there_stays_as_it_is():
    insert_rows(Event, [row(1)])
    insert_rows(Event, [row(1, data="{}"), row(2)], ignore_conflicts=True)
    assert [event.data for event in Event.objects.order_by("pk")] == [{"number": 1}, {"number": 2}]


@pytest.mark.django_db
def test_percent_signs_are_text():
    insert_rows(Event, [row(1, computer="%s %% %(a)s")])
    assert Event.objects.get().computer == "%s %% %(a)s"


@pytest.mark.django_db
def test_only_the_named_columns_of_the_named_rows_are_changed():
    insert_rows(Event, [row(number, computer="before", user="same") for number in range(3)])
    changed = [
        {"pk": event_pk(1, 0, number), "computer": f"%s {number}", "data": '{"new": 1}'} for number in (0, 2)
    ]
    update_rows(Event, changed)
    update_rows(Event, [])
    found = list(Event.objects.order_by("pk").values_list("computer", "user", "data"))
    assert found == [
        ("%s 0", "same", {"new": 1}),
        ("before", "same", {"number": 1}),
        ("%s 2", "same", {"new": 1}),
    ]
