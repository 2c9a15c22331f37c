"""Scans: evidence x rules x model, frozen at the start, cut into units of work."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.urls import reverse
from django.utils import timezone

from scans_app.models.cases import Case
from scans_app.models.evidence import Evidence
from scans_app.models.jobs import Job


class ScanQuerySet(models.QuerySet["Scan"]):
    """The questions that are asked of scans, by name."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> ScanQuerySet:
        """The scans of the cases that this person may see. One that is being deleted is seen by nobody."""
        return self.filter(case__in=Case.objects.visible_to(user), is_deleting=False)

    def of_case(self, case: Case) -> ScanQuerySet:
        """The scans of one case, without those that are being deleted."""
        return self.filter(case=case, is_deleting=False)

    def going_on(self) -> ScanQuerySet:
        """The scans that are not over."""
        return self.exclude(state__in=Scan.OVER)


class Scan(Job):
    """One run of many rules over some evidence with one model.

    queued -> preparing -> running -> finished | finished_with_gaps
    queued | preparing | running -> cancelling -> cancelled
    preparing -> failed (evidence changed on disk, nothing to run, the compiler died)
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        PREPARING = "preparing", "Preparing"
        RUNNING = "running", "Running"
        CANCELLING = "cancelling", "Cancelling"
        CANCELLED = "cancelled", "Cancelled"
        FINISHED = "finished", "Finished"
        FINISHED_WITH_GAPS = "finished_with_gaps", "Finished with gaps"
        FAILED = "failed", "Failed"

    WAITING = State.QUEUED
    WORKING = State.PREPARING
    OVER = (State.CANCELLED, State.FINISHED, State.FINISHED_WITH_GAPS, State.FAILED)

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="scans")
    key = models.UUIDField(unique=True, default=uuid.uuid4)  # of the form: sent twice, it is one scan
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)  # when its first unit could be claimed
    finished_at = models.DateTimeField(null=True)
    selection = models.JSONField(default=dict)  # rules_app.selection.RuleSelection as JSON
    model_version = models.ForeignKey(
        "rules_app.EventModelVersion", on_delete=models.PROTECT, related_name="+"
    )
    time_from = models.BigIntegerField(null=True)  # microseconds, inclusive; null = open
    time_to = models.BigIntegerField(null=True)
    debug = models.BooleanField(default=False)  # keeps the funnel of every rule: slower
    evidence = models.ManyToManyField(Evidence, related_name="scans")
    rules_run = models.PositiveIntegerField(default=0)
    rules_left_out = models.JSONField(default=list)  # services.preflight.LeftOut as JSON, all rules named
    manifest = models.JSONField(default=dict)  # what it ran with; see services.scans.start_scan
    log = models.JSONField(default=dict)  # what came of it; see services.settling
    events = models.PositiveBigIntegerField(default=0)  # looked at so far
    events_total = models.PositiveBigIntegerField(default=0)
    hits = models.PositiveBigIntegerField(default=0)
    hits_capped = models.PositiveBigIntegerField(default=0)  # matched, over the cap, not kept
    bytes_read = models.PositiveBigIntegerField(default=0)
    bytes_total = models.PositiveBigIntegerField(default=0)
    units_total = models.PositiveIntegerField(default=0)
    units_done = models.PositiveIntegerField(default=0)
    regex_timeouts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)  # why it failed
    is_grouped = models.BooleanField(default=False)  # whether its hits are summed up as HitGroups
    hit_times = models.JSONField(default=dict)  # of a grouped scan: services.hit_times.HitTimes as JSON
    # Raised with each batch of verdicts on its hits: what was counted before is counted anew.
    verdict_changes = models.PositiveBigIntegerField(default=0)
    cpu_share = models.PositiveSmallIntegerField(default=100)  # percent of one core, of each worker
    is_deleting = models.BooleanField(default=False)  # see services.deletion

    objects = ScanQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index("state", "lease_until", name="scan_claimable")]

    def __str__(self) -> str:
        return f"scan {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("cases:scan", args=[self.case_id, self.pk])

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in self.OVER

    @property
    def seconds(self) -> float:
        """How long it has run, or ran; 0.0 before its first unit could start."""
        if self.started_at is None:
            return 0.0
        return max(((self.finished_at or timezone.now()) - self.started_at).total_seconds(), 0.0)

    @property
    def events_per_second(self) -> float:
        """The mean rate so far; 0.0 before the first checkpoint."""
        return self.events / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """What is left at the mean rate in bytes; None without a rate to go by, and when it is over."""
        if self.is_over or not self.bytes_read or not self.seconds:
            return None
        return (self.bytes_total - self.bytes_read) / (self.bytes_read / self.seconds)

    @property
    def share_done(self) -> float:
        """0.0 to 1.0, by bytes."""
        if self.state in (self.State.FINISHED, self.State.FINISHED_WITH_GAPS):
            return 1.0
        return min(self.bytes_read / self.bytes_total, 1.0) if self.bytes_total else 0.0

    @property
    def placeholders(self) -> list[tuple[str, list[str]]]:
        """The lists that its rules ran with, as (name, values), those of one set after those of another."""
        of_sets = self.manifest.get("placeholders", {}).values()
        return [(name, lists[name]) for lists in of_sets for name in sorted(lists)]

    def gaps(self) -> list[dict[str, Any]]:
        """What it could not look at, in the order of the evidence.

        `[{evidence, name, chunk, last_chunk, reason}, ..]`; the chunks are None where single records of a
        file could not be read.
        """
        units = self.units.exclude(skipped=[], lost=0).select_related("evidence").order_by("place")
        gaps = []
        for unit in units:
            where = {"evidence": unit.evidence_id, "name": unit.evidence.name}
            gaps += [{**where, **skipped} for skipped in unit.skipped]
            if unit.lost:
                reason = f"{unit.lost:,} record{'' if unit.lost == 1 else 's'} could not be read"
                gaps.append({**where, "chunk": None, "last_chunk": None, "reason": reason})
        return gaps


class ScanRule(models.Model):
    """One rule version that a scan runs. `position` is its index among the rules that were compiled."""

    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveIntegerField()
    rule_version = models.ForeignKey("rules_app.RuleVersion", on_delete=models.PROTECT, related_name="+")
    sources = models.JSONField(default=list)  # names of the log sources that serve it
    hits = models.PositiveBigIntegerField(default=0)  # kept; written when the scan is over
    hits_capped = models.PositiveBigIntegerField(default=0)
    events = models.PositiveBigIntegerField(default=0)  # events of its log sources, by the catalogue
    nearest = models.JSONField(
        default=dict
    )  # of a silent correlation (services.lane_rows.nearest_row); else empty

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["scan", "position"], name="scan_rule_position")]

    def __str__(self) -> str:
        return f"rule {self.position} of scan {self.scan_id}"


class ScanUnit(Job):
    """A run of chunks of one file, about 64 MiB: what a worker claims.

    queued -> running -> done | cancelled; running -> queued when its worker hands it back, or by a claim
    after the lease ran out. `next_chunk` moves in the transaction that writes the hits of the chunks before
    it, and nowhere else.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    WAITING = State.QUEUED
    WORKING = State.RUNNING

    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="units")
    evidence = models.ForeignKey(Evidence, on_delete=models.CASCADE, related_name="+")
    place = models.PositiveIntegerField()  # within its scan; low places of all scans go first
    first_chunk = models.PositiveIntegerField()
    last_chunk = models.PositiveIntegerField()  # inclusive
    next_chunk = models.PositiveIntegerField()
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    events = models.PositiveBigIntegerField(default=0)
    hits = models.PositiveBigIntegerField(default=0)
    bytes_read = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0.0)  # spent matching, over all attempts that reached a checkpoint
    lost = models.PositiveBigIntegerField(default=0)  # records that nothing could read
    source_events = models.JSONField(default=dict)  # {log source: events}; an event may belong to several
    # {log source: seconds}; those of a chunk are shared out by its events
    source_seconds = models.JSONField(default=dict)
    cache_counts = models.JSONField(default=dict)  # {what: number} of what the scanner's caches did not know
    regex_timeouts = models.JSONField(default=dict)  # {pattern: searches that ran out of time}
    rule_hits = models.JSONField(default=dict)  # {position as text: [kept, over the cap]}
    skipped = models.JSONField(default=list)  # [{chunk, last_chunk, reason}, ..]: set aside, the scan's gaps
    member_files = models.JSONField(default=list)  # names of the files with its matches for correlations
    error = models.TextField(blank=True)  # the last one

    class Meta:
        ordering = ["place"]
        constraints = [models.UniqueConstraint(fields=["scan", "place"], name="scan_unit_place")]
        indexes = [models.Index("state", "place", "id", name="scan_unit_claimable")]

    def __str__(self) -> str:
        return f"chunks {self.first_chunk} to {self.last_chunk} of evidence {self.evidence_id}"
