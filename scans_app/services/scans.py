"""Scans: start and cancel. What would run is decided by `preflight`, what runs is frozen here."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

import sigma_engine
from rules_app.models import EventModelVersion
from rules_app.selection import RuleSelection
from scans_app.models import Case, CaseAct, Evidence, Scan, ScanUnit
from scans_app.services import doorbell
from scans_app.services.case_acts import record
from scans_app.services.cpu_share import FULL
from scans_app.services.placeholders import freeze
from scans_app.services.preflight import LeftOut, Preflight, SourceCount, preflight
from scans_app.services.settling import settle
from scans_app.services.units import HITS_KEPT

__all__ = [
    "LeftOut",
    "Preflight",
    "ScanRefused",
    "SourceCount",
    "cancel_scan",
    "preflight",
    "start_scan",
]


class ScanRefused(Exception):
    """The scan can't start; the text is a sentence that says why and what to do."""


def start_scan(
    case: Case,
    evidence: Sequence[Evidence],
    selection: RuleSelection,
    model_version: EventModelVersion,
    user: AbstractBaseUser,
    *,
    time_from: int | None = None,
    time_to: int | None = None,
    debug: bool = False,
    cpu_share: int = FULL,
    key: uuid.UUID | None = None,
) -> Scan:
    """Freeze what will run and queue it; a worker takes it from there.

    Times are microseconds, both ends included. `debug` keeps the funnel of every rule, which is slower. `cpu_share`
    is the percent of one core that a worker takes for it. `key` names
    the form that was sent: a second start with it gives the scan of the first. Raises ScanRefused when nothing could
    run, sigma_engine.SelectionError for a selection that can't be read.
    """
    key = key or uuid.uuid4()
    if (same := Scan.objects.of_case(case).filter(key=key).first()) is not None:
        return same
    plan = preflight(case, evidence, selection, model_version, user)
    if plan.problems:
        raise ScanRefused(" ".join(plan.problems))
    if time_from is not None and time_to is not None and time_from > time_to:
        raise ScanRefused("The time range ends before it begins.")
    try:
        with transaction.atomic():
            scan = Scan.objects.create(
                case=case,
                key=key,
                created_by=user,
                selection=selection.to_json(),
                model_version=model_version,
                time_from=time_from,
                time_to=time_to,
                debug=debug,
                cpu_share=cpu_share,
                rules_run=plan.rules,
                rules_left_out=[group.to_json() for group in plan.left_out],
                manifest=_manifest(plan, model_version, evidence, cpu_share),
            )
            scan.evidence.set(evidence)
            # Asked after the rows that point at the files: a deletion either sees those, or is seen here.
            there = Evidence.objects.of_case(case).filter(pk__in=[file.pk for file in evidence])
            if there.count() < len({file.pk for file in evidence}):
                raise ScanRefused("Somebody has deleted a file that was chosen. Choose the files anew.")
            record(case, user, CaseAct.Kind.SCAN, scan=scan.pk, rules=plan.rules, files=len(evidence))
            doorbell.ring_on_commit()
    except IntegrityError:  # the same form twice at the same moment
        return Scan.objects.of_case(case).get(key=key)
    return scan


def cancel_scan(scan: Scan, user: AbstractBaseUser | None = None) -> None:
    """Ask the scan to stop. What it found stays; workers leave it within two seconds. Nothing happens to a
    scan that is over."""
    with transaction.atomic():
        if not scan.is_over:
            record(scan.case_id, user, CaseAct.Kind.CANCEL, scan=scan.pk)
        this = Scan.objects.filter(pk=scan.pk)
        this.filter(state__in=(Scan.State.QUEUED, Scan.State.PREPARING)).update(
            state=Scan.State.CANCELLED, finished_at=timezone.now()
        )
        this.filter(state=Scan.State.RUNNING).update(state=Scan.State.CANCELLING)
        scan.units.filter(state=ScanUnit.State.QUEUED).update(state=ScanUnit.State.CANCELLED)
    settle(scan.pk)
    scan.refresh_from_db()


def _manifest(
    plan: Preflight, model_version: EventModelVersion, evidence: Sequence[Evidence], cpu_share: int
) -> dict[str, Any]:
    """What the scan runs with, so that anyone can run it again: the same manifest gives the same hits."""
    versions = plan.versions
    rules = hashlib.sha256("".join(version.sha256 for version in (*versions, *plan.needed)).encode())
    return {
        "engine": sigma_engine.ENGINE_VERSION,
        "model": {
            "name": model_version.model.name,
            "number": model_version.number,
            "sha256": model_version.sha256,
        },
        "rules": {
            "count": len(versions),
            "sha256": rules.hexdigest(),  # of the texts' own, one after another
            "versions": [version.pk for version in versions],
            "needed": [version.pk for version in plan.needed],  # they serve the others and give no hits
        },
        "evidence": [
            {
                "id": file.pk,
                "name": file.name,
                "sha256": file.sha256,
                "size": file.size,
                "chunks": file.chunk_count,
            }
            for file in evidence
        ],
        "placeholders": freeze((*versions, *plan.needed)),  # {set: {name: values}}, what the rules ask for
        "hits_kept": HITS_KEPT,  # per unit and rule
        "cpu_share": cpu_share,  # percent of one core, of each worker
    }
