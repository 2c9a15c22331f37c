"""The list of hits as a file, under the filters and in the order of the address."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from scans_app import access
from scans_app.hit_browser import HitBrowser
from scans_app.hit_export import csv_lines, json_lines
from scans_app.views.hits import scan_of


@require_GET
def hits_csv(request: HttpRequest, case_pk: int) -> HttpResponse | StreamingHttpResponse:
    """CSV: a row a hit."""
    return _file(request, case_pk, csv_lines, "csv", "text/csv; charset=utf-8")


@require_GET
def hits_jsonl(request: HttpRequest, case_pk: int) -> HttpResponse | StreamingHttpResponse:
    """JSON lines: an object a hit, with its event."""
    return _file(request, case_pk, json_lines, "jsonl", "application/x-ndjson")


def _file(
    request: HttpRequest,
    case_pk: int,
    lines: Callable[[HitBrowser], Iterator[str | bytes]],
    end: str,
    kind: str,
) -> HttpResponse | StreamingHttpResponse:
    case = access.get_visible_case(request, case_pk)
    scan = scan_of(request, case)
    if scan is None:
        return redirect("cases:hits", case_pk)
    headers = {"Content-Disposition": f'attachment; filename="hits-scan-{scan.pk}.{end}"'}
    return StreamingHttpResponse(lines(HitBrowser(scan, request.GET)), content_type=kind, headers=headers)
