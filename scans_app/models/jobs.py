"""A row that a worker works on: the row is the truth of the queue, Celery only wakes the workers.

Whoever claims a row raises its `fence`; whatever is written for it later names that fence and is refused
when another worker has claimed the row since. `services.claims` does both.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Job(models.Model):
    """What every kind of work has: a state, a lease that its worker renews, and a fence.

    A subclass names two of its states: `WAITING` (may be claimed) and `WORKING` (claimed; may be claimed
    again once `lease_until` has passed, by the database's clock).
    """

    WAITING: ClassVar[str]
    WORKING: ClassVar[str]

    attempt = models.PositiveIntegerField(default=0)  # how often it was claimed
    crashes = models.PositiveSmallIntegerField(default=0)  # leases that ran out since it last moved on
    fence = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    owner = models.CharField(max_length=80, blank=True)  # "host:pid:claim", for people and for the claim

    class Meta:
        abstract = True
