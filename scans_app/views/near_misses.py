"""Near misses of a rule over a case: which single clause kept events out, and what was there instead."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from rules_app.access import get_editable_rule, get_visible_rule
from rules_app.keys import read_key
from rules_app.models import RuleVersion
from rules_app.services.pins import PinError, pin_events
from scans_app import access
from scans_app.models import Case, NearSearch
from scans_app.near_page import NearPage
from scans_app.services.near_misses import NotSearchable, go_on, start_search
from scans_app.services.pinning import EventMissing, pin_sources
from scans_app.services.raw_events import Place
from scans_app.views.frame import case_frame
from sigmaweb.partials import render_partial


@require_http_methods(["GET", "POST"])
def near(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The newest search with the rule's newest version; a POST begins one (`do` is `start`, or `all` for every event)
    or looks at the next slice of it (`go_on` with `search`)."""
    case = access.get_visible_case(request, case_pk)
    rule = get_visible_rule(request, pk)
    if request.method == "POST":
        access.get_editable_case(request, case_pk)
        refused = _act(request, case, rule.to_edit)
        if not request.headers.get("HX-Request"):
            if refused:
                messages.error(request, refused)
            return redirect("cases:near", case.pk, rule.pk)
    search = case.near_searches.filter(rule_version=rule.to_edit).first()
    context = {
        "frame": case_frame(case, request.user),
        "tab": "",
        "rule": rule,
        "version": rule.to_edit,
        "page": NearPage(case, rule.to_edit, search),
        "goes_on": request.method == "POST" and search is not None and not search.is_over,
    }
    return render_partial(request, "near/near.html", context, target="near", partial="near")


@require_POST
def widen(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """Pin the event (`event`, its place) that a wider clause is to match, then hand the same POST on to the editor,
    which opens with the wider clause, this event and this case chosen."""
    case = access.get_visible_case(request, case_pk)
    rule = get_editable_rule(request, pk)
    query = {"case": case.pk}
    place = Place.read(request.POST.get("event", ""))
    try:
        if place is not None:
            query["pin"] = pin_events(request.user, rule, pin_sources(case, [place]))[0].pk
    except (EventMissing, PinError) as error:
        messages.error(request, f"The event was not pinned. {error}")
    address = f"{reverse('rules:widen', args=[rule.pk])}?{urlencode(query)}"
    return HttpResponse(status=307, headers={"Location": address})


def _act(request: HttpRequest, case: Case, version: RuleVersion) -> str:
    """Do what the form asks; a sentence when that cannot be done."""
    do = request.POST.get("do", "")
    try:
        if do in ("start", "all"):
            search = start_search(
                case, version, request.user, sample=NearSearch.SAMPLE if do == "start" else 0
            )
        else:
            asked = read_key(request.POST.get("search", ""))
            found = case.near_searches.filter(rule_version=version, pk=asked).first()
            if found is None:
                raise NotSearchable("That search is gone, or the rule has a newer version. Start it again.")
            search = found
        go_on(search)
    except NotSearchable as problem:
        return str(problem)
    return ""
