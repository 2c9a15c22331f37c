"""Cases and their members."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from scans_app.models import Case, CaseAct, CaseMember, HitAssignment
from scans_app.services.case_acts import record


class MemberError(Exception):
    """The members can't be changed like this; the text is a sentence that says why."""


@transaction.atomic
def create_case(name: str, description: str, user: AbstractBaseUser) -> Case:
    """A new case whose owner is this person."""
    case = Case.objects.create(name=name.strip(), description=description.strip(), created_by=user)
    CaseMember.objects.create(case=case, user=user, role=CaseMember.Role.OWNER)
    record(case, user, CaseAct.Kind.CASE)
    return case


@transaction.atomic
def add_member(
    case: Case, user: AbstractBaseUser, role: str, *, by: AbstractBaseUser | None = None
) -> CaseMember:
    """Make this person a member, or give them another role; hits that waited for who is a reader now wait for nobody.
    `by` is who did so. Raises MemberError where no owner would be left, ValueError for a word that is no role."""
    if role not in CaseMember.Role.values:
        raise ValueError(f"{role!r} is no role: choose one of {', '.join(CaseMember.Role.values)}.")
    if role != CaseMember.Role.OWNER:
        _check_owner_left(case, user)
    member, _ = CaseMember.objects.update_or_create(case=case, user=user, defaults={"role": role})
    if role == CaseMember.Role.READER:
        _take_assignments(case, user)
    record(case, by, CaseAct.Kind.MEMBER, member=user.get_username(), role=role)
    return member


@transaction.atomic
def remove_member(case: Case, user: AbstractBaseUser, *, by: AbstractBaseUser | None = None) -> None:
    """End this person's part in the case; hits that waited for them wait for nobody. `by` is who did so. Raises
    MemberError where no owner would be left."""
    _check_owner_left(case, user)
    case.members.filter(user=user).delete()
    _take_assignments(case, user)
    record(case, by, CaseAct.Kind.MEMBER, member=user.get_username(), role="")


def _take_assignments(case: Case, user: AbstractBaseUser) -> None:
    HitAssignment.objects.filter(assignee=user, scan__case=case).delete()


def _check_owner_left(case: Case, leaving: AbstractBaseUser) -> None:
    # The case's row is locked, so that two owners who leave at once don't both see the other stay.
    Case.objects.select_for_update().get(pk=case.pk)
    owners = list(case.members.filter(role=CaseMember.Role.OWNER).values_list("user", flat=True))
    if owners == [leaving.pk]:
        raise MemberError(f"{leaving} is the only owner of this case: make someone else an owner first.")
