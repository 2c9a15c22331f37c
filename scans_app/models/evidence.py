"""Evidence: uploaded event logs, and the catalogue of their chunks.

The file on disk is the event store (DESIGN section 2). Its name there is ours; the name that came with the
upload is display text and never part of a path.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.urls import reverse

from scans_app.models.cases import Case
from scans_app.models.jobs import Job


class EvidenceQuerySet(models.QuerySet["Evidence"]):
    """The questions that are asked of evidence, by name."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> EvidenceQuerySet:
        """The evidence of the cases that this person may see. What is being deleted is seen by nobody."""
        return self.filter(case__in=Case.objects.visible_to(user), is_deleting=False)

    def of_case(self, case: Case) -> EvidenceQuerySet:
        """The evidence of one case, without what is being deleted."""
        return self.filter(case=case, is_deleting=False)

    def catalogued(self) -> EvidenceQuerySet:
        """The evidence that scans can read."""
        return self.filter(state=Evidence.State.CATALOGUED)


class Evidence(Job):
    """One event log of a case.

    stored -> cataloguing -> catalogued | refused. A process that dies while it catalogues leaves the row
    `cataloguing` until its lease ends; the next one goes on from `next_chunk`.
    """

    class Kind(models.TextChoices):
        EVTX = "evtx", "Windows event log"
        JSONL = "jsonl", "JSON lines"

    class State(models.TextChoices):
        STORED = "stored", "Waiting for the catalogue"
        CATALOGUING = "cataloguing", "Being catalogued"
        CATALOGUED = "catalogued", "Catalogued"
        REFUSED = "refused", "Refused"

    WAITING = State.STORED
    WORKING = State.CATALOGUING

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="evidence")
    name = models.CharField(max_length=500)  # display text; in a zip "archive.zip/folder/member.evtx"
    stored_name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=20, choices=State, default=State.STORED)
    size = models.PositiveBigIntegerField()  # bytes on disk
    sha256 = models.CharField(max_length=64)  # of the bytes that were uploaded
    stored_sha256 = models.CharField(max_length=64)  # of the bytes on disk: differs only for rewritten JSON
    stored_mtime_ns = models.BigIntegerField()  # with `size`: whether the file must be hashed again
    chunk_count = models.PositiveIntegerField()
    chunk_size = models.PositiveIntegerField()  # bytes
    next_chunk = models.PositiveIntegerField(default=0)  # the catalogue's checkpoint
    events = models.PositiveBigIntegerField(default=0)
    first_time = models.BigIntegerField(default=0)  # microseconds since the epoch, UTC; 0 = none
    last_time = models.BigIntegerField(default=0)
    computers = models.JSONField(default=list)  # the first COMPUTERS_KEPT, sorted
    channels = models.JSONField(default=list)  # [[channel, events], ..], most events first
    counts = models.JSONField(default=list)  # [[channel, event id, provider, events], ..], KEYS_KEPT of them
    salvaged = models.PositiveBigIntegerField(default=0)  # events read by the second parser
    lost = models.PositiveBigIntegerField(default=0)  # events that nothing could read
    problems = models.JSONField(default=list)  # [{chunk, code, message, offset}, ..], the first PROBLEMS_KEPT
    problem_count = models.PositiveIntegerField(default=0)  # those that damaged a chunk
    error = models.TextField(blank=True)  # why it was refused
    is_deleting = models.BooleanField(default=False)  # see services.deletion
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EvidenceQuerySet.as_manager()

    COMPUTERS_KEPT = 1_000
    PROBLEMS_KEPT = 1_000
    KEYS_KEPT = 10_000  # the rest, of a log that invents channels, counts as channel "…"

    class Meta:
        ordering = ["name", "pk"]
        verbose_name_plural = "evidence"
        constraints = [
            models.UniqueConstraint(
                fields=["case", "sha256"],
                condition=~models.Q(state="refused") & models.Q(is_deleting=False),
                name="evidence_bytes_once_in_case",
            ),
        ]
        indexes = [models.Index("state", "lease_until", name="evidence_claimable")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("cases:evidence_file", args=[self.case_id, self.pk])

    @staticmethod
    def folder() -> Path:
        """Where evidence lies. Several machines share it; nothing but `services.storage` writes there."""
        return Path(settings.EVIDENCE_DIR)

    @property
    def path(self) -> Path:
        """The file on disk, read-only."""
        return self.folder() / self.stored_name

    @property
    def is_whole(self) -> bool:
        """Whether every chunk and every record of it could be read by the first parser."""
        return not (self.salvaged or self.lost or self.problem_count)


class EvidenceChunk(models.Model):
    """What one chunk holds, so that a scan can pass over it without reading it."""

    evidence = models.ForeignKey(Evidence, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    events = models.PositiveIntegerField()
    first_time = models.BigIntegerField(default=0)
    last_time = models.BigIntegerField(default=0)
    first_record_id = models.BigIntegerField(null=True)
    last_record_id = models.BigIntegerField(null=True)
    salvaged = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=list)  # [[channel, event id, provider, events], ..]

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["evidence", "number"], name="evidence_chunk_once")]

    def __str__(self) -> str:
        return f"chunk {self.number}"


class EvidenceFields(models.Model):
    """How many events of one key (channel, provider, event id) a file has, and how many of them have each
    field name. Evidence catalogued before these were counted has no rows.

    Of a file that invents keys or names the first KEYS_KEPT and NAMES_KEPT have their own count; the rest is
    counted together under "…".
    """

    evidence = models.ForeignKey(Evidence, on_delete=models.CASCADE, related_name="fields")
    channel = models.CharField(max_length=255, blank=True)
    provider = models.CharField(max_length=255, blank=True)
    event_code = models.BigIntegerField(default=-1)  # the Windows event id; -1 = none
    events = models.PositiveBigIntegerField()
    names = models.JSONField(default=dict)  # {field name: events that have it}

    KEYS_KEPT = 2_000
    NAMES_KEPT = 300

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["evidence", "channel", "provider", "event_code"], name="evidence_fields_once"
            ),
        ]

    def __str__(self) -> str:
        return f"fields of {self.channel} {self.event_code}"
