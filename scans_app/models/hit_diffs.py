"""Hit diffs: what a version of a rule gains and loses on the evidence of a scan."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models

from scans_app.models.hits import Hit
from scans_app.models.jobs import Job
from scans_app.models.scans import Scan


class HitDiffQuerySet(models.QuerySet["HitDiff"]):
    """The questions that are asked of hit diffs, by name."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> HitDiffQuerySet:
        """The diffs on scans of cases that this person may see."""
        return self.filter(scan__in=Scan.objects.visible_to(user))

    def finished(self) -> HitDiffQuerySet:
        """The diffs that have an answer."""
        return self.filter(state=HitDiff.State.FINISHED)


class HitDiff(Job):
    """A version held against the one that the scan ran, or else the published one, over the scan's evidence.

    waiting -> running -> finished | failed. It keeps the events that either version hits by their place, so that
    verdicts are asked when the diff is read: `new_hits` and `old_hits` are {evidence: {chunk: [position, ..]}} with
    ids as text. `file` and `chunk` are the place where it goes on.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"

    WAITING = State.WAITING
    WORKING = State.RUNNING

    rule_version = models.ForeignKey("rules_app.RuleVersion", on_delete=models.CASCADE, related_name="+")
    base_version = models.ForeignKey(
        "rules_app.RuleVersion", null=True, on_delete=models.SET_NULL, related_name="+"
    )  # null: there is none, all hits are gained
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="hit_diffs")
    in_scan = models.BooleanField(default=False)  # whether the scan itself ran `base_version`
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    file = models.PositiveIntegerField(default=0)  # counts in the scan's evidence in order of its ids
    chunk = models.PositiveIntegerField(default=0)
    chunks_read = models.PositiveIntegerField(default=0)
    chunks_total = models.PositiveIntegerField(
        default=0
    )  # to read: those that may hold a hit of either version
    events = models.PositiveBigIntegerField(default=0)  # looked at
    seconds = models.FloatField(default=0.0)
    new_hits = models.JSONField(default=dict)
    old_hits = models.JSONField(default=dict)
    gained_rows = models.JSONField(default=list)  # the first few, see services.hit_diff
    lost_rows = models.JSONField(default=list)  # of those that the scan has no hit of
    kept = models.PositiveIntegerField(default=0)
    gained = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list)  # sentences about what could not be read
    error = models.TextField(blank=True)  # why it failed

    objects = HitDiffQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["rule_version", "scan"], name="hit_diff_once")]
        indexes = [models.Index("state", "lease_until", name="hit_diff_claimable")]

    def __str__(self) -> str:
        return f"hit diff {self.pk}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in (self.State.FINISHED, self.State.FAILED)


class AcceptedLoss(models.Model):
    """Somebody looked at a true positive that a version loses, and accepted that."""

    diff = models.ForeignKey(HitDiff, on_delete=models.CASCADE, related_name="accepted")
    hit = models.ForeignKey(
        Hit, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["diff", "hit"], name="loss_accepted_once")]

    def __str__(self) -> str:
        return f"accepted loss {self.pk}"
