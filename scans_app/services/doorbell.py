"""The doorbell: messages that wake workers. They name no work; what there is to do stands in the rows.

So a message may be lost, repeated or late, and Redis may be flushed: the reaper rings again while anything
can be claimed. At most twice as many messages as there are worker processes wait at a time.
"""

from __future__ import annotations

import logging

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

from scans_app.models import Deletion, Evidence, HitDiff, Scan, ScanUnit
from scans_app.services.claims import claimable

TASK = "scans_app.tasks.work"
# What workers claim and nothing else: rung for a row that nobody takes, they would ring for each other without end.
JOBS = (
    Scan.objects.all(),
    Evidence.objects.filter(is_deleting=False),
    ScanUnit._default_manager.all(),
    HitDiff._default_manager.all(),
    Deletion.objects.all(),
)

logger = logging.getLogger(__name__)


def ring_on_commit() -> None:
    """Ring when the transaction that writes the work is committed: a worker woken before would see none."""
    transaction.on_commit(ring)


def ring() -> int:
    """Wake as many workers as there is work for; the number of messages that were sent.

    A Redis that can't be reached is logged and no more: the work is in the rows, the reaper rings again.
    """
    try:
        wanted = _claimable_up_to(most := 2 * settings.WORKERS)
        if not wanted:
            return 0
        missing = min(wanted, most - waiting_messages())
        for _ in range(missing):
            current_app.send_task(TASK, retry=False)
    except (OperationalError, OSError) as problem:
        logger.warning("the workers could not be woken, the reaper will try again: %s", problem)
        return 0
    return max(missing, 0)


def waiting_messages() -> int:
    """How many messages wait in the queue. Raises kombu's OperationalError when Redis can't be reached."""
    with current_app.pool.acquire(block=True) as connection:
        # One try and no waiting: a person may be waiting for the page that rings.
        connection.ensure_connection(max_retries=1, interval_start=0, interval_max=0)
        # Not a passive declaration: with a key prefix kombu looks for the list under the wrong name.
        queue = current_app.conf.task_default_queue
        return int(connection.default_channel.queue_declare(queue=queue).message_count)


def _claimable_up_to(most: int) -> int:
    count = 0
    for jobs in JOBS:
        count += claimable(jobs)[: most - count].count()
        if count >= most:
            break
    return count
