"""Scans with placeholders: what a scan began with is what it runs and explains with."""

from __future__ import annotations

import pytest

from rules_app.models import Rule
from rules_app.services import FoundFile, import_rules, save_placeholders
from rules_app.services.placeholders import placeholders_digest
from scans_app.models import Hit, Scan
from scans_app.services.scanners import forget_scans, load_scan
from scans_app.services.why import explain_hit
from tests.scans.conftest import RULE, do_all_work, hits_of, log_bytes

pytestmark = pytest.mark.django_db
ASKING = RULE.format(
    title="A tool of ours", uid="7f3d5a0e-0000-4000-8000-000000000003", level="low", program="x"
).replace("Image|endswith: '\\x'", "Image|endswith|expand: '%tools%'")
OURS = "A tool of ours"


@pytest.fixture
def asking(rule_set, owner) -> Rule:
    """A rule of the set that asks for %tools%, which is not defined yet."""
    import_rules([FoundFile("ours.yml", ASKING.encode())], rule_set, owner)
    rule = rule_set.rules.get(title=OURS)
    assert rule.broken
    return rule


def define(rule_set, *tools: str) -> None:
    """Let %tools% stand for these, whatever it stood for."""
    rule_set.refresh_from_db()
    save_placeholders(
        rule_set, {"tools": list(tools)} if tools else {}, placeholders_digest(rule_set.placeholders)
    )


def finished(scan: Scan) -> Scan:
    do_all_work()
    scan.refresh_from_db()
    assert scan.state == Scan.State.FINISHED, scan.error
    return scan


def test_a_rule_is_left_out_until_its_set_defines_the_list_and_then_hits(
    add_evidence, start, rule_set, asking
):
    evidence = add_evidence(log_bytes(4))
    before = finished(start([evidence]))
    [left_out] = before.rules_left_out
    assert (left_out["code"], left_out["rules"][0][1]) == ("broken", OURS)
    assert "`%tools%` has no values" in left_out["rules"][0][2]
    define(rule_set, "tool.exe", "spade.exe")
    after = finished(start([evidence]))
    assert after.rules_left_out == []
    assert [title for title, *_ in hits_of(after)].count(OURS) == 4
    assert after.placeholders == [("tools", ["tool.exe", "spade.exe"])]


def test_lists_that_change_after_the_start_change_nothing_in_the_scan(add_evidence, start, rule_set, asking):
    define(rule_set, "tool.exe")
    scan = start([add_evidence(log_bytes(3))])
    define(rule_set)  # taken away before a worker compiled it
    finished(scan)
    assert [title for title, *_ in hits_of(scan)].count(OURS) == 3


def test_a_finished_scan_explains_its_hits_with_the_lists_that_it_ran_with(
    add_evidence, start, rule_set, asking
):
    define(rule_set, "tool.exe")
    scan = finished(start([add_evidence(log_bytes(1))]))
    hit = Hit.objects.of_scan(scan).get(title=OURS)
    before = explain_hit(hit)
    assert before.tree["verdict"] is True
    for tools in (["spade.exe"], []):
        define(rule_set, *tools)
        assert explain_hit(Hit.objects.get(pk=hit.pk)) == before


def test_a_rule_that_the_scan_did_not_run_is_explained_with_the_lists_of_today(
    add_evidence, start, rule_set, asking
):
    scan = finished(start([add_evidence(log_bytes(1))]))
    hit = Hit.objects.of_scan(scan).get()
    assert "broken" in explain_hit(hit, asking.current).problem
    define(rule_set, "tool.exe")
    assert explain_hit(hit, asking.current).tree["verdict"] is True


def test_a_compiled_set_that_was_lost_is_made_again_with_the_lists_of_the_scan(
    add_evidence, start, rule_set, asking, tmp_path, monkeypatch
):
    define(rule_set, "tool.exe")
    scan = finished(start([add_evidence(log_bytes(1))]))
    define(rule_set, "spade.exe")
    forget_scans()
    monkeypatch.setenv("SIGMAWEB_CACHE", str(tmp_path))  # an empty one
    assert load_scan(scan).compiled.digest == scan.manifest["compiled"]


def test_scans_with_other_lists_have_other_compiled_sets(add_evidence, start, rule_set, asking):
    evidence = add_evidence(log_bytes(1))
    define(rule_set, "tool.exe")
    one = finished(start([evidence]))
    define(rule_set, "spade.exe")
    other = finished(start([evidence]))
    assert one.manifest["compiled"] != other.manifest["compiled"]
    assert [title for title, *_ in hits_of(other)].count(OURS) == 0


def test_the_page_of_a_scan_shows_the_lists_that_it_ran_with(
    add_evidence, start, rule_set, asking, case, owner_client
):
    define(rule_set, "tool.exe")
    scan = finished(start([add_evidence(log_bytes(1))]))
    define(rule_set)
    page = owner_client.get(scan.get_absolute_url()).content.decode()
    assert "Placeholder <code>tools</code>: 1 value" in page
    assert "<code>tool.exe</code>" in page
