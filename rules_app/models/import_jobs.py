"""Import jobs: one upload of rule files and what became of each."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.urls import reverse

from rules_app.models.rules import RuleSet


class ImportJobQuerySet(models.QuerySet["ImportJob"]):
    """The questions that are asked of import jobs, by name."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> ImportJobQuerySet:
        """The jobs that this person may see: their own, and all of them for an administrator."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        return self.all() if user.is_superuser else self.filter(created_by=user)


class ImportJob(models.Model):
    """An upload on its way into a set.

    queued -> running -> finished | failed. Counts and `files_done` are written in the transaction that
    writes the rules they speak of, so a job whose process died goes on where the last one ended.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        FAILED = "failed", "Failed"

    rule_set = models.ForeignKey(RuleSet, on_delete=models.CASCADE, related_name="import_jobs")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    uploads = models.JSONField(default=list)  # [[display name, stored name], ..]; stored names are ours
    lease_until = models.DateTimeField(null=True)  # a running job whose lease ran out may be taken over
    files_total = models.PositiveIntegerField(default=0)
    files_done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    broken = models.PositiveIntegerField(default=0)
    refused = models.JSONField(default=list)  # [[path, sentence], ..]
    notices = models.JSONField(default=list)  # [[path, sentence], ..]
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = ImportJobQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"import {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("rules:import_job", args=[self.pk])

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in (self.State.FINISHED, self.State.FAILED)

    @staticmethod
    def folder() -> Path:
        """Where uploads wait for their import."""
        return Path(settings.DATA_DIR) / "imports"

    @property
    def percent(self) -> int:
        """How much of its files is done, 0 to 100."""
        return 100 * self.files_done // self.files_total if self.files_total else 0

    @property
    def seconds(self) -> float:
        """How long it took from its first file to its end; 0.0 before that."""
        if self.started_at is None or self.finished_at is None:
            return 0.0
        return (self.finished_at - self.started_at).total_seconds()
