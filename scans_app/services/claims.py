"""Claims: who works on which row, decided by the database alone.

A claim is one conditional UPDATE that raises the row's fence and starts a lease. Every later write for the
row goes through `move`, which names that fence: a worker that lost its lease (killed, stopped, or slow) can
wake at any time and writes nothing. All times are the database's, so the clocks of workers don't matter.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, models, transaction
from django.db.models import Case, F, Q, QuerySet, Subquery, When
from django.db.models.functions import Now

from scans_app.models import Job

J = TypeVar("J", bound=Job)
logger = logging.getLogger(__name__)

CRASHES_UNTIL_SET_ASIDE = 3  # of the same checkpoint: the next chunk is guilty


class LeaseLost(Exception):
    """The row is someone else's now (or cancelled): whatever this worker holds for it must not be written."""


def claimable(jobs: QuerySet[J]) -> QuerySet[J]:
    """The rows that wait, and those whose worker let its lease run out."""
    model = jobs.model
    return jobs.filter(Q(state=model.WAITING) | Q(state=model.WORKING, lease_until__lt=Now()))


def claim(jobs: QuerySet[J]) -> J | None:
    """Take the first claimable row in the order of `jobs`; None when there is none.

    A row whose lease ran out counts one crash more. Ten processes that ask at once get ten rows.
    """
    if not claimable(jobs).exists():  # no write lock for nothing
        return None
    model = jobs.model
    owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
    with transaction.atomic():
        first = claimable(jobs).select_for_update(skip_locked=True).values("pk")[:1]
        claimable(model._default_manager.filter(pk=Subquery(first))).update(
            state=model.WORKING,
            owner=owner,
            attempt=F("attempt") + 1,
            fence=F("fence") + 1,
            crashes=Case(
                When(state=model.WORKING, then=F("crashes") + 1),
                default=F("crashes"),
                output_field=models.PositiveSmallIntegerField(),
            ),
            lease_until=_lease_end(),
        )
    return jobs.filter(state=model.WORKING, owner=owner).first()


def move(job: Job, **changes: Any) -> None:
    """Write columns of a claimed row, if it is still ours. Raises LeaseLost, having written nothing, if not.

    The instance gets the same values, except expressions. Inside a transaction, what was written before in
    it is undone by the exception: that is how hits and checkpoint hold together.
    """
    held = type(job)._default_manager.filter(pk=job.pk, fence=job.fence, state=job.WORKING)
    if not held.update(lease_until=_lease_end(), **changes):
        logger.warning("%s was claimed by another worker; nothing was written for it", job)
        raise LeaseLost(str(job))
    for name, value in changes.items():
        if not isinstance(value, models.expressions.BaseExpression):
            setattr(job, name, value)


def hand_back(job: Job) -> None:
    """Let another worker go on with the row. Does nothing when it is no longer ours."""
    type(job)._default_manager.filter(pk=job.pk, fence=job.fence, state=job.WORKING).update(state=job.WAITING)


def _lease_end() -> Any:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


class Heartbeat:
    """Renews the lease of a claimed row from a thread while the block runs.

    It stops when the lease is lost; the block learns that at its next `move`.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._over.wait(settings.HEARTBEAT_SECONDS):
                close_old_connections()
                try:
                    move(self._job)
                except LeaseLost:
                    return
                except DatabaseError as problem:
                    # The next beat may get through; if none does, the fence keeps what follows out.
                    logger.warning("the lease of %s could not be renewed: %s", self._job, problem)
        finally:
            connection.close()  # this thread's own
