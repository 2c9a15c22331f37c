"""What a debug scan keeps of every rule: counted once, whatever workers do, and a cause for each that is silent."""

from __future__ import annotations

import json

import pytest

from rules_app.models import Rule
from rules_app.selection import RuleSelection
from rules_app.services import FoundFile, import_rules
from scans_app.models import Scan, ScanFunnel, ScanSources, ScanUnit, UnitFunnel
from scans_app.services import units
from scans_app.services.claims import claim
from scans_app.services.preparation import run_next_preparation
from scans_app.services.scans import cancel_scan
from tests.scans.conftest import RULE, do_all_work, hits_of, log_bytes

pytestmark = pytest.mark.django_db


def rows_of(scan: Scan) -> list[tuple]:
    columns = (
        "title",
        "stopped_at",
        "cause",
        "of_source",
        "fields_present",
        "any_selection",
        "condition",
        "counts",
    )
    return [
        (*row, json.dumps(counts, sort_keys=True))
        for *row, counts in ScanFunnel.objects.of_scan(scan).values_list(*columns)
    ]


def funnel(scan: Scan, title: str) -> ScanFunnel:
    return ScanFunnel.objects.of_scan(scan).get(title=title)


def test_a_debug_scan_says_of_each_rule_how_far_its_events_came(add_evidence, start):
    scan = start([add_evidence(log_bytes(30))], debug=True)
    do_all_work()
    hit, silent = funnel(scan, "Tool started"), funnel(scan, "Other started")
    assert (hit.of_source, hit.fields_present, hit.any_selection, hit.condition, hit.stopped_at) == (
        *(30,) * 4,
        "hit",
    )
    assert (silent.of_source, silent.fields_present, silent.any_selection, silent.condition) == (30, 30, 0, 0)
    assert (silent.stopped_at, silent.cause) == ("selection", "no_value")
    assert "`selection` was true in none of the 30 events" in silent.sentence


def test_a_plain_scan_keeps_no_funnel_and_finds_the_same_hits(add_evidence, start):
    file = add_evidence(log_bytes(30))
    plain, debug = start([file]), start([file], debug=True)
    do_all_work()
    assert hits_of(plain) == hits_of(debug) != []
    assert not ScanFunnel.objects.of_scan(plain).exists()
    assert not ScanSources.objects.filter(scan=plain).exists()


def test_two_debug_scans_of_the_same_give_the_same_rows_to_the_byte(add_evidence, start):
    file = add_evidence(log_bytes(60))
    first, second = start([file], debug=True), start([file], debug=True)
    do_all_work()
    assert rows_of(first) == rows_of(second) != []
    seen = [ScanSources.objects.get(scan=scan) for scan in (first, second)]
    assert json.dumps(seen[0].sources) == json.dumps(seen[1].sources)


def test_a_worker_that_dies_counts_nothing_twice(add_evidence, start):
    file = add_evidence(log_bytes(30))
    scan = start([file], debug=True)
    run_next_preparation(lambda: True)
    units.run_next_unit(lambda: False)  # one chunk, and its checkpoint
    unit = claim(ScanUnit.objects.filter(scan=scan).select_related("scan__model_version", "evidence"))
    progress = units._Progress(unit)
    loaded = units.load_scan(Scan.objects.get(pk=scan.pk))
    units._match_chunk(
        units.sigma_engine.open_evidence(file.path), scan, loaded, progress
    )  # and it dies here
    ScanUnit.objects.filter(pk=unit.pk).update(lease_until="2000-01-01T00:00:00Z")
    do_all_work()
    undisturbed = start([file], debug=True)
    do_all_work()
    assert rows_of(scan) == rows_of(undisturbed)
    assert funnel(scan, "Tool started").condition == 30


def test_what_units_counted_is_gone_when_the_scan_is_over(add_evidence, start):
    scan = start([add_evidence(log_bytes(30))], debug=True)
    run_next_preparation(lambda: True)
    units.run_next_unit(lambda: False)
    assert UnitFunnel.objects.filter(unit__scan=scan).count() == 1
    do_all_work()
    assert not UnitFunnel.objects.exists()


def test_a_cancelled_debug_scan_keeps_no_half_funnel(add_evidence, start):
    scan = start([add_evidence(log_bytes(30))], debug=True)
    run_next_preparation(lambda: True)
    units.run_next_unit(lambda: False)
    cancel_scan(scan)
    do_all_work()
    assert not ScanFunnel.objects.of_scan(scan).filter(of_source__gt=0).exists()
    assert not UnitFunnel.objects.exists()


def test_rules_that_are_never_tried_say_what_left_them_out(add_evidence, start, rule_set, owner):
    text = RULE.format(title="{title}", uid="{uid}", level="high", program="tool.exe")

    def rule(title: str, number: int, **changes: str) -> FoundFile:
        made = text.format(title=title, uid=f"7f3d5a0e-0000-4000-8000-00000000001{number}")
        for old, new in changes.items():
            made = made.replace(old, new)
        return FoundFile(f"{number}.yml", made.encode())

    files = [
        rule("Not served", 1, windows="linux"),
        rule("Broken", 2, endswith="endswit"),
        rule("Switched off", 3),
    ]
    import_rules(files, rule_set, owner)
    Rule.objects.filter(title="Switched off").update(enabled=False)
    selection = RuleSelection(levels=("high",))
    scan = start([add_evidence(log_bytes(5))], debug=True, selection=selection)
    do_all_work()
    never = {row.title: (row.stopped_at, row.sentence) for row in ScanFunnel.objects.of_scan(scan)}
    assert never["Not served"][0] == "not_served" and "process_creation/linux/*" in never["Not served"][1]
    assert never["Broken"][0] == "broken" and "line" in never["Broken"][1]
    assert never["Switched off"] == ("disabled", "It is switched off in the library.")
    assert never["Other started"][0] == "not_selected"
    assert "its level is low, it ran high" in never["Other started"][1]


def test_the_log_sources_have_their_events_fields_and_seconds(add_evidence, start):
    scan = start([add_evidence(log_bytes(30, Odd="1"))], debug=True)
    do_all_work()
    scan.refresh_from_db()
    sources = {source["name"]: source for source in ScanSources.objects.get(scan=scan).sources}
    source = sources["process_creation/windows/*"]
    assert source["events"] == 30 and ["Odd", 30] in source["names"]
    assert all(source["seconds"] > 0 for source in scan.log["sources"] if source["events"])


def test_a_field_that_no_event_has_is_listed_with_the_names_that_they_have(
    add_evidence, start, rule_set, owner
):
    text = RULE.format(
        title="Typo", uid="7f3d5a0e-0000-4000-8000-000000000021", level="low", program="tool.exe"
    )
    text = text.replace("Image|endswith", "ComandLine|contains")
    import_rules([FoundFile("typo.yml", text.encode())], rule_set, owner)
    scan = start([add_evidence(log_bytes(30))], debug=True)
    do_all_work()
    missing = {one["field"]: one for one in ScanSources.objects.get(scan=scan).missing_fields}
    assert missing["ComandLine"]["rules"] == 1 and missing["ComandLine"]["near"][0] == ["CommandLine", 30]
    silent = funnel(scan, "Typo")
    assert (silent.stopped_at, silent.cause) == ("field", "field_typo")
    assert "Did you mean `CommandLine`?" in silent.sentence


def test_what_a_rule_calls_its_fields_and_selections_is_kept_as_any_database_takes_it(
    add_evidence, start, rule_set, owner, client_of
):
    odd = RULE.format(title="Odd", program="tool.exe", uid="odd", level="low").replace(
        "Image|endswith", '"Im\\0age|endswith"'
    )
    import_rules([FoundFile("odd.yml", odd.encode())], rule_set, owner)
    scan = start([add_evidence(log_bytes(3))], debug=True)
    do_all_work()
    row = funnel(scan, "Odd")
    assert row.counts["fields"]
    assert "\\u0000" not in json.dumps(row.counts)
    page = client_of(owner).get(f"/cases/{scan.case_id}/scans/{scan.pk}/debug/{row.rule_id}/")
    assert page.status_code == 200
