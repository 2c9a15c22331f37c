"""Rule tests: events that a rule must hit or must not hit."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from rules_app.models.pins import CopiedEvent
from rules_app.models.rules import Rule


class RuleTest(CopiedEvent):
    """What a rule is to say of an event. Belongs to the rule and is read by all who read it.

    With no rule it belongs to the one that `created_by` is about to write, and only they see it.
    """

    rule = models.ForeignKey(Rule, null=True, on_delete=models.CASCADE, related_name="tests")
    must_hit = models.BooleanField()
    note = models.CharField(max_length=500, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "sha256"], name="test_once_a_rule"),
            models.UniqueConstraint(
                fields=["created_by", "sha256"], condition=models.Q(rule=None), name="test_once_without_rule"
            ),
        ]

    def __str__(self) -> str:
        return f"test {self.pk}"

    @property
    def expected(self) -> str:
        """What is expected, in words."""
        return "must hit" if self.must_hit else "must not hit"
