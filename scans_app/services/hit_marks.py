"""Stars and assignments: set and taken away for many hits at once, kept with who and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Count, Q, QuerySet

from scans_app.models import Case, CaseAct, CaseMember, Hit, HitAssignment, HitStar
from scans_app.services.case_acts import record
from scans_app.services.review import batches_of


class MarkRefused(Exception):
    """The hits can't be assigned like this; the text is a sentence that says why."""


def assignable(case: Case, user: AbstractBaseUser | AnonymousUser) -> QuerySet[Any]:
    """Who hits of a case can be assigned to, by name: those of its members who may judge, and the person who asks."""
    judges = CaseMember.objects.filter(case=case).exclude(role=CaseMember.Role.READER).values("user")
    return get_user_model()._default_manager.filter(Q(pk__in=judges) | Q(pk=user.pk)).order_by("username")


def assign(case: Case, hits: Iterable[Hit], assignee: AbstractBaseUser | None, user: AbstractBaseUser) -> int:
    """Make hits of the case somebody's turn, or nobody's (None); how many changed.

    Raises MarkRefused for a person who may not judge in the case.
    """
    if assignee is not None and not assignable(case, user).filter(pk=assignee.pk).exists():
        raise MarkRefused(f"{assignee} may not judge in this case, so nothing can be assigned to them.")
    scans = {hit.pk: hit.scan_id for hit in hits}

    def assign_batch(pks: list[int]) -> int:
        there = HitAssignment.objects.select_for_update().filter(hit__in=pks).order_by("hit")
        if assignee is None:
            return there.delete()[0]
        same = set(there.filter(assignee=assignee).values_list("pk", flat=True))
        changed = [pk for pk in pks if pk not in same]
        there.exclude(pk__in=same).delete()
        HitAssignment.objects.bulk_create(
            [HitAssignment(hit_id=pk, scan_id=scans[pk], assignee=assignee, author=user) for pk in changed],
            update_conflicts=True,
            unique_fields=["hit"],
            update_fields=["assignee", "author", "created_at"],
        )
        return len(changed)

    name = assignee.get_username() if assignee else ""
    return _in_batches(case, user, CaseAct.Kind.ASSIGNMENT, list(scans), assign_batch, assignee=name)


def star(case: Case, hits: Iterable[Hit], user: AbstractBaseUser, *, starred: bool) -> int:
    """Star hits of the case, or take stars away, whoever set them; how many changed. A star that is there stays
    with the person who set it."""
    scans = {hit.pk: hit.scan_id for hit in hits}

    def star_batch(pks: list[int]) -> int:
        there = HitStar.objects.select_for_update().filter(hit__in=pks).order_by("hit")
        if not starred:
            return there.delete()[0]
        missing = sorted(set(pks) - set(there.values_list("pk", flat=True)))
        HitStar.objects.bulk_create(
            [HitStar(hit_id=pk, scan_id=scans[pk], author=user) for pk in missing], ignore_conflicts=True
        )
        return len(missing)

    return _in_batches(case, user, CaseAct.Kind.STAR, list(scans), star_batch, starred=starred)


def _in_batches(
    case: Case,
    user: AbstractBaseUser,
    kind: str,
    pks: list[int],
    write: Callable[[list[int]], int],
    **facts: Any,
) -> int:
    changed = 0
    for batch in batches_of(pks):
        with transaction.atomic():
            changed += write(batch)
    if changed:
        record(case, user, kind, count=changed, **facts)
    return changed


def waiting_for(case: Case, user: AbstractBaseUser | AnonymousUser) -> list[tuple[int, int]]:
    """(scan, unjudged hits of it that are assigned to this person), newest scan first."""
    mine = HitAssignment.objects.filter(assignee=user.pk, scan__in=case.scans.filter(is_deleting=False))
    open_ones = mine.filter(hit__verdict="").order_by("-scan")
    return list(open_ones.values_list("scan").annotate(n=Count("pk")))
