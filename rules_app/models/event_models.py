"""Event models: where log sources and fields are found in events.

"Model" on the pages and in URLs, Velociraptor's word; "event model" in code, because Django has models too.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.urls import reverse

from rules_app.models.saved_texts import SavedText


class EventModelQuerySet(models.QuerySet["EventModel"]):
    """The questions that are asked of event models, by name."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> EventModelQuerySet:
        """The models that this person may see: all of them for anyone signed in, none for others."""
        return self.all() if user.is_authenticated and user.is_active else self.none()

    def default(self) -> EventModel | None:
        """The model that the library's `served` column speaks of and that scans start with."""
        return self.select_related("current").filter(is_default=True).first()


class EventModel(models.Model):
    """A model as it is now. A shipped one is read-only and follows the version of the project."""

    name = models.CharField(max_length=200, unique=True)
    shipped = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)
    current = models.ForeignKey("EventModelVersion", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EventModelQuerySet.as_manager()

    class Meta:
        ordering = ["-shipped", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="one_default_event_model"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("rules:model", args=[self.pk])


class EventModelVersion(SavedText):
    """One saved text of a model."""

    model = models.ForeignKey(EventModel, on_delete=models.CASCADE, related_name="versions")

    class Meta(SavedText.Meta):
        constraints = [models.UniqueConstraint(fields=["model", "number"], name="event_model_version_number")]

    def __str__(self) -> str:
        return f"{self.model.name} {self.number}"

    @property
    def broken(self) -> bool:
        """Whether the text has an error: scans can't run with it."""
        return any(finding["severity"] == "error" for finding in self.findings)
