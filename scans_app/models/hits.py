"""Hits, the events they matched, and what people say of them.

What people stack and sort by most is a column of the hit, with a covering index each: grouping a million
hits by a column of another table costs ten times as much (DESIGN section 6). An event is stored once,
however many rules and scans it matched.
"""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.urls import reverse

from scans_app.models.case_acts import CaseAct
from scans_app.models.cases import Case
from scans_app.models.evidence import Evidence
from scans_app.models.scans import Scan

TEXT_KEPT = 255  # characters of an indexed text: PostgreSQL refuses index rows over 2,704 bytes
CHUNK_BITS = 20  # 64 GiB of 64 KiB chunks; services.intake refuses larger files
POSITION_BITS = 20  # a 1 MiB block holds less than 2**19 lines, a 64 KiB chunk less than 2**12 records


def event_pk(evidence_id: int, chunk: int, position: int) -> int:
    """The primary key of an event: its identity (evidence, chunk, position) in 63 bits.

    Computed, so that a worker can write an event and its hits without asking the database for the key, and
    so that writing the same event twice is a conflict that can be ignored.
    """
    return (evidence_id << (CHUNK_BITS + POSITION_BITS)) | (chunk << POSITION_BITS) | position


class Event(models.Model):
    """One event that at least one rule matched. Its primary key is `event_pk` of its identity."""

    # Always given, never counted up; but only this type makes the key the place of the row in SQLite.
    id = models.BigAutoField(primary_key=True)
    evidence = models.ForeignKey(
        Evidence, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    chunk = models.PositiveIntegerField()
    position = models.PositiveIntegerField()  # in its chunk
    time = models.BigIntegerField(default=0)  # microseconds since the epoch, UTC; 0 = it has none
    record_id = models.BigIntegerField(null=True)
    channel = models.CharField(max_length=TEXT_KEPT, blank=True)
    computer = models.CharField(max_length=TEXT_KEPT, blank=True)
    provider = models.CharField(max_length=TEXT_KEPT, blank=True)
    event_code = models.BigIntegerField(default=-1)  # as in Hit; -1 = it has none
    user = models.CharField(max_length=TEXT_KEPT, blank=True)
    data = models.JSONField()  # the event, in the shape of DESIGN section 2

    def __str__(self) -> str:
        return f"event {self.chunk}.{self.position} of evidence {self.evidence_id}"


class HitQuerySet(models.QuerySet["Hit"]):
    """The questions that are asked of hits, by name. All of them start with whose and of what."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The hits of the cases that this person may see."""
        return self.filter(scan__in=Scan.objects.visible_to(user))

    def of_case(self, case: Case) -> Self:
        """The hits of every scan of a case. An event that two scans matched is there twice."""
        return self.filter(scan__in=list(Scan.objects.of_case(case).values_list("pk", flat=True)))

    def of_scan(self, scan: Scan) -> Self:
        """The hits of one scan: what every index here begins with."""
        return self.filter(scan=scan)

    def judged(self) -> Self:
        """The hits that someone gave a verdict."""
        return self.exclude(verdict="")

    def unjudged(self) -> Self:
        """The hits that wait for a verdict."""
        return self.filter(verdict="")

    def between(self, time_from: int | None, time_to: int | None) -> Self:
        """The hits from `time_from` (inclusive) to `time_to` (exclusive), in microseconds; None is open."""
        hits = self if time_from is None else self.filter(time__gte=time_from)
        return hits if time_to is None else hits.filter(time__lt=time_to)

    def count_up_to(self, limit: int = 10_000) -> int:
        """How many there are, counting no further than `limit + 1`: a result over `limit` means "more"."""
        return self.order_by()[: limit + 1].count()


class Hit(models.Model):
    """A rule version that matched an event in a scan, with the facts of both that lists are made from."""

    class Verdict(models.TextChoices):
        UNJUDGED = "", "Unjudged"
        TRUE_POSITIVE = "true_positive", "True positive"
        BENIGN = "benign", "Benign"
        FALSE_POSITIVE = "false_positive", "False positive"
        UNSURE = "unsure", "Unsure"

    # No index of its own on any foreign key: `scan` leads all the indexes below, the others are never
    # searched without it. Those to events and evidence are not enforced, or the database would look for
    # hits in the whole table for each row that is deleted with its case (services.deletion keeps the order).
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="hit_rows", db_index=False)
    rule = models.ForeignKey("rules_app.Rule", on_delete=models.PROTECT, related_name="+", db_index=False)
    rule_version = models.ForeignKey(
        "rules_app.RuleVersion", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    event = models.ForeignKey(
        Event, on_delete=models.CASCADE, related_name="hits", db_index=False, db_constraint=False
    )
    evidence = models.ForeignKey(
        Evidence, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    chunk = models.PositiveIntegerField()
    position = models.PositiveIntegerField()
    time = models.BigIntegerField(default=0)  # microseconds since the epoch, UTC; 0 = the event has none
    level = models.PositiveSmallIntegerField(default=0)  # sigma_engine.level_rank: 1..5, 0 for none
    title = models.CharField(max_length=TEXT_KEPT)
    computer = models.CharField(max_length=TEXT_KEPT, blank=True)
    channel = models.CharField(max_length=TEXT_KEPT, blank=True)
    # The Windows event id, by its name in ECS: `event_id` is the key of `event` to Django. -1 = none.
    event_code = models.BigIntegerField("event id", default=-1)
    user = models.CharField(max_length=TEXT_KEPT, blank=True)
    details = models.TextField(blank=True)
    # Of a correlation: [{evidence, chunk, position, record_id, time, rule}, ..] in order of time; its own event
    # is the last of them. Empty for a rule over single events.
    members = models.JSONField(default=list)
    lane = models.JSONField(
        default=dict
    )  # of a correlation: its window (services.lane_rows.lane_row); else empty
    verdict = models.CharField(max_length=20, choices=Verdict, default=Verdict.UNJUDGED, blank=True)

    objects = HitQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scan", "evidence", "chunk", "position", "rule_version"], name="hit_once"
            ),
        ]
        # (scan, what is sorted or stacked by, time, event, id) orders a list for key paging, alike in every
        # scan of the same evidence: an event's key is its place. The rest makes the index answer a stack
        # (distinct computers, judged) and the usual filter (level) by itself.
        indexes = [
            models.Index("scan", "time", "event", "id", "level", "computer", "verdict", name="hit_by_time"),
            models.Index(
                "scan",
                "rule",
                "time",
                "event",
                "id",
                "computer",
                "level",
                "verdict",
                "title",
                name="hit_by_rule",
            ),
            models.Index(
                "scan", "title", "time", "event", "id", "computer", "level", "verdict", name="hit_by_title"
            ),
            models.Index("scan", "level", "time", "event", "id", "computer", "verdict", name="hit_by_level"),
            models.Index(
                "scan", "computer", "time", "event", "id", "level", "verdict", name="hit_by_computer"
            ),
            models.Index(
                "scan",
                "channel",
                "time",
                "event",
                "id",
                "computer",
                "level",
                "verdict",
                name="hit_by_channel",
            ),
            models.Index(
                "scan",
                "event_code",
                "time",
                "event",
                "id",
                "computer",
                "level",
                "verdict",
                name="hit_by_event_code",
            ),
            models.Index(
                "scan", "user", "time", "event", "id", "computer", "level", "verdict", name="hit_by_user"
            ),
            models.Index(
                "scan", "verdict", "time", "event", "id", "computer", "level", name="hit_by_verdict"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.chunk}.{self.position})"

    def get_absolute_url(self) -> str:
        return reverse("cases:hit", args=[self.scan.case_id, self.pk])


class HitJudgement(models.Model):
    """One verdict that someone gave a hit: the history behind `Hit.verdict`, never changed."""

    hit = models.ForeignKey(Hit, on_delete=models.CASCADE, related_name="judgements")
    # The act that it was part of; null for verdicts from before acts were kept. Of an undo: the act that is undone.
    act = models.ForeignKey(CaseAct, null=True, on_delete=models.SET_NULL, related_name="judgements")
    is_undo = models.BooleanField(default=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    verdict = models.CharField(max_length=20, choices=Hit.Verdict, blank=True)
    before = models.CharField(max_length=20, choices=Hit.Verdict, blank=True)  # the verdict until then
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.verdict or 'unjudged'} by {self.author}"


class HitComment(models.Model):
    """What someone wrote about a hit."""

    hit = models.ForeignKey(Hit, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"comment by {self.author}"
