"""The scans of a case, one scan while it runs and after, and its end by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from rules_app.models import RuleSet
from scans_app import access
from scans_app.hit_browser import HitBrowser
from scans_app.lane import Lane
from scans_app.models import Hit, Scan, ScanRule
from scans_app.newest_first import newest_first
from scans_app.services.scans import cancel_scan
from scans_app.views.frame import HEAVY, case_frame
from sigmaweb.partials import render_partial

NEWEST = 10
GAPS_SHOWN = 100
RULES_SHOWN = 50
CORRELATIONS_SHOWN = 20
STOP_POLLING = 286  # htmx puts the answer in its place and asks no more


@require_GET
def scans(request: HttpRequest, case_pk: int) -> HttpResponse:
    """The scans of the case, newest first, a page at a time."""
    case = access.get_visible_case(request, case_pk)
    rows = Scan.objects.of_case(case).select_related("created_by", "model_version__model")
    rows = rows.defer(*HEAVY, "model_version__text")
    context = {"frame": case_frame(case, request.user), "tab": "scans"}
    return render(request, "scans/list.html", context | {"page": newest_first(rows, request.GET)})


@require_GET
def scan(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """One scan: its progress and newest hits while it goes on; its gaps, manifest and log after."""
    scan = access.get_visible_scan(request, case_pk, pk)
    return _page(request, scan, status=200)


@require_GET
def progress(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The same page for the script that asks every second: the answer of a scan that is over ends that."""
    scan = access.get_visible_scan(request, case_pk, pk)
    return _page(request, scan, status=STOP_POLLING if scan.is_over else 200)


@require_POST
def cancel(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """Ask the scan to stop; what it found stays."""
    scan = access.get_editable_scan(request, case_pk, pk)
    cancel_scan(scan, request.user)
    if not request.headers.get("HX-Request"):
        messages.success(request, f"Scan {scan.pk} stops. The {scan.hits:,} hits found so far stay.")
        return redirect("cases:scan", case_pk, pk)
    scan.refresh_from_db()
    return _page(request, scan, status=200)


def _page(request: HttpRequest, scan: Scan, status: int) -> HttpResponse:
    context: dict[str, Any] = {
        "frame": case_frame(scan.case, request.user),
        "tab": "scans",
        "scan": scan,
        "selection": _selection(scan),
        "waited": (timezone.now() - scan.created_at).total_seconds(),
        "percent": f"{100 * scan.share_done:.1f}%",
        "units": dict(scan.units.order_by().values_list("state").annotate(n=Count("pk"))),
    }
    newest = Hit.objects.of_scan(scan).order_by("-id")[:NEWEST]
    context |= _result(scan) if scan.is_over else {"newest": newest}
    return render_partial(request, "scans/scan.html", context, target="scan", partial="live", status=status)


def _selection(scan: Scan) -> list[tuple[str, str]]:
    """The parts of the scan's choice of rules that choose something, in words."""
    chosen = {**scan.selection}
    if chosen.get("sets"):
        chosen["sets"] = RuleSet.objects.filter(pk__in=chosen["sets"]).values_list("name", flat=True)
    return [
        (name.replace("_", " "), value if isinstance(value, str) else ", ".join(value))
        for name, value in chosen.items()
        if value
    ]


def _result(scan: Scan) -> dict[str, Any]:
    """What a scan that is over shows more: gaps, hits by level and rule, how many rules were silent."""
    gaps = scan.gaps()
    hit = scan.rules.filter(hits__gt=0)
    silent = scan.rules.filter(hits=0, hits_capped=0)
    return {
        "gaps": gaps[:GAPS_SHOWN],
        "gap_count": len(gaps),
        "levels": HitBrowser(scan, QueryDict("stack=level")).stack.counted,
        "rules": hit.select_related("rule_version__rule").order_by("-hits", "position")[:RULES_SHOWN],
        "rules_with_hits": hit.count(),
        "silent_correlations": _silent_correlations(scan),
        "silent": silent.aggregate(
            no_event=Count("pk", filter=Q(events=0)), saw=Count("pk", filter=Q(events__gt=0))
        ),
    }


def _silent_correlations(scan: Scan) -> list[tuple[ScanRule, Lane | None]]:
    """The correlations without a hit, each with the window that came nearest, if anything came near."""
    rows = scan.rules.exclude(nearest={}).select_related("rule_version__rule")[:CORRELATIONS_SHOWN]
    return [
        (row, Lane(row.nearest, row.nearest["members"]) if row.nearest["members"] else None) for row in rows
    ]
