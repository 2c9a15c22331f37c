"""Undo, stars, assignments, what people did, and the deletion of scans and files."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from scans_app.models import (
    CaseAct,
    Deletion,
    Event,
    Evidence,
    Hit,
    HitAssignment,
    HitJudgement,
    HitStar,
    NearSearch,
    Scan,
    Trial,
)
from scans_app.services.cases import add_member, remove_member
from scans_app.services.claims import claim, hand_back
from scans_app.services.deletion import (
    DeletionRefused,
    delete_case,
    delete_evidence,
    delete_scan,
    run_next_deletion,
)
from scans_app.services.hit_marks import MarkRefused, assign, star, waiting_for
from scans_app.services.review import comment, judge
from scans_app.services.scans import ScanRefused
from scans_app.services.undo import Undone, UndoRefused, undo, undoable
from tests.scans.conftest import do_all_work, log_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan(add_evidence, start) -> Scan:
    """Twelve hits of one rule."""
    scan = start([add_evidence(log_bytes(12))])
    do_all_work()
    scan.refresh_from_db()
    return scan


@pytest.fixture
def hits(scan):
    return Hit.objects.of_scan(scan).order_by("pk")


def verdicts(hits) -> list[str]:
    return list(hits.values_list("verdict", flat=True))


def test_an_undo_brings_each_verdict_back_and_leaves_what_was_judged_since(case, hits, owner, teammate):
    judge(hits[:3], "benign", teammate)
    judge(hits, "false_positive", owner)
    judge(hits[11:12], "true_positive", teammate)
    act = undoable(case, owner)
    assert act.count == 12
    assert undo(act, owner) == Undone(restored=11, judged_since=1)
    assert verdicts(hits) == ["benign"] * 3 + [""] * 8 + ["true_positive"]
    assert undoable(case, owner) is None
    first = list(hits[0].judgements.values_list("author__username", "verdict", "is_undo"))
    assert first == [
        ("tariq", "benign", False),
        ("olivia", "false_positive", False),
        ("olivia", "benign", True),
    ]


def test_several_acts_are_undone_the_last_first(case, hits, owner):
    for verdict in ("benign", "unsure", "true_positive"):
        judge(hits, verdict, owner)
    seen = []
    while (act := undoable(case, owner)) is not None:
        assert undo(act, owner).restored == 12
        seen.append(set(verdicts(hits)))
    assert seen == [{"unsure"}, {"benign"}, {""}]


def test_a_verdict_that_somebody_gave_and_undid_since_is_in_nobodys_way(case, hits, owner, teammate):
    judge(hits, "benign", owner)
    judge(hits[:5], "unsure", teammate)
    undo(undoable(case, teammate), teammate)
    assert undo(undoable(case, owner), owner) == Undone(restored=12)


def test_an_undo_that_a_dying_server_cut_off_goes_on(case, hits, owner, monkeypatch):
    from scans_app.services import review
    from scans_app.services import undo as module

    judge(hits, "benign", owner)
    monkeypatch.setattr(review, "BATCH", 5)
    real, calls = module.count_verdicts, []

    def dies(changes):
        calls.append(1)
        if len(calls) == 2:
            raise OSError("killed")
        real(changes)

    monkeypatch.setattr(module, "count_verdicts", dies)
    with pytest.raises(OSError, match="killed"):
        undo(undoable(case, owner), owner)
    assert verdicts(hits).count("benign") == 7
    assert undo(undoable(case, owner), owner) == Undone(restored=7)
    assert set(verdicts(hits)) == {""}
    assert CaseAct.objects.get(kind="undo").count == 12


def test_only_ones_own_recent_verdicts_are_undone_and_once(case, hits, owner, teammate):
    judge(hits, "benign", owner)
    act = undoable(case, owner)
    with pytest.raises(UndoRefused, match="your own"):
        undo(act, teammate)
    undo(act, owner)
    act.refresh_from_db()
    with pytest.raises(UndoRefused, match="already"):
        undo(act, owner)
    judge(hits, "benign", owner)
    CaseAct.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    assert undoable(case, owner) is None
    with pytest.raises(UndoRefused, match="15 minutes"):
        undo(CaseAct.objects.filter(undone_at=None, kind="verdict").get(), owner)


def test_an_undo_that_was_asked_for_twice_at_once_is_one_act(case, hits, owner):
    judge(hits, "benign", owner)
    first, second = undoable(case, owner), undoable(case, owner)
    undo(first, owner)
    with pytest.raises(UndoRefused, match="already"):
        undo(second, owner)
    assert list(CaseAct.objects.filter(kind="undo").values_list("count", "facts__judged_since")) == [(12, 0)]


def test_verdicts_that_change_nothing_are_no_act(case, hits, owner):
    judge(hits, "benign", owner)
    judge(hits, "benign", owner)
    assert CaseAct.objects.filter(kind="verdict").count() == 1


def test_hits_wait_for_whom_they_are_assigned_to_until_they_are_judged(case, scan, hits, owner, teammate):
    add_member(case, teammate, "analyst")
    assert assign(case, hits[:5], teammate, owner) == 5
    assert assign(case, hits[:5], teammate, owner) == 0
    assert assign(case, hits[4:7], owner, owner) == 3
    judge(hits[:1], "benign", owner)
    assert waiting_for(case, teammate) == [(scan.pk, 3)]
    assert waiting_for(case, owner) == [(scan.pk, 3)]
    assert assign(case, hits[:2], None, owner) == 2
    assert waiting_for(case, teammate) == [(scan.pk, 2)]


def test_nothing_waits_for_who_may_not_judge_or_has_left(case, hits, owner, teammate, stranger):
    add_member(case, teammate, "reader")
    for person in (teammate, stranger):
        with pytest.raises(MarkRefused, match="may not judge"):
            assign(case, hits[:1], person, owner)
    add_member(case, teammate, "analyst")
    assign(case, hits[:3], teammate, owner)
    remove_member(case, teammate)
    assert not HitAssignment.objects.exists()
    add_member(case, teammate, "analyst")
    assign(case, hits[:3], teammate, owner)
    add_member(case, teammate, "reader")
    assert not HitAssignment.objects.exists()


def test_a_star_stays_with_who_set_it_and_anyone_takes_it_away(case, hits, owner, teammate):
    assert star(case, hits[:2], owner, starred=True) == 2
    assert star(case, hits[:3], teammate, starred=True) == 1
    assert list(HitStar.objects.order_by("hit").values_list("author", flat=True)) == [
        owner.pk,
        owner.pk,
        teammate.pk,
    ]
    assert star(case, hits, teammate, starred=False) == 3


def test_a_deleted_scan_takes_its_hits_and_leaves_the_file_and_other_scans(case, scan, hits, start, owner):
    other = start(list(scan.evidence.all()))
    do_all_work()
    judge(hits, "benign", owner)
    comment(hits[0], "note", owner)
    star(case, hits, owner, starred=True)
    assign(case, hits, owner, owner)
    deletion = delete_scan(scan, owner)
    assert list(Scan.objects.of_case(case)) == [other]
    assert not Hit.objects.visible_to(owner).filter(scan=scan).exists()
    do_all_work()
    deletion.refresh_from_db()
    assert (deletion.is_over, deletion.rows_done, deletion.rows_total) == (True, 12, 12)
    assert deletion.facts == {"scans": 1, "hits": 12, "judged": 12, "comments": 1}
    assert list(Scan.objects.all()) == [other]
    assert Hit.objects.count() == Event.objects.count() == 12
    assert not any(model.objects.exists() for model in (HitJudgement, HitStar, HitAssignment))
    assert CaseAct.objects.filter(kind="deletion", author=owner).count() == 1


def test_a_scan_at_work_and_one_that_is_deleted_already_are_refused(scan, start, owner):
    at_work = start(list(scan.evidence.all()))
    with pytest.raises(DeletionRefused, match="cancel it first"):
        delete_scan(at_work, owner)
    delete_scan(scan, owner)
    with pytest.raises(DeletionRefused, match="already"):
        delete_scan(scan, owner)


def test_a_file_that_a_scan_has_read_goes_only_with_that_scan(case, scan, start, owner):
    file = scan.evidence.get()
    with pytest.raises(DeletionRefused, match=f"scan {scan.pk} read this file"):
        delete_evidence(file, owner)
    assert Evidence.objects.of_case(case).exists()
    deletion = delete_evidence(file, owner, scans=[scan.pk])
    with pytest.raises(ScanRefused, match="Somebody has deleted"):
        start([file])
    do_all_work()
    deletion.refresh_from_db()
    assert deletion.is_over
    assert deletion.rows_done == deletion.rows_total
    assert not file.path.exists()
    assert not any(model.objects.exists() for model in (Scan, Hit, Event, Evidence))
    with pytest.raises(ScanRefused, match="Somebody has deleted"):
        start([file])
    assert not Scan.objects.exists()


def test_a_file_goes_while_another_worker_still_deletes_a_scan_of_it(scan, owner):
    of_scan, of_file = delete_scan(scan, owner), delete_evidence(scan.evidence.get(), owner)
    slow = claim(Deletion.objects.filter(pk=of_scan.pk))
    do_all_work()
    of_file.refresh_from_db()
    assert of_file.is_over
    connection.check_constraints()
    hand_back(slow)
    do_all_work()
    assert not Scan.objects.exists()


def test_the_bytes_of_a_file_that_is_being_deleted_can_be_added_anew(add_evidence, owner):
    file = add_evidence(log_bytes(3))
    delete_evidence(file, owner)
    assert add_evidence(log_bytes(3), "again.evtx").pk != file.pk


def test_a_deletion_goes_on_after_its_worker_died(scan, hits, owner, monkeypatch):
    from scans_app.services import deletion as module

    monkeypatch.setattr(module, "BATCH", 5)
    deletion = delete_scan(scan, owner)
    real = module._delete_hits

    def dies(rows):
        if rows.count() < 12:
            raise KeyboardInterrupt
        return real(rows)

    monkeypatch.setattr(module, "_delete_hits", dies)
    with pytest.raises(KeyboardInterrupt):
        run_next_deletion(lambda: True)
    deletion.refresh_from_db()
    assert (deletion.state, deletion.rows_done, hits.count()) == ("working", 5, 7)
    monkeypatch.setattr(module, "_delete_hits", real)
    Deletion.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    do_all_work()
    deletion.refresh_from_db()
    assert (deletion.is_over, deletion.rows_done) == (True, 12)


def test_trials_and_searches_of_a_case_go_with_it_and_who_deleted_it_stays(case, scan, owner):
    Trial.objects.create(case=case, user=owner, text="title: x", state="finished")
    version = scan.rules.first().rule_version
    NearSearch.objects.create(case=case, rule_version=version, model_version=scan.model_version)
    delete_case(case, owner)
    do_all_work()
    assert not any(model.objects.exists() for model in (type(case), Trial, NearSearch, CaseAct))
    line = Deletion.objects.get()
    assert (line.case_name, line.author_name, line.facts["hits"], line.is_over) == (
        "Harbour",
        "olivia",
        12,
        True,
    )


def test_a_worker_that_catalogues_a_file_writes_nothing_once_it_is_deleted(case, add_evidence, owner):
    from scans_app.services.claims import LeaseLost, claim, move

    file = add_evidence(log_bytes(3), catalogued=False)
    held = claim(Evidence.objects.all())
    delete_evidence(file, owner)
    with pytest.raises(LeaseLost):
        move(held, next_chunk=1)
    do_all_work()
    assert not Evidence.objects.exists()
