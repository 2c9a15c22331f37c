"""Celery's side of the jobs: the doorbell, the reaper's round, the sweep. No message names any work."""

from __future__ import annotations

import logging
import resource
from typing import Any

from celery import shared_task
from celery.signals import worker_process_init, worker_ready
from django.conf import settings
from django.db import DatabaseError, connections

from scans_app.services import storage
from scans_app.services import work as jobs
from scans_app.services.preparation import COMPILE_SECONDS

ADDRESS_SPACE = 2 * 1024**3  # bytes: a parser once asked for 14 GB and took the machine along
HANGS_AFTER = COMPILE_SECONDS + 60  # seconds: all work is in slices, only compiling takes long

logger = logging.getLogger(__name__)


@shared_task(name="scans_app.tasks.work", time_limit=HANGS_AFTER, soft_time_limit=None)
def work() -> int:
    """Answer the doorbell."""
    return jobs.work()


@shared_task(name="scans_app.tasks.reap", time_limit=60, soft_time_limit=None)
def reap() -> int:
    """Ring for what nobody works on: messages may be lost, rows may not."""
    return jobs.reap()


@shared_task(name="scans_app.tasks.sweep", time_limit=600, soft_time_limit=None)
def sweep() -> int:
    """Remove what killed uploads and deleted cases left on disk."""
    return len(storage.sweep())


@worker_process_init.connect
def limit_memory(**_: Any) -> None:
    """The backstop of a worker process: an allocation without measure fails here and harms nobody else."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


@worker_ready.connect
def reap_while_idle(sender: Any, **_: Any) -> None:
    """Let every worker be a reaper too, so that work goes on when the scheduler is down."""
    sender.timer.call_repeatedly(settings.REAP_SECONDS, _reap_quietly)


def _reap_quietly() -> None:
    try:
        jobs.reap()
    except DatabaseError as problem:
        logger.warning("the reaper could not look for work, it will try again: %s", problem)
    finally:
        connections.close_all()  # pool processes are forked from here and must not share a connection
