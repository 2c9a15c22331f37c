"""Members, verdicts, comments, stacks, pages of hits, and the deletion of a case."""

from __future__ import annotations

import io
import json

import pytest

from scans_app.models import (
    Case,
    Event,
    Evidence,
    EvidenceChunk,
    Hit,
    HitComment,
    HitJudgement,
    Scan,
    ScanUnit,
)
from scans_app.services.cases import MemberError, add_member, create_case, remove_member
from scans_app.services.deletion import delete_case, run_next_deletion
from scans_app.services.hit_pages import PageError, hit_page
from scans_app.services.intake import receive
from scans_app.services.review import comment, judge
from scans_app.services.stacks import StackError, scan_mark, stack
from tests.evtx_writer import build_evtx
from tests.scans.conftest import START, do_all_work, log_bytes, process_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan(add_evidence, start) -> Scan:
    """23 hits of one rule and 7 of another, on three computers."""
    scan = start([add_evidence(log_bytes(23)), add_evidence(log_bytes(7, program="other.exe"), "o.evtx")])
    do_all_work()
    scan.refresh_from_db()
    return scan


@pytest.fixture
def hits(scan):
    return Hit.objects.of_scan(scan)


def test_only_members_see_a_case_and_what_it_holds(case, scan, owner, teammate, stranger, admin):
    add_member(case, teammate, "reader")
    for user, sees in ((owner, True), (teammate, True), (admin, True), (stranger, False)):
        for model in (Case, Evidence, Scan, Hit):
            assert model.objects.visible_to(user).exists() is sees


def test_roles_say_who_may_change_a_case(case, owner, teammate, stranger, admin):
    add_member(case, teammate, "reader")
    assert [case.may_edit(user) for user in (owner, teammate, stranger, admin)] == [True, False, False, True]
    add_member(case, teammate, "analyst")
    assert (case.may_edit(teammate), case.may_own(teammate)) == (True, False)


def test_the_last_owner_stays(case, owner, teammate):
    with pytest.raises(MemberError, match="only owner"):
        remove_member(case, owner)
    with pytest.raises(MemberError, match="only owner"):
        add_member(case, owner, "reader")
    add_member(case, teammate, "owner")
    remove_member(case, owner)
    assert [member.user for member in case.members.all()] == [teammate]


def test_a_verdict_is_kept_with_its_history(hits, owner, teammate):
    hit = hits.first()
    assert judge([hit], "benign", owner) == 1
    assert judge([hit], "benign", teammate) == 0
    assert judge([hit], "true_positive", teammate) == 1
    hit.refresh_from_db()
    assert hit.verdict == "true_positive"
    history = hit.judgements.values_list("author__username", "verdict")
    assert list(history) == [("olivia", "benign"), ("tariq", "true_positive")]


def test_many_hits_are_judged_at_once(hits, owner):
    assert judge(hits, "false_positive", owner) == 30
    assert hits.unjudged().count() == 0
    assert HitJudgement.objects.count() == 30


def test_a_word_that_is_no_verdict_is_refused(hits, owner):
    with pytest.raises(ValueError, match="is no verdict"):
        judge(hits, "guilty", owner)


def test_a_comment_has_author_and_text(hits, owner):
    note = comment(hits.first(), "  seen on the print server too \n", owner)
    assert (note.author, note.text) == (owner, "seen on the print server too")
    for text in ("   ", "x" * 70_000):
        with pytest.raises(ValueError, match="The comment"):
            comment(hits.first(), text, owner)


def test_a_stack_counts_hits_computers_times_and_verdicts(hits, owner):
    judge(hits.filter(title="Other started")[:3], "benign", owner)
    rows = stack(hits, "title")
    assert [(row.value, row.count, row.computers, row.judged) for row in rows] == [
        ("Tool started", 23, 3, 0),
        ("Other started", 7, 3, 3),
    ]
    assert (rows[1].first_time, rows[1].last_time) == (START * 1_000_000, (START + 6) * 1_000_000)


def test_a_stack_by_rule_reads_as_its_title(hits, rule_set):
    row = stack(hits, "rule", order="rare")[0]
    assert (row.value, row.label, row.level) == (
        rule_set.rules.get(title="Other started").pk,
        "Other started",
        2,
    )


def test_rare_values_come_first_when_asked_and_the_limit_holds(hits):
    assert [row.value for row in stack(hits, "user", order="rare", limit=2)] == [
        r"EXAMPLE\user3",
        r"EXAMPLE\user4",
    ]


def test_any_field_of_the_event_can_be_stacked_by(hits):
    rows = stack(hits, "event.EventData.Image")
    assert [(row.value, row.count) for row in rows] == [
        (r"C:\Program Files\tool.exe", 23),
        (r"C:\Program Files\other.exe", 7),
    ]
    assert [(row.value, row.count) for row in stack(hits, "event.System.EventID.Value")] == [("1", 30)]


def test_a_stack_tells_absent_null_and_empty_apart(add_evidence, start):
    head = json.dumps({"System": process_event(0)["System"]}).removesuffix("}") + ","
    data = ['"X":null', '"X":""', '"Y":1', '"X":"null"', '"X":"a"', '"X":"a"']
    lines = "".join(head + '"EventData":{"Image":"C:\\\\tool.exe",' + item + "}}\n" for item in data)
    scan = start([add_evidence(lines.encode(), "l.jsonl")])
    do_all_work()
    rows = stack(Hit.objects.of_scan(scan), "event.EventData.X")
    assert {(row.value, row.nothing, row.count) for row in rows} == {
        ("a", "", 2),
        ("", "null", 1),
        ("", "empty", 1),
        ("", "absent", 1),
        ("null", "", 1),
    }


@pytest.mark.parametrize("field", ["details", "scan__case__name", "event.", "event.`", "password"])
def test_a_field_that_is_none_is_refused(hits, field):
    with pytest.raises(StackError, match="can't be stacked by"):
        stack(hits, field)


def test_a_stack_is_kept_until_the_scan_or_a_verdict_changes(hits, scan, owner, django_assert_num_queries):
    first = stack(hits, "event.EventData.User", mark=scan_mark(scan))
    with django_assert_num_queries(1):  # the mark alone
        assert stack(hits, "event.EventData.User", mark=scan_mark(scan)) == first
    judge(hits, "benign", owner)
    assert sum(row.judged for row in stack(hits, "event.EventData.User", mark=scan_mark(scan))) == 30


@pytest.mark.parametrize(
    "sort",
    ["time", "-time", "level", "-level", "title", "computer", "-channel", "event_id", "user", "-verdict"],
)
def test_pages_by_key_show_every_hit_once_and_lead_back(hits, sort):
    page, seen, pages = hit_page(hits, sort=sort, size=7), [], 1
    first = [hit.pk for hit in page.rows]
    assert page.before == ""
    while True:
        seen += [hit.pk for hit in page.rows]
        if not page.after:
            break
        page, pages = hit_page(hits, sort=sort, size=7, after=page.after), pages + 1
    assert (len(seen), len(set(seen)), pages) == (30, 30, 5)
    column = {"event_id": "event_code"}.get(sort.lstrip("-"), sort.lstrip("-"))
    values = [getattr(hit, column) for pk in seen for hit in [Hit.objects.get(pk=pk)]]
    assert values == sorted(values, reverse=sort.startswith("-"))
    while page.before:
        page = hit_page(hits, sort=sort, size=7, before=page.before)
    assert [hit.pk for hit in page.rows] == first


def test_two_scans_of_the_same_evidence_list_their_hits_in_the_same_order(add_evidence, start):
    same_time = [process_event(0) for _ in range(12)]
    logs = [add_evidence(build_evtx(same_time, per_chunk=2)), add_evidence(log_bytes(5), "b.evtx")]
    first, second = start(logs), start(logs)
    do_all_work()
    # As if the second had been worked on in another order.
    rows = list(Hit.objects.of_scan(second).order_by("-pk"))
    Hit.objects.of_scan(second).delete()
    Hit.objects.bulk_create(_copy(hit) for hit in rows)
    lists = [hit_page(Hit.objects.of_scan(scan), sort="title").rows for scan in (first, second)]
    assert [hit.event_id for hit in lists[0]] == [hit.event_id for hit in lists[1]]


def _copy(hit: Hit) -> Hit:
    hit.pk, hit._state.adding = None, True
    return hit


def test_a_page_stays_where_it_is_when_rows_come_in_before_it(hits):
    page = hit_page(hits, sort="-time", size=5)
    following = [hit.pk for hit in hit_page(hits, sort="-time", size=5, after=page.after).rows]
    newer = hits.latest("time")
    newer.pk, newer.position, newer.time = None, 4_000, newer.time + 1
    newer.save()
    assert [hit.pk for hit in hit_page(hits, sort="-time", size=5, after=page.after).rows] == following


@pytest.mark.parametrize("key", ["x", "e30", "WzFd", "bnVsbA", "W251bGwsbnVsbCxudWxsXQ", "\ud800"])
def test_a_key_that_is_none_of_ours_is_refused(hits, key):
    with pytest.raises(PageError):
        hit_page(hits, sort="title", after=key)


def test_counting_stops_at_its_limit(hits):
    assert (hits.count_up_to(10), hits.count_up_to(30), hits.count_up_to(100)) == (11, 30, 30)


def test_deleting_a_case_takes_everything_of_it_and_nothing_of_others(case, scan, owner, hits):
    other = create_case("Other", "", owner)
    kept = receive(other, owner, "kept.evtx", io.BytesIO(log_bytes(4))).stored[0]
    do_all_work()
    judge(hits, "benign", owner)
    comment(hits.first(), "note", owner)
    paths = [file.path for file in Evidence.objects.of_case(case)]
    delete_case(case, owner)
    assert not Case.objects.visible_to(owner).filter(pk=case.pk).exists()
    while run_next_deletion(lambda: False):  # one batch at a time
        pass
    assert [path.exists() for path in paths] == [False, False]
    for model in (Event, Hit, HitComment, HitJudgement, Scan, ScanUnit):
        assert not model.objects.exists(), model
    assert list(Evidence.objects.all()) == [kept]
    assert EvidenceChunk.objects.count() == kept.chunk_count
    assert list(Case.objects.all()) == [other]


def test_a_worker_of_a_deleted_case_writes_nothing_more(case, add_evidence, start):
    from scans_app.services.claims import claim
    from scans_app.services.preparation import run_next_preparation
    from scans_app.services.units import LeaseLost, _Progress

    start([add_evidence(log_bytes(5))])
    run_next_preparation(lambda: True)
    unit = claim(ScanUnit.objects.select_related("scan", "evidence"))
    delete_case(case, case.created_by)
    while run_next_deletion(lambda: True):
        pass
    with pytest.raises(LeaseLost):
        _Progress(unit).save()
