"""Hits of a large scan summed up by what people stack and filter by, so that no stack counts them one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import reduce
from operator import add
from typing import Any, Self

from django.db import models
from django.db.models import F, Value

from scans_app.models.evidence import Evidence
from scans_app.models.hits import TEXT_KEPT, Hit
from scans_app.models.scans import Scan


class HitGroupQuerySet(models.QuerySet["HitGroup"]):
    """The questions that are asked of groups, by name."""

    def of_scan(self, scan: Scan) -> Self:
        """The groups of one scan."""
        return self.filter(scan=scan)

    def with_verdicts(self, verdicts: Collection[str]) -> Self:
        """The groups with a hit of one of these verdicts ("" is unjudged), those counted: `kept` are the hits that
        have one of them, `kept_judged` the judged among these."""
        judged = _sum_of(verdict for verdict in HitGroup.JUDGED if verdict in verdicts)
        others = _sum_of(verdict for verdict in HitGroup.JUDGED if verdict not in verdicts)
        kept = F("hits") - others if "" in verdicts else judged
        return self.annotate(kept=kept, kept_judged=judged).filter(kept__gt=0)


def _sum_of(columns: Iterable[str]) -> Any:
    return reduce(add, map(F, columns), Value(0))


class HitGroup(models.Model):
    """The hits of one scan that are alike in all columns here but the counts; the names are those of `Hit`.

    Written when the scan is over (services.hit_groups), for scans of many hits: `Scan.is_grouped` says whether. Only
    the counts of verdicts change afterwards.
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
    # How many of the hits have each verdict; the rest is unjudged.
    true_positive = models.PositiveBigIntegerField(default=0)
    benign = models.PositiveBigIntegerField(default=0)
    false_positive = models.PositiveBigIntegerField(default=0)
    unsure = models.PositiveBigIntegerField(default=0)
    first_time = models.BigIntegerField()  # microseconds since the epoch, UTC
    last_time = models.BigIntegerField()

    KEYS = ("rule_id", "evidence_id", "level", "title", "computer", "channel", "event_code", "user")
    JUDGED = tuple(verdict for verdict in Hit.Verdict.values if verdict)  # each a column here

    objects = HitGroupQuerySet.as_manager()

    class Meta:
        indexes = [models.Index("scan", "rule", "computer", "user", name="hit_group_by_rule")]

    def __str__(self) -> str:
        return f"{self.hits} hits of {self.title}"
