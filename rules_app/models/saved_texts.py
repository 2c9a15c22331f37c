"""What a version of a rule and one of a model are: a text that was saved once and never changes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class SavedText(models.Model):
    """One saved text with its findings, who saved it and why. Never changed after it was made: hits and scans name
    the version that they are of."""

    number = models.PositiveIntegerField()
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    findings = models.JSONField(default=list)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField()

    class Meta:
        abstract = True
        ordering = ["-number"]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new version. Raises ValueError for one that was written before: it is immutable."""
        if not self._state.adding:
            raise ValueError("A version does not change; save its text as a new version.")
        super().save(*args, **kwargs)
