"""Deleting a case: a job in small batches, so that no write holds the database for long.

Units go first: from then on no worker can write a hit of this case, because its checkpoint finds no row.
What points at others goes before what it points at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from scans_app.models import (
    AcceptedLoss,
    Case,
    CaseMember,
    Event,
    Evidence,
    EvidenceChunk,
    EvidenceFields,
    Hit,
    HitComment,
    HitDiff,
    HitGroup,
    HitJudgement,
    Scan,
    ScanFunnel,
    ScanRule,
    ScanSources,
    ScanUnit,
    UnitFunnel,
)
from scans_app.models.hits import event_pk
from scans_app.services import doorbell
from scans_app.services.claims import Heartbeat, LeaseLost, claim, hand_back, move
from scans_app.services.members import remove_members

BATCH = 500  # rows a transaction


def delete_case(case: Case) -> None:
    """Take the case out of everyone's sight now and let the workers delete what it holds."""
    with transaction.atomic():
        Case.objects.filter(pk=case.pk, state=Case.State.OPEN).update(state=Case.State.DELETING)
        doorbell.ring_on_commit()


def run_next_deletion(may_go_on: Callable[[], bool]) -> bool:
    """Delete for a while what the next case to be deleted holds; False when there is none."""
    case = claim(Case.objects.order_by("pk"))
    if case is None:
        return False
    for pk in Scan.objects.filter(case=case).values_list("pk", flat=True):
        remove_members(pk)
    with Heartbeat(case):
        try:
            while _delete_batch(case):
                move(case, crashes=0)
                if not may_go_on():
                    hand_back(case)
                    return True
            with transaction.atomic():
                move(case)
                _raw_delete(CaseMember.objects.filter(case=case))
                _raw_delete(Case.objects.filter(pk=case.pk))
        except LeaseLost:
            pass  # another worker goes on with it
    return True


def _delete_batch(case: Case) -> bool:
    """Delete one batch of what is first in the way; False when nothing is left but the case itself."""
    scans = Scan.objects.filter(case=case)
    files = Evidence.objects.filter(case=case)
    return (
        _delete_some(AcceptedLoss.objects.filter(diff__scan__in=scans))
        or _delete_some(HitDiff.objects.filter(scan__in=scans))
        or _delete_some(UnitFunnel.objects.filter(unit__scan__in=scans))
        or _delete_some(ScanUnit.objects.filter(scan__in=scans))
        or _delete_some(HitGroup.objects.filter(scan__in=scans))
        or _delete_hits(Hit.objects.filter(scan__in=scans))
        or _delete_some(ScanFunnel.objects.filter(scan__in=scans))
        or _delete_some(ScanSources.objects.filter(scan__in=scans))
        or _delete_some(ScanRule.objects.filter(scan__in=scans))
        or _delete_some(Scan.evidence.through.objects.filter(scan__in=scans))
        or _delete_some(scans)
        or _delete_files(files)
    )


@transaction.atomic
def _delete_some(rows: QuerySet[Any]) -> bool:
    pks = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
    _raw_delete(rows.model._default_manager.filter(pk__in=pks))
    return bool(pks)


@transaction.atomic
def _delete_hits(hits: QuerySet[Hit]) -> bool:
    pks = list(hits.order_by("pk").values_list("pk", flat=True)[:BATCH])
    _raw_delete(HitComment.objects.filter(hit__in=pks))
    _raw_delete(HitJudgement.objects.filter(hit__in=pks))
    _raw_delete(Hit.objects.filter(pk__in=pks))
    return bool(pks)


def _delete_files(files: QuerySet[Evidence]) -> bool:
    file = files.order_by("pk").first()
    if file is None:
        return False
    events = Event.objects.filter(pk__range=(event_pk(file.pk, 0, 0), event_pk(file.pk + 1, 0, 0) - 1))
    if not (
        _delete_some(events)
        or _delete_some(EvidenceChunk.objects.filter(evidence=file))
        or _delete_some(EvidenceFields.objects.filter(evidence=file))
    ):
        file.path.unlink(missing_ok=True)
        _raw_delete(files.filter(pk=file.pk))
    return True


def _raw_delete(rows: QuerySet[Any]) -> None:
    # Without Django's cascade, which would look for the rows that this module deleted before.
    rows._raw_delete(connection.alias)
