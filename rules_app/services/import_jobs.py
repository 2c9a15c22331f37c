"""An import as a job: uploads are kept, a worker reads them, and the row says how far it is.

The row is the truth and the Celery message a doorbell: a job whose worker died is claimed again when its
lease has run out, and goes on after the last batch that was written.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from kombu.exceptions import OperationalError

from rules_app.models import ImportJob, RuleSet
from rules_app.services.importing import ImportReport, import_rules
from rules_app.services.rule_files import count_files, display_path, read_upload

TASK = "rules_app.tasks.run_import"
logger = logging.getLogger(__name__)
COUNTS = ("created", "updated", "unchanged", "broken", "refused", "notices")


class LeaseLost(Exception):
    """This job took so long that another worker took it over; what was not written yet is not."""


def start_import(uploads: Iterable[UploadedFile], rule_set: RuleSet, user: User) -> ImportJob:
    """Keep uploads on disk, under names of ours, and queue their import."""
    folder = ImportJob.folder()
    folder.mkdir(parents=True, exist_ok=True)
    stored = [[display_path(upload.name or "upload"), _store(upload, folder)] for upload in uploads]
    with transaction.atomic():
        job = ImportJob.objects.create(rule_set=rule_set, created_by=user, uploads=stored)
        _ring(job.pk)
    return job


def continue_import(job: ImportJob) -> bool:
    """Queue a job that failed again; it goes on after the last batch that it wrote. False for others."""
    failed = ImportJob.objects.filter(pk=job.pk, state=ImportJob.State.FAILED)
    with transaction.atomic():
        continued = failed.update(state=ImportJob.State.QUEUED, error="")
        if continued:
            _ring(job.pk)
    return bool(continued)


def run_import(import_job_id: int) -> bool:
    """Run a job that is queued, or whose worker died; False when there was nothing to claim.

    Raises what an error of ours raises, after the job says that it failed.
    """
    job = _claim(import_job_id)
    if job is None:
        return False
    try:
        _import(job)
        _hold(job, state=ImportJob.State.FINISHED, finished_at=timezone.now())
    except LeaseLost:
        return False  # another worker has it, and goes on after the last batch that was written
    except Exception as error:
        with suppress(LeaseLost):
            _hold(job, state=ImportJob.State.FAILED, error=f"{type(error).__name__}: {error}")
        raise
    for _, name in job.uploads:
        (ImportJob.folder() / name).unlink(missing_ok=True)
    return True


def claimable_imports() -> list[int]:
    """The jobs that wait, and those whose worker died."""
    return list(ImportJob.objects.filter(_claimable()).order_by("pk").values_list("pk", flat=True))


def _claimable() -> Q:
    abandoned = Q(state=ImportJob.State.RUNNING, lease_until__lt=timezone.now())
    return Q(state=ImportJob.State.QUEUED) | abandoned


def _claim(import_job_id: int) -> ImportJob | None:
    """Take a job with one conditional UPDATE, so that two workers never run it at once."""
    now = timezone.now()
    lease = now + timedelta(seconds=settings.LEASE_SECONDS)
    claimed = ImportJob.objects.filter(_claimable(), pk=import_job_id).update(
        state=ImportJob.State.RUNNING, lease_until=lease, started_at=Coalesce("started_at", now)
    )
    if not claimed:
        return None
    job = ImportJob.objects.select_related("rule_set", "created_by").get(pk=import_job_id)
    job.lease_until = lease
    return job


def _hold(job: ImportJob, **changes: Any) -> None:
    """Write to a job that is still ours, and hold it for another while. Raises LeaseLost.

    The end of the lease that we wrote last is the fence: whoever took the job over wrote another one.
    """
    lease = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
    ours = ImportJob.objects.filter(pk=job.pk, state=ImportJob.State.RUNNING, lease_until=job.lease_until)
    if not ours.update(lease_until=lease, **changes):
        raise LeaseLost
    job.lease_until = lease


def _import(job: ImportJob) -> None:
    """Read the job's uploads from where it stands; counts and place are written with each batch."""
    stored = [(name, ImportJob.folder() / stored_name) for name, stored_name in job.uploads]
    _hold(job, files_total=sum(count_files(path) for _, path in stored))
    progress = {"files_done": job.files_done}

    def write_progress(report: ImportReport, files_done: int) -> None:
        progress.update(files_done=files_done)
        _hold(job, files_done=files_done, **{name: getattr(report, name) for name in COUNTS})

    report = import_rules(
        chain.from_iterable(read_upload(name, path) for name, path in stored),
        job.rule_set,
        job.created_by,
        report=ImportReport(*(getattr(job, name) for name in COUNTS)),
        skip=job.files_done,
        batch_done=write_progress,
    )
    # An archive that was refused gives one answer for all its members.
    _hold(job, files_total=progress["files_done"], notices=report.notices)


def _ring(import_job_id: int) -> None:
    """Wake a worker once the job's row is there for it to see."""
    transaction.on_commit(partial(_send, import_job_id))


def _send(import_job_id: int) -> None:
    """Send the task, by name because it imports this module. The row is the truth: beat sends it again."""
    try:
        current_app.send_task(TASK, kwargs={"import_job_id": import_job_id}, retry=False)
    except (OperationalError, OSError) as problem:
        logger.warning("import %s waits, the workers could not be woken: %s", import_job_id, problem)


def _store(upload: UploadedFile, folder: Path) -> str:
    """Write an upload to disk as it streams in; the name we gave it."""
    name = uuid.uuid4().hex
    with (folder / name).open("xb") as target:
        for chunk in upload.chunks():
            target.write(chunk)
    return name
