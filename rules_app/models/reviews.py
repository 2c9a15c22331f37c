"""What people did with the versions of a rule on their way from draft to published, and what they said of the rule."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from rules_app.models.rules import Rule, RuleVersion


class ReviewAct(models.Model):
    """One act on one version of a rule, never changed. What an import published has none: its comment says so."""

    class Act(models.TextChoices):
        SENT = "sent", "Sent to review"
        CHANGES_ASKED = "changes_asked", "Asked for changes"
        APPROVED = "approved", "Approved"
        PUBLISHED = "published", "Published"
        PUBLISHED_ALONE = "published_alone", "Published without review"
        RESTORED = "restored", "Restored"
        DROPPED = "dropped", "Draft dropped"

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="acts")
    version = models.ForeignKey(RuleVersion, on_delete=models.CASCADE, related_name="acts")
    act = models.CharField(max_length=16, choices=Act)
    note = models.TextField(blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_act_display()} {self.version_id}"


class RuleComment(models.Model):
    """What somebody said of a rule. Nobody changes it; its author may take it back."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="comments")
    text = models.TextField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return f"comment {self.pk}"
