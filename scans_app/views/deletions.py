"""Deleting scans, files and cases: what goes with it, the name of the case as the key, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from rules_app.keys import read_key
from scans_app import access
from scans_app.deletion_words import deletion_words
from scans_app.models import Case, Deletion
from scans_app.services.deletion import (
    DeletionRefused,
    delete_case,
    delete_evidence,
    delete_scan,
    scans_that_read,
)
from scans_app.services.deletion_counts import DeletionCounts, count_case, count_files, count_scans
from scans_app.views.frame import case_frame

PAGE = 50
STOP_POLLING = 286  # htmx puts the answer in its place and asks no more


@require_http_methods(["GET", "POST"])
def scan_delete(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """What goes with a scan; with the name of its case in the form it is deleted."""
    case = access.get_owned_case(request, case_pk)
    scan = access.get_visible_scan(request, case_pk, pk)
    context = {"tab": "scans", "name": f"scan {scan.pk}", "scan": scan, "back": scan.get_absolute_url()}
    return _confirm(request, case, context, count_scans([scan.pk]), lambda: delete_scan(scan, request.user))


@require_http_methods(["GET", "POST"])
def evidence_delete(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """What goes with a file; the scans that read it go with it when the form says so, else it stays."""
    case = access.get_owned_case(request, case_pk)
    file = access.get_visible_evidence(request, case_pk, pk)
    readers = list(scans_that_read(file))
    pks = [scan.pk for scan in readers]
    context = {
        "tab": "evidence",
        "name": file.name,
        "file": file,
        "readers": readers,
        "readers_words": deletion_words(count_scans(pks).facts()),
        "back": file.get_absolute_url(),
    }
    chosen = pks if "scans" in request.POST else []
    act = lambda: delete_evidence(file, request.user, scans=chosen)  # noqa: E731
    return _confirm(request, case, context, count_files([file]), act)


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, case_pk: int) -> HttpResponse:
    """What goes with a case."""
    case = access.get_owned_case(request, case_pk)
    context = {"tab": "overview", "name": f"case {case.name}", "whole": True, "back": case.get_absolute_url()}
    return _confirm(request, case, context, count_case(case), lambda: delete_case(case, request.user))


def _confirm(
    request: HttpRequest,
    case: Case,
    context: dict[str, Any],
    counts: DeletionCounts,
    act: Callable[[], Deletion],
) -> HttpResponse:
    """The page that asks, or with the case's name in the form the deletion itself."""
    problem, typed = "", request.POST.get("name", "")
    if request.method == "POST":
        try:
            if typed.strip() != case.name:
                raise DeletionRefused(f"Nothing was deleted. The name of this case is {case.name}.")
            return redirect("cases:deletion", act().pk)
        except DeletionRefused as refusal:
            problem = str(refusal)
    context |= {
        "frame": case_frame(case, request.user),
        "counts": counts,
        "problem": problem,
        "typed": typed,
    }
    return render(request, "deletions/confirm.html", context, status=422 if problem else 200)


@require_GET
def deletion(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a deletion has come, for who asked for it and for administrators."""
    one = access.get_visible_deletion(request, pk)
    context = {
        "deletion": one,
        "words": deletion_words(one.facts),
        "percent": f"{100 * one.share_done:.1f}%",
        "case": Case.objects.visible_to(request.user).filter(pk=one.case_id).first(),
    }
    polled = request.headers.get("HX-Request") and one.is_over
    return render(request, "deletions/deletion.html", context, status=STOP_POLLING if polled else 200)


@require_GET
def deletions(request: HttpRequest) -> HttpResponse:
    """Who deleted what and when, newest first, for administrators."""
    if not request.user.is_superuser:
        raise PermissionDenied("Only an administrator sees what was deleted.")
    before = read_key(request.GET.get("before", ""))
    rows = Deletion.objects.filter(pk__lt=before) if before else Deletion.objects.all()
    found = list(rows[: PAGE + 1])
    context = {
        "rows": [(one, deletion_words(one.facts)) for one in found[:PAGE]],
        "before": found[PAGE - 1].pk if len(found) > PAGE else None,
        "paged": before is not None,
    }
    return render(request, "deletions/list.html", context)
