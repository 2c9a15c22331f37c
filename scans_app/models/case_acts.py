"""What people did in a case: who, what, when. The case's history, and what an undo goes by."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from scans_app.models.cases import Case


class CaseAct(models.Model):
    """One thing that somebody did in a case. Only its number and `undone_at` ever change.

    `facts` are what its sentence says beside the number (see `scans_app.case_history`), as they were then: what is
    named there may be gone today.
    """

    class Kind(models.TextChoices):
        CASE = "case", "made the case"
        MEMBER = "member", "changed the members"
        EVIDENCE = "evidence", "added evidence"
        SCAN = "scan", "started a scan"
        CANCEL = "cancel", "cancelled a scan"
        VERDICT = "verdict", "judged"
        UNDO = "undo", "undid a verdict"
        ASSIGNMENT = "assignment", "assigned"
        STAR = "star", "starred"
        DELETION = "deletion", "deleted"

    ON_HITS = (Kind.VERDICT, Kind.UNDO, Kind.ASSIGNMENT, Kind.STAR)

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="acts", db_index=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=Kind)
    count = models.PositiveIntegerField(default=1)  # hits of an act on hits; else 1
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True)  # of a verdict

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index("case", "id", name="case_act_by_case")]

    def __str__(self) -> str:
        return f"{self.author} {self.get_kind_display()}"

    @property
    def verdict(self) -> Any:
        """The verdict that an act of that kind gave, "" for one that took verdicts back."""
        return self.facts.get("verdict", "")
