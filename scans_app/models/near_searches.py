"""Searches for near misses of a rule over a case: how far they came and what they counted."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from scans_app.models.cases import Case


class NearSearch(models.Model):
    """One search with one version of a rule. It goes on a slice a request until it is over or its sample is full.

    `files` are the keys of the evidence, in order; (`file`, `chunk`) is the place: an index in `files` and the first
    chunk not yet read. `clauses` are `sigma_engine.FailedClause.to_dict` of each clause that failed.
    """

    SAMPLE = 100_000  # events of the rule's log source

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="near_searches")
    rule_version = models.ForeignKey("rules_app.RuleVersion", on_delete=models.CASCADE, related_name="+")
    model_version = models.ForeignKey(
        "rules_app.EventModelVersion", on_delete=models.PROTECT, related_name="+"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    files = models.JSONField(default=list)
    file = models.PositiveIntegerField(default=0)
    chunk = models.PositiveIntegerField(default=0)
    events_total = models.PositiveBigIntegerField(default=0)  # of the rule's log source, by the catalogue
    sample = models.PositiveBigIntegerField(default=SAMPLE)  # events after which it stops; 0 for none
    looked_at = models.PositiveBigIntegerField(default=0)
    tried = models.PositiveBigIntegerField(default=0)  # events of its log source
    near = models.PositiveBigIntegerField(default=0)
    clauses = models.JSONField(default=list)
    problems = models.JSONField(default=list)  # sentences about files that could not be read
    is_over = models.BooleanField(default=False)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"near misses of {self.rule_version}"

    @property
    def is_sample(self) -> bool:
        """Whether it stopped before the end of the evidence."""
        return self.is_over and self.file < len(self.files)
