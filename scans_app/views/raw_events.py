"""The events of the evidence as they were written: the list, of one file or of all, and one event."""

from __future__ import annotations

import json

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from rules_app.event_values import event_sections
from rules_app.keys import read_key
from scans_app import access
from scans_app.event_browser import EventBrowser
from scans_app.event_filters import settled
from scans_app.models import Case, Evidence
from scans_app.services.raw_events import Place, RawEvent, find_event
from scans_app.services.storage import why_unreadable
from scans_app.views.frame import case_frame
from sigma_engine import EvidenceError
from sigmaweb.partials import render_partial


@require_GET
def events(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The events of one file."""
    evidence = access.get_visible_evidence(request, case_pk, pk)
    return _list(request, evidence.case, evidence)


@require_GET
def case_events(request: HttpRequest, case_pk: int) -> HttpResponse:
    """The events of all evidence of a case, or of the one that the list's form chose."""
    case = access.get_visible_case(request, case_pk)
    if "evidence" not in request.GET:
        return _list(request, case, None)
    query = request.GET.copy()
    chosen = read_key(query.pop("evidence")[-1])
    evidence = access.get_visible_evidence(request, case_pk, chosen) if chosen else None
    browser = EventBrowser(case, query, evidence, request.user)
    return redirect(browser.url + browser.address())


@require_GET
def event(request: HttpRequest, case_pk: int, pk: int, chunk: int, position: int) -> HttpResponse:
    """One event: all its values with their types, and what can be done with it."""
    evidence = access.get_visible_evidence(request, case_pk, pk)
    raw = get_event(evidence, chunk, position)
    context = {
        "frame": case_frame(evidence.case, request.user),
        "tab": "evidence",
        "browser": EventBrowser(evidence.case, request.GET.copy(), evidence, request.user),
        "raw": raw,
        "sections": event_sections(raw.event),
        "json": json.dumps(raw.event, indent=2, ensure_ascii=False),
    }
    return render(request, "events/event.html", context)


def get_event(evidence: Evidence, chunk: int, position: int) -> RawEvent:
    """The event at a place of a file. Raises Http404 when there is none or it cannot be read."""
    try:
        raw = find_event(evidence, chunk, position)
    except (EvidenceError, OSError) as problem:
        raise Http404(f"{evidence.name} can't be read: {why_unreadable(problem)}") from problem
    if raw is None:
        raise Http404(f"{evidence.name} has no event at {Place(evidence.pk, chunk, position)}.")
    return raw


def _list(request: HttpRequest, case: Case, evidence: Evidence | None) -> HttpResponse:
    if address := settled(request.GET):
        return redirect(request.path + address)
    context = {
        "frame": case_frame(case, request.user),
        "tab": "evidence",
        "browser": EventBrowser(case, request.GET, evidence, request.user),
        "all_files": Evidence.objects.of_case(case).catalogued().values_list("pk", "name"),
    }
    return render_partial(request, "events/list.html", context, target="browse", partial="browse")
