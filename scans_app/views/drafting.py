"""Drafting a rule from chosen events: choose fields, see the text, open it in the editor with the events pinned."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from rules_app.services.pins import PinError, pin_events
from scans_app import access
from scans_app.draft_page import DraftPage
from scans_app.views.frame import case_frame
from sigmaweb.partials import render_partial


@require_http_methods(["GET", "POST"])
def draft(request: HttpRequest, case_pk: int) -> HttpResponse:
    """The fields of the events and the text. A list's form posts what it picked and is led to the address of it."""
    case = access.get_visible_case(request, case_pk)
    page = DraftPage(case, request.POST if request.method == "POST" else request.GET, request.user)
    if request.method == "POST" and not page.is_answered:
        query = urlencode([("event", str(place)) for place in page.places])
        address = f"{request.path}?{query}"
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": address})
        return redirect(address)
    context = {"frame": case_frame(case, request.user), "tab": "evidence", "page": page}
    return render_partial(request, "events/draft.html", context, target="draft-text", partial="text")


@require_POST
def draft_counts(request: HttpRequest, case_pk: int) -> HttpResponse:
    """How common what the fields ask for is among the events of the same kinds."""
    case = access.get_visible_case(request, case_pk)
    page = DraftPage(case, request.POST, request.user)
    looked, holding = page.counts()
    return render(request, "events/_draft_counts.html", {"looked": looked, "holding": holding})


@require_POST
def draft_open(request: HttpRequest, case_pk: int) -> HttpResponse:
    """Pin the events, then hand the text on to the editor: the same POST goes to it (307), and the case."""
    case = access.get_visible_case(request, case_pk)
    page = DraftPage(case, request.POST, request.user)
    if not page.sources or "text" not in request.POST:
        return redirect("cases:draft", case.pk)
    try:
        pin_events(request.user, None, page.sources)
    except PinError as error:
        messages.error(request, f"The events were not pinned. {error}")
    return HttpResponse(status=307, headers={"Location": f"{reverse('rules:new')}?case={case.pk}"})
