"""Trials: a rule's text that is not saved, run over evidence while it is written."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models

from scans_app.models.cases import Case


class TrialQuerySet(models.QuerySet["Trial"]):
    """The questions that are asked of trials, by name."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> TrialQuerySet:
        """A person's own trials in cases that they may still see; an administrator sees all."""
        visible = self.filter(case__in=Case.objects.visible_to(user))
        return visible if user.is_superuser else visible.filter(user=user.pk)


class Trial(models.Model):
    """One text over chosen evidence, a slice of time a request: `services.trying` moves it on.

    running -> finished | capped | cancelled | failed. `file` and `chunk` are the place of `services.rule_run`;
    `step` counts the slices, so that of two requests at once only one counts. It is for looking, not for keeping:
    nothing of it is reviewed, and old ones are deleted.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        CAPPED = "capped", "Stopped at its limit"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="trials")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="trials")
    state = models.CharField(max_length=20, choices=State, default=State.RUNNING)
    text = models.TextField()
    placeholders = models.JSONField(default=dict)
    evidence = models.JSONField(default=list)  # primary keys, in the order of reading
    file = models.PositiveIntegerField(default=0)
    chunk = models.PositiveIntegerField(default=0)
    step = models.PositiveIntegerField(default=0)
    events = models.PositiveBigIntegerField(default=0)  # read so far
    events_done = models.PositiveBigIntegerField(
        default=0
    )  # read, or passed over since no rule matches there
    events_total = models.PositiveBigIntegerField(default=0)  # of the chosen evidence
    source_events = models.PositiveBigIntegerField(default=0)  # read ones of the rule's log sources
    hits = models.PositiveBigIntegerField(default=0)  # that a scan would have
    taken = models.JSONField(default=dict)  # {title of a global filter: hits that it takes away}
    first_time = models.BigIntegerField(default=0)  # microseconds, of the chosen evidence; 0 = none
    last_time = models.BigIntegerField(default=0)
    bins = models.JSONField(default=list)  # hits in equal spans from first_time to last_time
    values = models.JSONField(default=dict)  # {field: {value: hits}} of the rule's fields, bounded
    samples = models.JSONField(default=list)  # the first hits, as rows
    problems = models.JSONField(default=list)  # sentences: what could not be read, what ran out of time
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = TrialQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"trial {self.pk}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state != self.State.RUNNING

    @property
    def share_hit(self) -> float:
        """Hits among the events of the rule's log sources that were read, 0.0 to 1.0."""
        return self.hits / self.source_events if self.source_events else 0.0

    @property
    def common_value(self) -> dict[str, Any] | None:
        """The value of one of the rule's fields that at least half of the hits have: {field, value, hits}."""
        counts = (
            {"field": field, "value": value, "hits": hits}
            for field, of_field in self.values.items()
            for value, hits in of_field.items()
        )
        most = max(counts, key=lambda one: one["hits"], default=None)
        return most if most is not None and 2 * most["hits"] >= self.hits else None
