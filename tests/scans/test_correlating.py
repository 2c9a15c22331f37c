"""Correlations in scans of a case: over the matches of all units, whatever died on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings

from rules_app.selection import RuleSelection
from rules_app.services import FoundFile, import_rules
from scans_app.models import Hit, Scan, ScanUnit
from scans_app.services.deletion import delete_case, run_next_deletion
from scans_app.services.members import members_folder
from scans_app.services.preparation import run_next_preparation
from scans_app.services.scans import preflight
from scans_app.services.units import run_next_unit
from scans_app.services.why import explain_hit
from tests.scans.conftest import do_all_work, log_bytes

pytestmark = pytest.mark.django_db

CORRELATION = """title: Many tools
id: 7f3d5a0e-0000-4000-8000-0000000000c1
level: medium
correlation:
  type: event_count
  rules: [7f3d5a0e-0000-4000-8000-000000000001]
  group-by: [Computer]
  timespan: 5m
  condition:
    gte: 3
"""
FILTER = """title: Not on the first computer
logsource:
  category: process_creation
  product: windows
filter:
  rules: any
  selection:
    Computer: WS-0.example.org
  condition: not selection
"""


@pytest.fixture
def add_rule(rule_set, owner):
    """add_rule(text) imports one more rule into the set."""

    def add(text: str, name: str = "more.yml") -> None:
        import_rules([FoundFile(name, text.encode())], rule_set, owner)

    return add


def finished(scan: Scan) -> Scan:
    do_all_work()
    scan.refresh_from_db()
    assert scan.state == Scan.State.FINISHED, scan.log
    return scan


def titles(scan: Scan) -> dict[str, int]:
    """Hits of the scan by title."""
    found = list(Hit.objects.filter(scan=scan).values_list("title", flat=True))
    return {title: found.count(title) for title in found}


def test_a_correlation_hits_once_a_group_and_its_base_rule_is_silent(add_rule, add_evidence, start):
    add_rule(CORRELATION)
    scan = finished(start([add_evidence(log_bytes(9))]))
    assert titles(scan) == {"Many tools": 3}
    assert scan.hits == 3
    hit = Hit.objects.filter(scan=scan).order_by("time").first()
    assert hit.computer == "WS-0.example.org"
    assert [member["record_id"] for member in hit.members] == [1, 4, 7]
    assert hit.event.record_id == 7
    assert "Count: 3" in hit.details


def test_windows_reach_over_units_and_files(add_rule, add_evidence, start):
    add_rule(CORRELATION.replace("group-by: [Computer]", "group-by: [User]").replace("gte: 3", "gte: 4"))
    first, second = add_evidence(log_bytes(10)), add_evidence(log_bytes(10, program="tool.exe", Extra="x"))
    scan = finished(start([first, second]))
    assert titles(scan) == {"Many tools": 5}  # two events of each user in each file
    evidence = {member["evidence"] for member in Hit.objects.filter(scan=scan).first().members}
    assert evidence == {first.pk, second.pk}


def test_a_base_rule_outside_the_choice_serves_and_stays_silent(
    add_rule, add_evidence, start, case, model_version, owner
):
    add_rule(CORRELATION.replace("group-by", "generate: true\n  group-by"))
    log = add_evidence(log_bytes(9))
    selection = RuleSelection(levels=("medium",))
    plan = preflight(case, [log], selection, model_version, owner)
    assert "Tool started" in [version.rule.title for version in plan.needed]
    assert titles(finished(start([log], selection=selection))) == {"Many tools": 3}


def test_a_filter_takes_events_away_whatever_is_chosen(add_rule, add_evidence, start):
    log = add_evidence(log_bytes(9))
    selection = RuleSelection(levels=("high",))
    assert titles(finished(start([log], selection=selection))) == {"Tool started": 9}
    add_rule(FILTER)
    assert titles(finished(start([log], selection=selection))) == {"Tool started": 6}


def test_why_shows_the_filter_that_the_scan_ran_with(add_rule, add_evidence, start):
    add_rule(FILTER)
    scan = finished(start([add_evidence(log_bytes(9))]))
    tree = explain_hit(Hit.objects.filter(scan=scan).first()).tree
    assert tree["verdict"]
    assert "filter_0_selection" in json.dumps(tree)


def test_a_count_in_a_condition_runs_too(add_rule, add_evidence, start, rule_set):
    text = rule_set.rules.get(title="Tool started").current.text
    counting = text.replace("Tool started", "Counting").replace("000001", "000003")
    add_rule(counting.replace("condition: selection", "condition: selection | count() by Image > 5"))
    scan = finished(start([add_evidence(log_bytes(9))]))
    assert titles(scan) == {"Tool started": 9, "Counting": 1}


def test_a_correlation_of_a_rule_that_is_not_there_is_left_out_by_name(add_rule, add_evidence, start):
    add_rule(CORRELATION.replace("0001]", "0099]"))
    scan = finished(start([add_evidence(log_bytes(3))]))
    assert titles(scan) == {"Tool started": 3}
    assert [rule[1] for group in scan.rules_left_out for rule in group["rules"]] == ["Many tools"]


def test_a_unit_that_stops_half_way_loses_and_doubles_no_member(add_rule, add_evidence, start):
    add_rule(CORRELATION)
    scan = start([add_evidence(log_bytes(9, per_chunk=2))])
    assert run_next_preparation(lambda: True)
    assert run_next_unit(lambda: False)  # one chunk, then another worker's turn
    unit = ScanUnit.objects.get(scan=scan)
    assert (unit.next_chunk, len(unit.member_files)) == (1, 1)
    stale = members_folder(scan.pk) / "of-a-dead-worker.jsonl"
    stale.write_bytes((members_folder(scan.pk) / unit.member_files[0]).read_bytes())
    assert titles(finished(scan)) == {"Many tools": 3}


def test_members_are_removed_when_the_scan_is_over(add_rule, add_evidence, start):
    add_rule(CORRELATION)
    scan = finished(start([add_evidence(log_bytes(9))]))
    assert not members_folder(scan.pk).exists()
    assert Path(settings.DATA_DIR) in members_folder(scan.pk).parents


def test_members_go_with_a_case_that_is_deleted_in_the_middle(add_rule, add_evidence, start, case):
    add_rule(CORRELATION)
    scan = start([add_evidence(log_bytes(9, per_chunk=2))])
    assert run_next_preparation(lambda: True)
    assert run_next_unit(lambda: False)
    assert members_folder(scan.pk).exists()
    delete_case(case, case.created_by)
    while run_next_deletion(lambda: True):
        pass
    assert not members_folder(scan.pk).exists()


def test_the_page_of_a_hit_lists_the_events_of_its_window(add_rule, add_evidence, start, client, owner):
    add_rule(CORRELATION)
    scan = finished(start([add_evidence(log_bytes(9))]))
    hit = Hit.objects.filter(scan=scan).first()
    client.force_login(owner)
    page = client.get(f"/cases/{scan.case_id}/hits/?hit={hit.pk}").content.decode()
    assert "Events of this window" in page
    assert page.count("Tool started") >= 3
    why = client.get(f"/cases/{scan.case_id}/hits/?hit={hit.pk}&tab=why").content.decode()
    assert "about the hits of other rules" in why
