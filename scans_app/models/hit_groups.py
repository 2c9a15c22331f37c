"""Hits of a large scan summed up by what people stack and filter by, so that no stack counts them one by one."""

from __future__ import annotations

from django.db import models

from scans_app.models.evidence import Evidence
from scans_app.models.hits import TEXT_KEPT
from scans_app.models.scans import Scan


class HitGroup(models.Model):
    """The hits of one scan that are alike in all columns here but the counts; the names are those of `Hit`.

    Written when the scan is over (services.hit_groups), for scans of many hits: `Scan.is_grouped` says whether. Only
    `judged` changes afterwards, with the verdicts.
    """

    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="hit_groups", db_index=False)
    rule = models.ForeignKey("rules_app.Rule", on_delete=models.PROTECT, related_name="+", db_index=False)
    evidence = models.ForeignKey(
        Evidence, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    level = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=TEXT_KEPT)
    computer = models.CharField(max_length=TEXT_KEPT, blank=True)
    channel = models.CharField(max_length=TEXT_KEPT, blank=True)
    event_code = models.BigIntegerField()
    user = models.CharField(max_length=TEXT_KEPT, blank=True)
    hits = models.PositiveBigIntegerField()
    judged = models.PositiveBigIntegerField()  # hits with a verdict
    first_time = models.BigIntegerField()  # microseconds since the epoch, UTC
    last_time = models.BigIntegerField()

    KEYS = ("rule_id", "evidence_id", "level", "title", "computer", "channel", "event_code", "user")

    class Meta:
        indexes = [models.Index("scan", "rule", "computer", "user", name="hit_group_by_rule")]

    def __str__(self) -> str:
        return f"{self.hits} hits of {self.title}"
