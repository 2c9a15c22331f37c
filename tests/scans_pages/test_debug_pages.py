"""The pages of a debug scan: where rules stopped, one rule, fields never found, exports, and the cost beforehand."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from scans_app.models import ScanFunnel
from tests.scans.conftest import RULE, do_all_work
from tests.scans_pages.conftest import HOSTILE

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpResponse
    from django.test import Client

    from rules_app.models import EventModelVersion, RuleSet
    from scans_app.models import Case, Evidence, Scan

pytestmark = pytest.mark.django_db


@pytest.fixture
def debug_scan(start: Callable[..., Scan], evidence: Evidence, rule_set: RuleSet, owner: User) -> Scan:
    """A finished debug scan: one rule hits, one has no value, one asks for a misspelt field."""
    from rules_app.services import FoundFile, import_rules

    text = RULE.format(title="=Typo", uid="7f3d5a0e-0000-4000-8000-000000000031", level="low", program="a")
    text = text.replace("title: =Typo", "title: '=Typo'").replace("Image|endswith", "Imgae|endswith")
    import_rules([FoundFile("typo.yml", text.encode())], rule_set, owner)
    scan = start([evidence], debug=True)
    do_all_work()
    return scan


def page(client: Client, scan: Scan, rest: str = "") -> str:
    answer = client.get(f"/cases/{scan.case_id}/scans/{scan.pk}/debug/{rest}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_table_says_where_each_rule_stopped(debug_scan: Scan, owner_client: Client) -> None:
    table = page(owner_client, debug_scan)
    for word in (
        "Tool started",
        "Hit <b>1</b>",
        "No value matched <b>1</b>",
        "A field was never there <b>1</b>",
    ):
        assert word in table


def test_a_stage_and_words_of_the_title_narrow_the_table(debug_scan: Scan, owner_client: Client) -> None:
    table = page(owner_client, debug_scan, "?stop=field")
    assert "=Typo" in table and "Tool started" not in table
    assert "Tool started" in page(owner_client, debug_scan, "?q=tool")
    assert "No rule of this scan fits" in page(owner_client, debug_scan, "?q=nothing")


def test_the_table_sorts_by_any_column_both_ways(debug_scan: Scan, owner_client: Client) -> None:
    most, fewest = (
        page(owner_client, debug_scan, f"?sort=condition&turned={turned}") for turned in ("0", "1")
    )
    assert most.index("Tool started") < most.index("Other started")
    assert fewest.index("Tool started") > fewest.index("Other started")


def test_the_page_of_a_rule_names_its_cause_with_the_line_and_the_funnel(
    debug_scan: Scan, owner_client: Client
) -> None:
    row = ScanFunnel.objects.of_scan(debug_scan).get(title="=Typo")
    shown = page(owner_client, debug_scan, f"{row.rule_id}/")
    assert 'data-cause="field_typo"' in shown
    assert "Did you mean <code>Image</code>?" in shown
    assert "Imgae|endswith" in shown and 'aria-label="Funnel"' in shown


def test_fields_never_found_stand_beside_the_names_that_events_have(
    debug_scan: Scan, owner_client: Client
) -> None:
    shown = page(owner_client, debug_scan, "fields/")
    assert "<code>Imgae</code>" in shown and "<code>Image</code>" in shown and "no mapping" in shown


def test_the_log_sources_list_their_fields_with_counts(debug_scan: Scan, owner_client: Client) -> None:
    shown = page(owner_client, debug_scan, "sources/")
    assert "process_creation/windows/*" in shown and "<code>CommandLine</code>" in shown


def test_the_table_is_exported_as_csv_without_formulas(debug_scan: Scan, owner_client: Client) -> None:
    rows = list(csv.DictReader(io.StringIO(page(owner_client, debug_scan, "csv/?stop=field"))))
    assert [(row["title"], row["stopped_at"], row["of_source"]) for row in rows] == [
        ("'=Typo", "field", "12")
    ]


def test_the_funnels_are_exported_as_json(debug_scan: Scan, owner_client: Client) -> None:
    document = json.loads(page(owner_client, debug_scan, "json/"))
    rules = {rule["title"]: rule for rule in document["rules"]}
    assert document["events"] == 12 and rules["Tool started"]["selections"] == {"selection": 12}
    assert rules["=Typo"]["cause"] == "field_typo"


def test_a_plain_scan_says_that_it_kept_no_funnel(
    start: Callable[..., Scan], evidence: Evidence, owner_client: Client
) -> None:
    scan = start([evidence])
    do_all_work()
    assert "it was started without debug" in page(owner_client, scan)


def test_names_of_hostile_evidence_are_shown_as_text(
    start: Callable[..., Scan], add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    from tests.evtx_writer import build_evtx
    from tests.scans.conftest import process_event

    event: dict[str, Any] = process_event(1)
    event["EventData"][HOSTILE] = "x"
    scan = start([add_evidence(build_evtx([event]), "hostile.evtx")], debug=True)
    do_all_work()
    shown = page(owner_client, scan, "sources/")
    assert "<script>alert(" not in shown and "&lt;script&gt;" in shown


def test_the_form_says_what_debug_costs_before_the_scan_starts(
    case: Case,
    evidence: Evidence,
    rule_set: RuleSet,
    owner_client: Client,
    model_version: EventModelVersion,
    hx: Callable[..., HttpResponse],
) -> None:
    form = {"files": "all", "model": model_version.model_id, "key": "0b0f2c1e-0000-4000-8000-000000000001"}
    shown = hx(
        owner_client, "get", f"/cases/{case.pk}/scans/new/preflight/", form, target="preflight"
    ).content
    assert b"12 events is read and counted for 2 rules" in shown


def test_the_tick_starts_a_debug_scan(
    case: Case, evidence: Evidence, rule_set: RuleSet, owner_client: Client, model_version: EventModelVersion
) -> None:
    form = {"files": "all", "model": model_version.model_id, "debug": "on"}
    form["key"] = "0b0f2c1e-0000-4000-8000-000000000002"
    owner_client.post(f"/cases/{case.pk}/scans/new/", form)
    assert case.scans.get().debug
