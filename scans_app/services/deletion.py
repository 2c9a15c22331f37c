"""Deleting scans, files and cases: a job in small batches, so that no write holds the database for long.

What is deleted is out of everyone's sight from the moment that somebody asked for it, and a row (`Deletion`) says
who, what and how far. Units go first: from then on no worker can write a hit, because its checkpoint finds no row.
What points at others goes before what it points at. A worker that dies leaves what it did; the next one goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from scans_app.models import (
    AcceptedLoss,
    Case,
    CaseAct,
    CaseMember,
    Deletion,
    Event,
    Evidence,
    EvidenceChunk,
    EvidenceFields,
    Hit,
    HitAssignment,
    HitComment,
    HitDiff,
    HitGroup,
    HitJudgement,
    HitStar,
    NearSearch,
    Scan,
    ScanFunnel,
    ScanRule,
    ScanSources,
    ScanUnit,
    Trial,
    UnitFunnel,
)
from scans_app.models.hits import event_pk
from scans_app.services import doorbell
from scans_app.services.case_acts import record
from scans_app.services.claims import Heartbeat, LeaseLost, claim, hand_back, move
from scans_app.services.deletion_counts import DeletionCounts, count_case, count_files, count_scans
from scans_app.services.members import remove_members

BATCH = 500  # rows a transaction


class DeletionRefused(Exception):
    """This can't be deleted as things are; the text is a sentence that says why and what to do."""


@transaction.atomic
def delete_scan(scan: Scan, user: AbstractBaseUser) -> Deletion:
    """Delete a scan that is over, with its hits and what people said of them. Raises DeletionRefused."""
    counts = count_scans([scan.pk])
    _mark_scans([scan.pk])
    return _begin(scan.case, user, Deletion.Kind.SCAN, f"Scan {scan.pk}", counts, scans=[scan.pk])


@transaction.atomic
def delete_evidence(file: Evidence, user: AbstractBaseUser, *, scans: Sequence[int] = ()) -> Deletion:
    """Delete a file, and with it the `scans` that read it. Raises DeletionRefused when another scan read it."""
    # Locked, so that a scan that is being started on it at this moment is either seen here or refused there.
    Evidence.objects.select_for_update().get(pk=file.pk)
    readers = list(scans_that_read(file).values_list("pk", flat=True))
    if kept := sorted(set(readers) - set(scans)):
        names = ", ".join(f"scan {pk}" for pk in kept)
        goes = "scan goes" if len(kept) == 1 else "scans go"
        raise DeletionRefused(f"Nothing was deleted: {names} read this file. Tick that the {goes} too.")
    counts = count_files([file]) + count_scans(readers)
    _mark_scans(readers)
    if not _mark_files(Evidence.objects.filter(pk=file.pk)):
        raise DeletionRefused("Somebody has deleted this file already.")
    kind = Deletion.Kind.EVIDENCE
    return _begin(file.case, user, kind, file.name, counts, scans=readers, files=[file.pk])


@transaction.atomic
def delete_case(case: Case, user: AbstractBaseUser) -> Deletion:
    """Delete a case and all that it holds. Raises DeletionRefused when somebody did so already."""
    counts = count_case(case)
    if not Case.objects.filter(pk=case.pk, state=Case.State.OPEN).update(state=Case.State.DELETING):
        raise DeletionRefused("Somebody has deleted this case already.")
    _mark_files(Evidence.objects.filter(case=case))
    return _begin(case, user, Deletion.Kind.CASE, case.name, counts)


def scans_that_read(file: Evidence) -> QuerySet[Scan]:
    """The scans over this file, of those that are not being deleted."""
    return Scan.objects.of_case(file.case).filter(evidence=file)


def _mark_files(files: QuerySet[Evidence]) -> int:
    # The fence shuts out a worker that is cataloguing one of them.
    return files.filter(is_deleting=False).update(is_deleting=True, fence=F("fence") + 1)


def _mark_scans(pks: Sequence[int]) -> None:
    scans = Scan.objects.select_for_update().filter(pk__in=pks)
    if going_on := list(scans.going_on().values_list("pk", flat=True)):
        raise DeletionRefused(f"Scan {going_on[0]} is still at work: cancel it first.")
    if Scan.objects.filter(pk__in=pks, is_deleting=False).update(is_deleting=True) != len(pks):
        raise DeletionRefused("Somebody has deleted this scan already.")


def _begin(
    case: Case, user: AbstractBaseUser, kind: str, name: str, counts: DeletionCounts, **targets: list[int]
) -> Deletion:
    facts = counts.facts()
    record(case, user, CaseAct.Kind.DELETION, name=name, what=kind, **facts)
    doorbell.ring_on_commit()
    return Deletion.objects.create(
        kind=kind,
        case=case,
        case_name=case.name,
        name=name,
        author=user,
        author_name=user.get_username(),
        facts=facts,
        rows_total=counts.rows,
        **targets,
    )


def run_next_deletion(may_go_on: Callable[[], bool]) -> bool:
    """Go on for a while with the next deletion; False when there is none."""
    deletion = claim(Deletion.objects.order_by("pk"))
    if deletion is None:
        return False
    with Heartbeat(deletion):
        try:
            while (count := _delete_batch(deletion)) is not None:
                move(deletion, crashes=0, rows_done=F("rows_done") + count)
                if not may_go_on():
                    hand_back(deletion)
                    return True
            with transaction.atomic():
                move(deletion, state=Deletion.State.GONE, finished_at=timezone.now())
                if deletion.kind == Deletion.Kind.CASE:
                    _raw_delete(CaseMember.objects.filter(case=deletion.case_id))
                    _raw_delete(Case.objects.filter(pk=deletion.case_id))
        except LeaseLost:
            pass  # another worker goes on with it
    return True


def _delete_batch(deletion: Deletion) -> int | None:
    """Delete one batch of what is first in the way: how many rows that were counted went, None when nothing is left
    (but the case itself)."""
    scans, files = Scan.objects.filter(pk__in=deletion.scans), Evidence.objects.filter(pk__in=deletion.files)
    whole = deletion.kind == Deletion.Kind.CASE
    if whole:
        scans = Scan.objects.filter(case=deletion.case_id)
        files = Evidence.objects.filter(case=deletion.case_id)
    if _delete_some(UnitFunnel.objects.filter(unit__scan__in=scans)):
        return 0
    if _delete_some(ScanUnit.objects.filter(scan__in=scans)):
        return 0
    if (scan := scans.order_by("pk").first()) is not None:
        return _delete_of_scan(scan)
    if (file := files.order_by("pk").first()) is not None:
        return _delete_of_file(file)
    return _delete_of_case(deletion.case_id) if whole else None


def _delete_of_scan(scan: Scan) -> int:
    # One scan at a time: each of these questions is answered by an index that begins with it.
    diffs = HitDiff.objects.filter(scan=scan)
    parts: tuple[QuerySet[Any], ...] = (
        AcceptedLoss.objects.filter(diff__in=diffs),
        diffs,
        HitGroup.objects.filter(scan=scan),
    )
    if any(_delete_some(rows) for rows in parts):
        return 0
    if count := _delete_hits(Hit.objects.filter(scan=scan).order_by("time", "event", "id")):
        return count
    parts = (
        ScanFunnel.objects.filter(scan=scan),
        ScanSources.objects.filter(scan=scan),
        ScanRule.objects.filter(scan=scan),
        Scan.evidence.through.objects.filter(scan=scan),
    )
    if not any(_delete_some(rows) for rows in parts):
        remove_members(scan.pk)
        _raw_delete(Scan.objects.filter(pk=scan.pk))
    return 0


def _delete_of_file(file: Evidence) -> int:
    events = Event.objects.filter(pk__range=(event_pk(file.pk, 0, 0), event_pk(file.pk + 1, 0, 0) - 1))
    if count := _delete_some(events) or _delete_some(EvidenceChunk.objects.filter(evidence=file)):
        return count
    parts: tuple[QuerySet[Any], ...] = (
        EvidenceFields.objects.filter(evidence=file),
        # Of scans that another deletion takes, whose worker may be slower than this one.
        UnitFunnel.objects.filter(unit__evidence=file),
        ScanUnit.objects.filter(evidence=file),
        Scan.evidence.through.objects.filter(evidence=file),
    )
    if not any(_delete_some(rows) for rows in parts):
        file.path.unlink(missing_ok=True)
        _raw_delete(Evidence.objects.filter(pk=file.pk))
    return 0


def _delete_of_case(case_pk: int) -> int | None:
    for model in (Trial, NearSearch, CaseAct):
        if _delete_some(model.objects.filter(case=case_pk)):
            return 0
    return None


@transaction.atomic
def _delete_some(rows: QuerySet[Any]) -> int:
    pks = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
    _raw_delete(rows.model._default_manager.filter(pk__in=pks))
    return len(pks)


@transaction.atomic
def _delete_hits(hits: QuerySet[Hit]) -> int:
    pks = list(hits.values_list("pk", flat=True)[:BATCH])
    for said in (HitComment, HitJudgement, HitStar, HitAssignment):
        _raw_delete(said._default_manager.filter(hit__in=pks))
    _raw_delete(Hit.objects.filter(pk__in=pks))
    return len(pks)


def _raw_delete(rows: QuerySet[Any]) -> None:
    # Without Django's cascade, which would look for the rows that this module deleted before.
    rows._raw_delete(connection.alias)
