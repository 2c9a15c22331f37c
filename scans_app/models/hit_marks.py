"""Stars and assignments of hits: few among many hits, so each is a small table of its own, keyed by the hit.

They are shared by the members of the case. What is asked most (a page's rows, one person's open hits) never reads
the table of hits for those that have none.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models

from scans_app.models.hits import Hit
from scans_app.models.scans import Scan


class HitStar(models.Model):
    """Somebody found a hit worth coming back to."""

    hit = models.OneToOneField(Hit, primary_key=True, on_delete=models.CASCADE, related_name="star")
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="+")  # that of the hit
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"star of {self.author}"


class HitAssignment(models.Model):
    """Whose turn it is to look at a hit, and who said so."""

    hit = models.OneToOneField(Hit, primary_key=True, on_delete=models.CASCADE, related_name="assignment")
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, related_name="+")  # that of the hit
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"assigned to {self.assignee}"
