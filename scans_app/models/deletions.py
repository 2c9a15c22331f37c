"""What is deleted, by whom, and how far that has come. The row stays when everything else is gone."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models

from scans_app.models.cases import Case
from scans_app.models.jobs import Job


class DeletionQuerySet(models.QuerySet["Deletion"]):
    """The questions that are asked of deletions, by name."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> DeletionQuerySet:
        """What this person asked to be deleted; all for an administrator."""
        return self if user.is_superuser else self.filter(author=user)

    def going_on(self) -> DeletionQuerySet:
        """The deletions that are not over."""
        return self.exclude(state=Deletion.State.GONE)

    def of_case(self, case: Case) -> Deletion | None:
        """That of a case that is being deleted; None when it is over."""
        return self.going_on().filter(case=case, kind=Deletion.Kind.CASE).order_by("-pk").first()

    def of_scan(self, case: Case, pk: int) -> Deletion | None:
        """That of a scan of the case that is being deleted; None when it is over."""
        return next((one for one in self.going_on().filter(case=case) if pk in one.scans), None)

    def of_file(self, case: Case, pk: int) -> Deletion | None:
        """That of a file of the case that is being deleted; None when it is over."""
        return next((one for one in self.going_on().filter(case=case) if pk in one.files), None)


class Deletion(Job):
    """Scans and files of one case, or all of it, being deleted in batches: waiting -> working -> gone.

    What it deletes is marked in the transaction that makes the row, and out of everyone's sight from then on.
    """

    class Kind(models.TextChoices):
        SCAN = "scan", "Scan"
        EVIDENCE = "evidence", "Evidence"
        CASE = "case", "Case"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        WORKING = "working", "Being deleted"
        GONE = "gone", "Gone"

    WAITING = State.WAITING
    WORKING = State.WORKING

    kind = models.CharField(max_length=10, choices=Kind)
    # Not enforced: the row outlives its case.
    case = models.ForeignKey(Case, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    case_name = models.CharField(max_length=200)
    name = models.CharField(max_length=500)  # of what was chosen, as people called it
    scans = models.JSONField(default=list)  # primary keys; of a case none: all of it go
    files = models.JSONField(default=list)
    facts = models.JSONField(default=dict)  # {word: number} of what went, as it was told before
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    rows_total = models.PositiveBigIntegerField(default=0)  # hits, stored events and chunks
    rows_done = models.PositiveBigIntegerField(default=0)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = DeletionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index("state", "lease_until", name="deletion_claimable")]

    def __str__(self) -> str:
        return f"deletion of {self.name}"

    @property
    def is_over(self) -> bool:
        """Whether all of it is gone."""
        return self.state == self.State.GONE

    @property
    def share_done(self) -> float:
        """0.0 to 1.0, by rows."""
        if self.is_over:
            return 1.0
        return min(self.rows_done / self.rows_total, 1.0) if self.rows_total else 0.0
