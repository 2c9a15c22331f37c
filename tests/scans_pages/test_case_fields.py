"""What the rule editor asks of cases: which there are, and how often their events have a field."""

from __future__ import annotations

from django.test import Client

from rules_app.services import sync_shipped_models
from scans_app.models import Case, Evidence

PROCESS = {"category": "process_creation", "product": "windows"}


def test_fields_are_counted_over_the_events_of_the_log_source(
    owner_client: Client, case: Case, evidence: Evidence
) -> None:
    sync_shipped_models()
    counted = owner_client.get(f"/cases/{case.pk}/fields/", PROCESS).json()
    assert counted["events"] == 12
    assert counted["fields"]["Image"] == 12
    assert "QueryName" not in counted["fields"]
    none = owner_client.get(
        f"/cases/{case.pk}/fields/", {"category": "dns_query", "product": "windows"}
    ).json()
    assert none["events"] == 0


def test_only_ones_own_cases_can_be_chosen(owner_client: Client, stranger_client: Client, case: Case) -> None:
    mine = owner_client.get("/cases/choice/", {"case": case.pk}).content.decode()
    assert f'<option value="{case.pk}" data-fields="/cases/{case.pk}/fields/" selected>' in mine
    theirs = stranger_client.get("/cases/choice/", {"case": case.pk}).content.decode()
    assert case.name not in theirs


def test_a_key_of_thousands_of_digits_chooses_nothing(
    owner_client: Client, case: Case, evidence: Evidence
) -> None:
    assert owner_client.get("/cases/choice/", {"case": "9" * 5_000}).status_code == 200
    assert owner_client.get(f"/cases/{case.pk}/events/", {"evidence": "9" * 5_000}).status_code in (302, 404)
