"""Cases and who works on them. Everything that a case holds is visible to its members and nobody else."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.urls import reverse


class CaseQuerySet(models.QuerySet["Case"]):
    """The questions that are asked of cases, by name."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> CaseQuerySet:
        """The cases that this person may see: those they are a member of; all for an administrator.

        A case that is being deleted is seen by nobody.
        """
        if not (user.is_authenticated and user.is_active):
            return self.none()
        return self.filter(state=Case.State.OPEN)._of(user)

    def being_deleted_from(self, user: AbstractBaseUser | AnonymousUser) -> CaseQuerySet:
        """The cases that this person saw until somebody deleted them, and that are not gone yet."""
        return self.filter(state=Case.State.DELETING)._of(user)

    def _of(self, user: AbstractBaseUser | AnonymousUser) -> CaseQuerySet:
        if user.is_superuser:
            return self
        return self.filter(pk__in=CaseMember.objects.filter(user=user.pk).values("case"))


class Case(models.Model):
    """One investigation: its evidence, scans and hits, and the people who work on it.

    open -> deleting -> gone, a batch at a time (see `services.deletion`).
    """

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DELETING = "deleting", "Being deleted"

    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    state = models.CharField(max_length=20, choices=State, default=State.OPEN)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("cases:case", args=[self.pk])

    def role_of(self, user: AbstractBaseUser | AnonymousUser) -> str:
        """The role of this person in the case, "" for none. An administrator is an owner of every case."""
        if user.is_superuser:
            return CaseMember.Role.OWNER
        return self.members.filter(user=user).values_list("role", flat=True).first() or ""

    def may_edit(self, user: AbstractBaseUser | AnonymousUser) -> bool:
        """Whether this person may upload, scan, judge and comment."""
        return self.role_of(user) in (CaseMember.Role.OWNER, CaseMember.Role.ANALYST)

    def may_own(self, user: AbstractBaseUser | AnonymousUser) -> bool:
        """Whether this person may change the members, and delete the case."""
        return self.role_of(user) == CaseMember.Role.OWNER


class CaseMember(models.Model):
    """One person's part in a case: an owner also manages members, a reader changes nothing."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        ANALYST = "analyst", "Analyst"
        READER = "reader", "Reader"

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="case_memberships"
    )
    role = models.CharField(max_length=20, choices=Role, default=Role.ANALYST)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["case", "user"], name="case_member_once")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"
