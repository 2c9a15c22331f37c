"""Filters on what people marked: stars and assignees, in small tables beside the hits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from scans_app.models import HitAssignment, HitStar, Scan

NOBODY = "(nobody)"
ME = "(me)"  # written out before it is read, so that a link means the same to whoever opens it


def _starred(values: tuple[str, ...]) -> Q:
    if set(values) - {"yes", "no"}:
        raise ValueError("starred is yes or no")
    stars = Q(pk__in=HitStar.objects.values("hit"))
    return Q() if len(set(values)) == 2 else stars if "yes" in values else ~stars


def _assigned(values: tuple[str, ...]) -> Q:
    names = [value for value in values if value != NOBODY]
    condition = Q(pk__in=HitAssignment.objects.filter(assignee__username__in=names).values("hit"))
    return condition | ~Q(pk__in=HitAssignment.objects.values("hit")) if NOBODY in values else condition


#: Parameter -> the condition on hits. Raises ValueError for a value that it cannot read.
MARKS: dict[str, Callable[[tuple[str, ...]], Q]] = {"starred": _starred, "assignee": _assigned}


def marks_state(scan: Scan) -> str:
    """A text that changes when the stars or the assignments of a scan do: whatever is added is newer than all there."""
    newest = {"n": Count("pk"), "at": Max("created_at")}
    of_scan = (model.objects.filter(scan=scan).aggregate(**newest) for model in (HitStar, HitAssignment))
    return "".join(f".{state['n']}.{state['at']}" for state in of_scan)


def marked_keys(param: str, values: tuple[str, ...], scan: Scan) -> QuerySet[Any, int] | None:
    """The keys of the hits of a scan that a filter lets through, where a small table has them all; else None."""
    if param == "starred" and values == ("yes",):
        return HitStar.objects.filter(scan=scan).values_list("pk", flat=True)
    if param == "assignee" and NOBODY not in values:
        mine = HitAssignment.objects.filter(scan=scan, assignee__username__in=values)
        return mine.values_list("pk", flat=True)
    return None
