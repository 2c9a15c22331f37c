"""Near misses of a rule over a case: which single clause kept events out, and what was there instead."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from rules_app.access import get_visible_rule
from rules_app.keys import read_key
from rules_app.models import RuleVersion
from scans_app import access
from scans_app.models import Case, NearSearch
from scans_app.near_page import NearPage
from scans_app.services.near_misses import NotSearchable, go_on, start_search
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
