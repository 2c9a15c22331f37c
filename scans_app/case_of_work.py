"""Which case a person is at work with: what the rule editor begins with, and what its hints count in."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import Q

from rules_app.models import PinnedEvent
from rules_app.models.pins import CopiedEvent
from scans_app.models import Case, Scan

PINS_ASKED = 50  # the newest; the first of a case that one may still see decides


def case_of_work(user: User, rule: int | None = None, asked: int | None = None) -> Case | None:
    """The case that was asked for, else that of the newest event that this person pinned to a rule (a key) or to
    none yet, else that of their last scan, else the newest; None for somebody who sees no case."""
    cases = Case.objects.visible_to(user)
    for found in (cases.filter(pk=asked).first(), _of_pins(user, rule), _of_scans(user)):
        if found is not None:
            return found
    return cases.order_by("-pk").first()


def case_of_event(user: User, kept: CopiedEvent, asked: int | None) -> Case | None:
    """The case in which the fields of a kept event are counted: the one that was asked for, else its own. None where
    this person sees neither."""
    keys = [key for key in (asked, kept.origin.get("case")) if isinstance(key, int)]
    found = Case.objects.visible_to(user).in_bulk(keys)
    return next((found[key] for key in keys if key in found), None)


def _of_pins(user: User, rule: int | None) -> Case | None:
    pins = PinnedEvent.objects.filter(Q(rule=rule) | Q(rule=None), owner=user).order_by("-created_at", "-pk")
    keys = [origin.get("case") for origin in pins.values_list("origin", flat=True)[:PINS_ASKED]]
    found = Case.objects.visible_to(user).in_bulk({key for key in keys if isinstance(key, int)})
    return next((found[key] for key in keys if key in found), None)


def _of_scans(user: User) -> Case | None:
    scans = Scan.objects.visible_to(user).filter(created_by=user).select_related("case")
    scan = scans.only("case").order_by("-pk").first()
    return scan.case if scan is not None else None
