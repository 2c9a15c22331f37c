"""The hits of a scan: the table with its filters, stacks and histogram."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from rules_app.keys import read_key
from scans_app import access
from scans_app.hit_browser import COUNTED, HitBrowser
from scans_app.hit_filters import settled
from scans_app.hit_slide import HitSlide
from scans_app.models import Case, Hit, Scan
from scans_app.services.hit_marks import assignable
from scans_app.services.undo import undoable
from scans_app.views.frame import HEAVY, case_frame

#: Parts of the page that htmx asks for alone: the id of the element -> the template's part.
PARTS = {"browse": "browse", "stacks": "stacks", "hist": "hist", "news": "news"}
STOP_POLLING = 286  # htmx puts the answer in its place and asks no more


@require_GET
def hits(request: HttpRequest, case_pk: int) -> HttpResponse:
    """All of the page, or the part that htmx asks for. `?hit=` opens one beside the list."""
    case = access.get_visible_case(request, case_pk)
    if address := settled(request.GET, request.user.get_username()):
        return redirect(reverse("cases:hits", args=[case_pk]) + address)
    frame = case_frame(case, request.user)
    scan = scan_of(request, case)
    if scan is None:
        return render(request, "hits/none.html", {"frame": frame, "tab": "hits"})
    context = {
        "frame": frame,
        "tab": "hits",
        "scans": Scan.objects.of_case(case).defer(*HEAVY)[:50],
        "browser": HitBrowser(scan, request.GET),
        "slide": _slide(request, case),
        "counted": COUNTED,
        **triage_context(case, request.user),
    }
    part = PARTS.get(request.headers.get("HX-Target", "")) if request.headers.get("HX-Request") else None
    template = f"hits/list.html#{part}" if part else "hits/list.html"
    status = STOP_POLLING if part == "news" and scan.is_over else 200
    return render(request, template, context, status=status)


def scan_of(request: HttpRequest, case: Case) -> Scan | None:
    """The scan of the URL, that of the open hit, or the newest. Raises Http404 for another case's, or BeingDeleted."""
    scans = Scan.objects.of_case(case).select_related("case").defer(*HEAVY)
    chosen = request.GET.get("scan", "")
    if chosen:
        scan = scans.filter(pk=read_key(chosen)).first()
        # Says that there is none, or that it is being deleted.
        return scan or access.get_visible_scan(request, case.pk, read_key(chosen) or 0)
    opened = read_key(request.GET.get("hit", ""))
    if opened:
        return (
            scans.filter(hit_rows__pk=opened).first() or access.get_visible_hit(request, case.pk, opened).scan
        )
    return scans.first()


def _slide(request: HttpRequest, case: Case) -> HitSlide | None:
    opened = read_key(request.GET.get("hit", ""))
    if opened is None:
        return None
    hit = access.get_visible_hit(request, case.pk, opened)
    return HitSlide(hit, request.GET, request.user)


def triage_context(case: Case, user: AbstractBaseUser | AnonymousUser) -> dict[str, Any]:
    """What the forms of the page offer: the verdicts that can be undone, and whom hits can be assigned to."""
    return {"undo": undoable(case, user), "assignable": assignable(case, user)}


def browse_context(request: HttpRequest, hit: Hit, query: Any) -> dict[str, Any]:
    """What the parts of one hit need: links that keep the list's filters, and what this person may do."""
    case = hit.scan.case
    return triage_context(case, request.user) | {
        "frame": case_frame(case, request.user),
        "browser": HitBrowser(hit.scan, query),
        "slide": HitSlide(hit, query, request.user),
    }
