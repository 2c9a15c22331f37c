"""Pinned events: what a person holds a rule against while writing it."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property

from rules_app.models.rules import Rule


class CopiedEvent(models.Model):
    """An event kept with a rule: a whole copy, the name of its file as log sources see it, and its origin.

    `origin` is {case, evidence, evidence_name, evidence_sha256, chunk, position, record_id} or {pasted: true}.
    The copy is JSON text and no JSON column: evidence holds NUL, halves of surrogate pairs and numbers that
    databases refuse, and a rule has to see what a scan sees. `sha256` names the event with its file's name.
    """

    event_text = models.TextField()
    file_name = models.CharField(max_length=500, blank=True)
    sha256 = models.CharField(max_length=64)
    origin = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    @cached_property
    def event(self) -> dict[str, Any]:
        """The event in the engine's shape. Not to be changed."""
        event: dict[str, Any] = json.loads(self.event_text)
        return event

    def columns(self) -> dict[str, Any]:
        """What another copy of it has in common with this one."""
        return {name: getattr(self, name) for name in ("event_text", "file_name", "sha256", "origin")}


class PinnedEvent(CopiedEvent):
    """An event that its owner pinned to a rule, or with no rule to the one that they are about to write.

    Nobody but the owner sees it: it comes from a case, and rules are read by everybody.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pins")
    rule = models.ForeignKey(Rule, null=True, on_delete=models.CASCADE, related_name="pins")

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "rule", "sha256"], name="pin_once_a_rule"),
            models.UniqueConstraint(
                fields=["owner", "sha256"], condition=models.Q(rule=None), name="pin_once_without_rule"
            ),
        ]

    def __str__(self) -> str:
        return f"pin {self.pk}"
