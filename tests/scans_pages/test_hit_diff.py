"""What a version of a rule gains and loses on the evidence of a scan: counted by the engine, judged by people."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.scans.conftest import RULE, do_all_work, log_bytes

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from rules_app.models import Rule, RuleSet, RuleVersion
    from scans_app.models import Case, Evidence, HitDiff, Scan

TOOL, OTHER = "Tool started", "Other started"
FEWER = "  filter:\n    CommandLine|endswith: ' 3'\n  condition: selection and not filter\n"


@pytest.fixture
def scanned(start: Callable[..., Scan], add_evidence: Callable[..., Evidence]) -> Scan:
    """A finished scan of ten starts of tool.exe and six of new.exe."""
    scan = start([add_evidence(log_bytes(10)), add_evidence(log_bytes(6, program="new.exe"), "new.evtx")])
    do_all_work()
    scan.refresh_from_db()
    return scan


@pytest.fixture
def rule(rule_set: RuleSet) -> Rule:
    return rule_set.rules.select_related("current").get(title=TOOL)


def draft(rule: Rule, text: str, user: User) -> RuleVersion:
    from rules_app.models import Rule
    from rules_app.services import save_rule

    now = Rule.objects.get(pk=rule.pk)
    return save_rule(now, text, now.to_edit.number, user)


def changed(rule: Rule) -> str:
    """A text that also matches new.exe, and no longer the fourth start of tool.exe."""
    text = rule.current.text.replace("'\\tool.exe'", "['\\tool.exe', '\\new.exe']")
    return text.replace("  condition: selection\n", FEWER)


def compare(version: RuleVersion, scan: Scan, user: User) -> HitDiff:
    from scans_app.services.hit_diff import start_diff

    diff = start_diff(version, scan, user)
    do_all_work()
    diff.refresh_from_db()
    return diff


def numbers(diff: HitDiff) -> tuple[int, int, int]:
    return (diff.kept, diff.gained, diff.lost)


def judge(scan: Scan, rule: Rule, verdict: str, user: User, *, command: str) -> int:
    from scans_app.models import Hit
    from scans_app.services.review import judge

    hits = [hit for hit in Hit.objects.of_scan(scan).filter(rule=rule).select_related("event")
            if hit.event.data["EventData"]["CommandLine"] == command]  # fmt: skip
    judge(hits, verdict, user)
    return hits[0].pk


def test_hits_are_kept_gained_and_lost_by_their_place(scanned: Scan, rule: Rule, owner: User) -> None:
    diff = compare(draft(rule, changed(rule), owner), scanned, owner)
    assert diff.state == "finished"
    assert numbers(diff) == (9, 5, 1)  # the fourth of new.exe is filtered too


def test_only_chunks_that_may_hold_a_hit_are_read(scanned: Scan, rule: Rule, owner: User) -> None:
    text = rule.current.text.replace("category: process_creation", "category: dns_query")
    diff = compare(draft(rule, text, owner), scanned, owner)
    assert numbers(diff) == (0, 0, 10)
    assert diff.chunks_read == diff.chunks_total


def test_a_rule_that_the_scan_did_not_run_is_held_against_the_published_version(
    start: Any, add_evidence: Any, rule: Rule, owner: User
) -> None:
    from rules_app.selection import RuleSelection

    scan = start([add_evidence(log_bytes(10))], selection=RuleSelection(levels=("low",)))
    do_all_work()
    scan.refresh_from_db()
    diff = compare(draft(rule, changed(rule), owner), scan, owner)
    assert (diff.in_scan, diff.base_version, numbers(diff)) == (False, rule.current, (9, 0, 1))


def test_all_hits_of_a_rule_that_was_never_published_are_gained(
    scanned: Scan, rule_set: RuleSet, owner: User
) -> None:
    from rules_app.services import create_rule

    text = RULE.format(
        title="New started", uid="7f3d5a0e-0000-4000-8000-000000000003", level="low", program="new.exe"
    )
    rule = create_rule(rule_set, text, owner)
    diff = compare(rule.draft, scanned, owner)
    assert (diff.base_version, numbers(diff)) == (None, (0, 6, 0))
    assert {row["details"] for row in diff.gained_rows} == {"Started C:\\Program Files\\new.exe"}


def test_a_hit_that_the_scan_keeps_counts_though_its_version_would_not_make_it_today(
    scanned: Scan, rule: Rule, owner: User
) -> None:
    from scans_app.models import ScanRule

    version = draft(rule, changed(rule), owner)
    ScanRule.objects.filter(scan=scanned, rule_version=rule.current).update(rule_version=version)
    assert numbers(compare(version, scanned, owner)) == (14, 0, 1)


def test_the_time_range_of_the_scan_holds(start: Any, add_evidence: Any, rule: Rule, owner: User) -> None:
    from tests.scans.conftest import START

    files = [add_evidence(log_bytes(10))]
    scan = start(files, time_from=START * 1_000_000, time_to=(START + 4) * 1_000_000)
    do_all_work()
    scan.refresh_from_db()
    assert numbers(compare(draft(rule, changed(rule), owner), scan, owner)) == (4, 0, 1)


def test_a_diff_is_computed_once(scanned: Scan, rule: Rule, owner: User) -> None:
    version = draft(rule, changed(rule), owner)
    assert compare(version, scanned, owner) == compare(version, scanned, owner)


def test_a_correlation_has_no_diff_and_says_why(scanned: Scan, rule: Rule, owner: User) -> None:
    from scans_app.services.hit_diff import NoDiff

    text = (
        "title: Many\ncorrelation:\n  type: event_count\n  rules: [Tool started]\n  group-by: [Computer]\n"
        "  timespan: 5m\n  condition:\n    gte: 3\n"
    )
    with pytest.raises(NoDiff, match="is a correlation"):
        compare(draft(rule, text, owner), scanned, owner)


def test_a_broken_version_has_no_diff(owner_client: Client, scanned: Scan, rule: Rule, owner: User) -> None:
    version = draft(rule, "title: [", owner)
    form = {"rule": rule.pk, "version": version.number}
    answer = owner_client.post(
        f"/cases/{scanned.case_id}/scans/{scanned.pk}/diff/", form, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 409
    assert "There is no hit diff: version 2 of rule" in answer.content.decode()


def test_a_file_that_was_changed_on_disk_is_named(scanned: Scan, rule: Rule, owner: User) -> None:
    from scans_app.models import Evidence

    Evidence.objects.filter(name="new.evtx").update(stored_mtime_ns=1)
    diff = compare(draft(rule, changed(rule), owner), scanned, owner)
    assert (numbers(diff), len(diff.problems)) == ((9, 0, 1), 1)
    assert "new.evtx was changed on disk" in diff.problems[0]


def test_the_page_says_what_verdicts_are_lost_and_links_each_hit(
    owner_client: Client, scanned: Scan, rule: Rule, owner: User
) -> None:
    hit = judge(scanned, rule, "true_positive", owner, command="tool.exe --number 3")
    version = draft(rule, changed(rule), owner)
    compare(version, scanned, owner)
    page = owner_client.get(f"/cases/diff/{rule.pk}/{version.number}/").content.decode()
    assert "Loses 1 true positive." in page
    assert f"/cases/{scanned.case_id}/hits/{hit}/" in page
    assert f"/cases/{scanned.case_id}/evidence/" in page  # the gained events have no hit, but a place


def test_verdicts_are_those_of_now(owner_client: Client, scanned: Scan, rule: Rule, owner: User) -> None:
    version = draft(rule, changed(rule), owner)
    compare(version, scanned, owner)
    judge(scanned, rule, "false_positive", owner, command="tool.exe --number 3")
    page = owner_client.get(f"/cases/diff/{rule.pk}/{version.number}/").content.decode()
    assert "Drops 1 false positive." in page


def test_a_lost_true_positive_has_to_be_accepted_before_publishing(
    admin_client: Client, admin: User, scanned: Scan, rule: Rule, owner: User
) -> None:
    from rules_app.services.publishing import obstacles

    hit = judge(scanned, rule, "true_positive", owner, command="tool.exe --number 3")
    version = draft(rule, changed(rule), owner)
    compare(version, scanned, owner)
    (obstacle,) = obstacles(version, admin)
    assert obstacle.sentence.startswith(f"It loses 1 true positive in scan {scanned.pk} of Harbour.")
    form = {"rule": rule.pk, "version": version.number, "hit": hit}
    admin_client.post(f"/cases/{scanned.case_id}/scans/{scanned.pk}/diff/accept/", form)
    assert obstacles(version, admin) == []
    assert version.rule.draft == version


def test_a_diff_that_ends_lets_the_page_around_it_look_again(
    owner_client: Client, scanned: Scan, rule: Rule, owner: User
) -> None:
    version = draft(rule, changed(rule), owner)
    form = {"rule": rule.pk, "version": version.number}
    address = f"/cases/{scanned.case_id}/scans/{scanned.pk}/diff/"
    answer = owner_client.post(address, form, headers={"HX-Request": "true"})
    assert answer.headers["HX-Trigger"] == "hit-diff"
    assert "Gained, 5" in answer.content.decode()


def test_only_lost_true_positives_can_be_accepted(scanned: Scan, rule: Rule, owner: User) -> None:
    from scans_app.services.hit_diff import accept_losses

    kept = judge(scanned, rule, "true_positive", owner, command="tool.exe --number 4")
    diff = compare(draft(rule, changed(rule), owner), scanned, owner)
    assert accept_losses(diff, [kept, 999_999], owner) == 0


def test_a_publisher_who_may_not_see_the_case_is_told_without_its_name(
    scanned: Scan, rule: Rule, owner: User, stranger: User
) -> None:
    from rules_app.services.publishing import obstacles

    judge(scanned, rule, "true_positive", owner, command="tool.exe --number 3")
    version = draft(rule, changed(rule), owner)
    compare(version, scanned, owner)
    sentences = [one.sentence for one in obstacles(version, stranger) if one.code == "lost_true_positives"]
    assert sentences == [
        "It loses 1 true positive in a case that you are not a member of: one of its members has to accept that."
    ]


def test_scans_that_ran_the_rule_are_offered_first(
    owner_client: Client, start: Any, add_evidence: Any, rule: Rule, owner: User, scanned: Scan
) -> None:
    from rules_app.selection import RuleSelection

    start(list(scanned.evidence.all()), selection=RuleSelection(title="Other"))
    do_all_work()
    page = owner_client.get(f"/cases/diff/{rule.pk}/1/")
    assert page.context["chosen"] == scanned
    assert [ran for _, ran in page.context["offered"]] == [True, False]


def test_a_stranger_sees_no_scan_to_compare_on(stranger_client: Client, scanned: Scan, rule: Rule) -> None:
    page = stranger_client.get(f"/cases/diff/{rule.pk}/1/").content.decode()
    assert "You see no finished scan." in page
    assert "Harbour" not in page


def test_a_reader_sees_a_diff_and_begins_none(
    reader_client: Client, scanned: Scan, rule: Rule, owner: User
) -> None:
    version = draft(rule, changed(rule), owner)
    page = reader_client.get(f"/cases/diff/{rule.pk}/{version.number}/").content.decode()
    assert "an analyst of the case may" in page
    compare(version, scanned, owner)
    page = reader_client.get(f"/cases/diff/{rule.pk}/{version.number}/").content.decode()
    assert "Gained, 5" in page


def test_a_long_diff_is_handed_on_and_ends_the_same(scanned: Scan, rule: Rule, owner: User) -> None:
    from scans_app.models import HitDiff
    from scans_app.services.hit_diff import run_next_hit_diff
    from scans_app.services.rule_run import RuleRun

    version = draft(rule, changed(rule), owner)
    diff = HitDiff.objects.create(
        rule_version=version, base_version=rule.current, in_scan=True, scan=scanned, created_by=owner
    )
    slices = 0
    whole = RuleRun.go_on
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RuleRun, "go_on", lambda run, look: whole(run, look, 0.0))  # one chunk a slice
        while run_next_hit_diff(lambda: False):
            slices += 1
    diff.refresh_from_db()
    assert slices > 2
    assert (diff.state, numbers(diff)) == ("finished", (9, 5, 1))


def test_the_diffs_of_a_case_go_with_it(case: Case, scanned: Scan, rule: Rule, owner: User) -> None:
    from scans_app.models import HitDiff
    from scans_app.services.deletion import delete_case

    compare(draft(rule, changed(rule), owner), scanned, owner)
    delete_case(case, owner)
    do_all_work()
    assert not HitDiff.objects.exists()


def test_the_hits_of_a_rule_are_counted_for_each_case_that_one_may_see(
    owner_client: Client, stranger_client: Client, scanned: Scan, rule: Rule, owner: User
) -> None:
    judge(scanned, rule, "true_positive", owner, command="tool.exe --number 3")
    page = owner_client.get(f"/cases/rule/{rule.pk}/").content.decode()
    assert f'href="/cases/{scanned.case_id}/hits/?scan={scanned.pk}&amp;rule={rule.pk}">10</a>' in page
    assert "1 true positive" in page
    assert "Harbour" not in stranger_client.get(f"/cases/rule/{rule.pk}/").content.decode()
