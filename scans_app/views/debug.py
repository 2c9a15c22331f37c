"""Why the rules of a debug scan did and did not hit: the table, one rule, what was never found, and exports."""

from __future__ import annotations

import csv
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from scans_app import access
from scans_app.debug_rule import rule_context
from scans_app.debug_table import (
    NUMBERS,
    DebugQuery,
    chips_of,
    never_tried,
    page_of,
    rows_of,
    steps_of,
    zero_column,
)
from scans_app.models import Scan, ScanFunnel, ScanSources
from scans_app.views.frame import case_frame
from sigma_engine import csv_cell
from sigmaweb.partials import render_partial

COLUMNS = ("title", "level", "logsource", *NUMBERS, "stopped_at", "cause", "sentence")


@require_GET
def debug(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The rules of a debug scan and where each stopped."""
    scan = access.get_visible_scan(request, case_pk, pk)
    query = DebugQuery.from_params(request.GET)
    page = page_of(scan, query)
    context = _frame(request, scan, "rules") | {
        "query": query,
        "chips": chips_of(scan, query),
        "never": never_tried(scan, query),
        "page": page,
        "rows": [(row, zero_column(row)) for row in page.rows],
        "sorts": {name: query.sorted_by(name) for name in ("level", "title", *NUMBERS, "stopped_at")},
    }
    return render_partial(request, "debug/debug.html", context, target="funnels", partial="funnels")


@require_GET
def debug_fields(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The fields that rules asked for and no event has, and the lambdas that failed, by log source."""
    scan = access.get_visible_scan(request, case_pk, pk)
    context = _frame(request, scan, "fields")
    context["failed"] = [
        one | {"where": one["first"]} for one in (context["seen"].failed_lambdas if context["seen"] else ())
    ]
    return render(request, "debug/fields.html", context)


@require_GET
def debug_sources(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The log sources: their events, fields and time."""
    scan = access.get_visible_scan(request, case_pk, pk)
    context = _frame(request, scan, "sources")
    seconds = {source["name"]: source.get("seconds", 0) for source in scan.log.get("sources", ())}
    context["sources"] = [
        source | {"seconds": seconds.get(source["name"])}
        for source in (context["seen"].sources if context["seen"] else ())
    ]
    return render(request, "debug/sources.html", context)


@require_GET
def debug_rule(request: HttpRequest, case_pk: int, pk: int, rule: int) -> HttpResponse:
    """One rule of a debug scan: the named cause, then its funnel, selections and fields."""
    scan = access.get_visible_scan(request, case_pk, pk)
    row = get_object_or_404(
        ScanFunnel.objects.of_scan(scan).select_related("rule", "rule_version"), rule=rule
    )
    context = _frame(request, scan, "rules") | rule_context(row)
    context["steps"] = steps_of(row, context["seen"].events if context["seen"] else 0)
    return render(request, "debug/rule.html", context)


@require_GET
def debug_csv(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The table as CSV, with the filters of the address."""
    scan = access.get_visible_scan(request, case_pk, pk)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="debug-scan-{scan.pk}.csv"'
    writer = csv.writer(response)
    writer.writerow(COLUMNS)
    for values in rows_of(scan, DebugQuery.from_params(request.GET)).values_list(*COLUMNS):
        writer.writerow([csv_cell(value) for value in values])
    return response


@require_GET
def debug_json(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The funnels, log sources and fields never found as JSON, with the filters of the address for the funnels."""
    scan = access.get_visible_scan(request, case_pk, pk)
    seen = ScanSources.objects.filter(scan=scan).first()
    rows = rows_of(scan, DebugQuery.from_params(request.GET))
    document = {
        "scan": scan.pk,
        "events": seen.events if seen else 0,
        "rules": [
            {**{name: getattr(row, name) for name in COLUMNS}, "rule": row.rule_id, "line": row.line}
            | row.counts
            for row in rows.iterator(chunk_size=500)
        ],
        "log_sources": seen.sources if seen else [],
        "missing_fields": seen.missing_fields if seen else [],
        "failed_lambdas": seen.failed_lambdas if seen else [],
    }
    headers = {"Content-Disposition": f'attachment; filename="debug-scan-{scan.pk}.json"'}
    return JsonResponse(document, headers=headers)


def _frame(request: HttpRequest, scan: Scan, part: str) -> dict[str, Any]:
    return {
        "frame": case_frame(scan.case, request.user),
        "tab": "scans",
        "part": part,
        "scan": scan,
        "seen": ScanSources.objects.filter(scan=scan).first(),
    }
