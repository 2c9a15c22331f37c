"""Funnels of debug scans: what a unit counted so far, and what the whole scan says of each rule and log source."""

from __future__ import annotations

from django.db import models

from scans_app.models.scans import Scan, ScanUnit


class UnitFunnel(models.Model):
    """What a unit of a debug scan counted up to its checkpoint; written with it, gone when the scan is over.

    `counts` is `sigma_engine.Funnel.to_json` as compressed JSON.
    """

    unit = models.OneToOneField(ScanUnit, on_delete=models.CASCADE, related_name="funnel", primary_key=True)
    counts = models.BinaryField()

    def __str__(self) -> str:
        return f"funnel of unit {self.unit_id}"


class ScanFunnelQuerySet(models.QuerySet["ScanFunnel"]):
    """The questions that are asked of funnels, by name."""

    def of_scan(self, scan: Scan) -> ScanFunnelQuerySet:
        """The rows of one scan."""
        return self.filter(scan=scan)


class ScanFunnel(models.Model):
    """How far the events of a debug scan came with one rule, and the named cause when that gave no hit.

    A rule that was never tried has a row too, with zeros. Titles and levels are those of the scan; `rule` and
    `rule_version` are gone when the rule was deleted since.
    """

    class Stop(models.TextChoices):
        """Where a rule stopped, in the order of the funnel."""

        HIT = "hit", "Hit"
        NO_EVENTS = "no_events", "No event of its log source"
        FIELD = "field", "A field was never there"
        SELECTION = "selection", "No value matched"
        FILTER = "filter", "A filter took all"
        CONDITION = "condition", "Never all in one event"
        CORRELATION = "correlation", "Too few in a window"
        NOT_SERVED = "not_served", "Not served by the model"
        NOT_SELECTED = "not_selected", "Left out by the choice"
        DISABLED = "disabled", "Switched off"
        UNPUBLISHED = "unpublished", "Only a draft"
        BROKEN = "broken", "Broken"
        NOT_RUN = "not_run", "What it refers to does not run"

    NEVER_TRIED = (
        Stop.NOT_SERVED,
        Stop.NOT_SELECTED,
        Stop.DISABLED,
        Stop.UNPUBLISHED,
        Stop.BROKEN,
        Stop.NOT_RUN,
    )

    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="funnels")
    rule = models.ForeignKey("rules_app.Rule", null=True, on_delete=models.SET_NULL, related_name="+")
    rule_version = models.ForeignKey(
        "rules_app.RuleVersion", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    title = models.CharField(max_length=500)
    level = models.PositiveSmallIntegerField(default=0)  # sigma_engine.level_rank
    logsource = models.CharField(max_length=310, blank=True)
    stopped_at = models.CharField(max_length=14, choices=Stop)
    cause = models.CharField(max_length=20, blank=True)  # sigma_engine.Cause.code
    sentence = models.TextField(blank=True)
    line = models.PositiveIntegerField(default=0)  # of the rule, 0 where the cause has none
    of_source = models.PositiveBigIntegerField(default=0)
    fields_present = models.PositiveBigIntegerField(default=0)
    any_selection = models.PositiveBigIntegerField(default=0)
    condition = models.PositiveBigIntegerField(default=0)
    counts = models.JSONField(default=dict)  # sigma_engine.RuleFunnel.to_dict

    objects = ScanFunnelQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index("scan", "stopped_at", name="scan_funnel_stopped_at"),
            models.Index("scan", "rule", name="scan_funnel_rule"),
        ]

    def __str__(self) -> str:
        return f"funnel of {self.title} in scan {self.scan_id}"

    @property
    def was_tried(self) -> bool:
        """Whether the scan ran it at all."""
        return self.stopped_at not in self.NEVER_TRIED


class ScanSources(models.Model):
    """What a debug scan saw of its log sources: one row a scan.

    `sources` is [{name, events, rules, names: [[field name, events], ..], unnamed}]; `missing_fields` and
    `failed_lambdas` are sigma_engine.MissingField and FailedLambda as JSON. `events` are all of the evidence.
    """

    scan = models.OneToOneField(Scan, on_delete=models.CASCADE, related_name="seen_sources", primary_key=True)
    events = models.PositiveBigIntegerField(default=0)
    sources = models.JSONField(default=list)
    missing_fields = models.JSONField(default=list)
    failed_lambdas = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"log sources of scan {self.scan_id}"
