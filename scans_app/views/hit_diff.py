"""What a version of a rule gains and loses on the evidence of a scan, and the hits of a rule over the cases."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rules_app.access import get_visible_rule, get_visible_rule_version
from rules_app.keys import read_key
from rules_app.models import RuleVersion
from scans_app import access
from scans_app.hit_diff_page import cases_with_hits, scans_to_choose, shown_diff
from scans_app.models import HitDiff, Scan
from scans_app.services.hit_diff import NoDiff, accept_losses, base_of, start_diff
from sigmaweb.partials import render_partial

STOP_POLLING = 286


@require_GET
def choice(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """The scans to hold a version against, and the diff on the chosen one (`?scan=`): for the review page, or alone."""
    version = get_visible_rule_version(request, pk, number)
    offered = scans_to_choose(version.rule, request.user)
    asked = request.GET.get("scan", "")
    chosen = next((scan for scan, _ in offered if str(scan.pk) == asked), offered[0][0] if offered else None)
    context: dict[str, Any] = {"rule": version.rule, "version": version, "offered": offered, "chosen": chosen}
    if chosen is not None:
        context |= _diff_context(request, version, chosen)
    return render_partial(request, "diffs/choice.html", context, target="diff-choice", partial="choice")


@require_http_methods(["GET", "POST"])
def diff(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """A diff of `?rule=` and `?version=` (its number) on a scan as far as it is; a POST begins it."""
    if request.method == "GET":
        scan = access.get_visible_scan(request, case_pk, pk)
        version = _version(request, request.GET)
        if version is None:
            return HttpResponseBadRequest("Say which rule and which of its versions.")
        return _answer(request, version, scan)
    scan = access.get_editable_scan(request, case_pk, pk)
    version = _version(request, request.POST)
    if version is None:
        return HttpResponseBadRequest("Say which rule and which of its versions.")
    try:
        if not scan.is_over:
            raise NoDiff("The scan is not over yet.")
        start_diff(version, scan, request.user)
    except NoDiff as problem:
        return _answer(request, version, scan, problem=str(problem), status=409)
    return _answer(request, version, scan)


@require_POST
def accept(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """Accept that true positives (`hit`) are lost."""
    scan = access.get_editable_scan(request, case_pk, pk)
    version = _version(request, request.POST)
    if version is None:
        return HttpResponseBadRequest("Say which rule and which of its versions.")
    found = get_object_or_404(HitDiff.objects.finished(), scan=scan, rule_version=version)
    hits = [pk for hit in request.POST.getlist("hit") if (pk := read_key(hit))]
    count = accept_losses(found, hits, request.user)
    messages.success(request, f"{count:,} lost true positive{'' if count == 1 else 's'} accepted.")
    return redirect(f"{reverse('rules:review', args=[version.rule_id])}#hit-diff")


@require_GET
def rule_hits(request: HttpRequest, pk: int) -> HttpResponse:
    """The hits of a rule in each case that this person may see: for the sheet of the rule, or alone."""
    rule = get_visible_rule(request, pk)
    context = {"rule": rule, "cases": cases_with_hits(rule, request.user)}
    return render_partial(request, "diffs/rule_hits.html", context, target="rule-hits", partial="cases")


def _version(request: HttpRequest, query: QueryDict) -> RuleVersion | None:
    """The version that a query names; None when it names none. Raises Http404."""
    rule, number = read_key(query.get("rule", "")), read_key(query.get("version", ""))
    return get_visible_rule_version(request, rule, number) if rule and number else None


def _answer(
    request: HttpRequest, version: RuleVersion, scan: Scan, *, problem: str = "", status: int = 200
) -> HttpResponse:
    """The diff alone for htmx; for anybody else the page with the choice of scans."""
    if request.headers.get("HX-Request") != "true":
        if problem:
            messages.error(request, problem)
        query = urlencode({"scan": scan.pk})
        return redirect(f"{reverse('cases:diff_choice', args=[version.rule_id, version.number])}?{query}")
    context = {"rule": version.rule, "version": version, "chosen": scan, "problem": problem}
    context |= _diff_context(request, version, scan)
    response = render(request, "diffs/_diff.html", context, status=status)
    if context["shown"] is not None:
        response.headers["HX-Trigger"] = "hit-diff"  # what it found may stand in the way of publishing
    return response


def _diff_context(request: HttpRequest, version: RuleVersion, scan: Scan) -> dict[str, Any]:
    """The stored diff, if there is one, and what this person may do with it."""
    found = HitDiff.objects.filter(rule_version=version, scan=scan).select_related("base_version").first()
    finished = found is not None and found.state == HitDiff.State.FINISHED
    base, in_scan = base_of(version, scan) if found is None else (found.base_version, found.in_scan)
    return {
        "diff": found,
        "base": base,
        "in_scan": in_scan,
        "shown": shown_diff(found) if found is not None and finished else None,
        "may_edit": scan.case.may_edit(request.user),
    }
