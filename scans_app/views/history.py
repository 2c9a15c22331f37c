"""The history of a case: who did what, when."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from rules_app.keys import read_key
from scans_app import access
from scans_app.case_history import CaseHistory
from scans_app.views.frame import case_frame


@require_GET
def history(request: HttpRequest, case_pk: int) -> HttpResponse:
    """Newest first, from `?before=` a key on; with `?single=1` also acts on one hit alone."""
    case = access.get_visible_case(request, case_pk)
    with_single = "single" in request.GET
    context = {
        "frame": case_frame(case, request.user),
        "tab": "overview",
        "history": CaseHistory(case, before=read_key(request.GET.get("before", "")), with_single=with_single),
        "with_single": with_single,
        "paged": "before" in request.GET,
    }
    return render(request, "cases/history.html", context)
