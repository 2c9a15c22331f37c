"""The evidence of a case: taking it in, the list of files, and one file's page with its ledger."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.core.exceptions import BadRequest
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from scans_app import access
from scans_app.models import Case, Evidence
from scans_app.services.intake import Intake, receive
from scans_app.templatetags.display import event_time, share
from scans_app.views.frame import CaseFrame, case_frame
from sigmaweb.partials import render_partial

FILES_SHOWN = 500
LEDGER_SHOWN = 500
STOP_POLLING = 286  # htmx puts the answer in its place and asks no more
EVTX_HEADER = 4096  # bytes before the first chunk of an .evtx file
RAW = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one uploaded file; a zip may give many files and many refusals."""

    name: str
    intake: Intake


@require_GET
def evidence(request: HttpRequest, case_pk: int) -> HttpResponse:
    """The upload form and the table of files; the table alone for htmx, until nothing is being catalogued."""
    case = access.get_visible_case(request, case_pk)
    frame = case_frame(case, request.user)
    status = 200 if frame.not_ready or not request.headers.get("HX-Target") else STOP_POLLING
    return _page(request, frame, (), status)


@require_POST
def upload(request: HttpRequest, case_pk: int) -> HttpResponse:
    """Take in files: one as the raw body (our script, with progress), or many as a plain form."""
    case = access.get_editable_case(request, case_pk)
    if request.content_type == RAW:
        name = unquote(request.headers.get("X-File-Name", "")) or "upload"
        receipt = _receive(case, request, name, WholeBody(request))
        status = 200 if receipt.intake.stored else 422
        return render(request, "evidence/_receipt.html", {"receipt": receipt}, status=status)
    receipts = [_receive(case, request, file.name, file) for file in request.FILES.getlist("files")]
    status = 200 if any(receipt.intake.stored for receipt in receipts) else 422
    return _page(request, case_frame(case, request.user), receipts, status)


@require_GET
def evidence_file(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """One file: what it is, which channels it holds, and what of it could not be read."""
    file = access.get_visible_evidence(request, case_pk, pk)
    context = {
        "frame": case_frame(file.case, request.user),
        "tab": "evidence",
        "file": file,
        "going_on": _going_on(file),
        "ledger": _ledger(file),
    }
    return render(request, "evidence/file.html", context)


class WholeBody:
    """The body of a request as a stream that ends only where its Content-Length says.

    A connection that breaks looks like the end of the body to a server, so half a log would be stored as a
    whole one. `read` raises BadRequest instead.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._left = int(request.META.get("CONTENT_LENGTH") or 0)

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, b"" at the end."""
        block = self._request.read(size) if self._left else b""
        self._left -= len(block)
        if not block and self._left:
            raise BadRequest(f"The upload broke off {self._left:,} bytes before its end. Nothing was kept.")
        return block


def _receive(case: Case, request: HttpRequest, name: str | None, stream: Any) -> Receipt:
    shown = name or "a file without a name"
    return Receipt(shown, receive(case, request.user, shown, stream))


def _going_on(file: Evidence) -> bool:
    return file.state in (Evidence.State.STORED, Evidence.State.CATALOGUING)


def _page(request: HttpRequest, frame: CaseFrame, receipts: Iterable[Receipt], status: int) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    found = Evidence.objects.of_case(frame.case)
    if query:
        wanted = Q(name__icontains=query) | Q(computers__icontains=query) | Q(channels__icontains=query)
        found = found.filter(wanted)
    files = list(found[: FILES_SHOWN + 1])
    context = {
        "frame": frame,
        "tab": "evidence",
        "receipts": receipts,
        "free": shutil.disk_usage(settings.DATA_DIR).free,
        "query": query,
        "files": [_row(file, frame) for file in files[:FILES_SHOWN]],
        "left_out": found.count() - FILES_SHOWN if len(files) > FILES_SHOWN else 0,
        "span": _span(frame),
    }
    return render_partial(
        request, "evidence/list.html", context, target="evidence", partial="files", status=status
    )


def _span(frame: CaseFrame) -> str:
    """What the time bars of the files stand for."""
    if not frame.first_time:
        return "Time"
    first, last = (event_time(time, "%-d %b %y") for time in (frame.first_time, frame.last_time))
    return first if first == last else f"{first} to {last}"


def _row(file: Evidence, frame: CaseFrame) -> dict[str, Any]:
    """A file with its place on the time line of the case, as SVG percentages."""
    whole = frame.last_time - frame.first_time
    start = share(file.first_time - frame.first_time, whole) if file.first_time else ""
    # A file of one moment still shows: one percent is about a pixel.
    width = share(max(file.last_time - file.first_time, whole // 100), whole) if whole else "100%"
    return {"file": file, "going_on": _going_on(file), "bar_start": start, "bar_width": width}


def _ledger(file: Evidence) -> dict[str, Any]:
    """The chunks that were not read as written, with their problems and offsets, and how many were."""
    problems: dict[int, list[dict[str, Any]]] = {}
    for problem in file.problems:
        problems.setdefault(problem["chunk"], []).append(problem)
    wrong = Q(salvaged__gt=0) | Q(lost__gt=0) | Q(number__in=list(problems)[:LEDGER_SHOWN])
    damaged = file.chunks.filter(wrong)
    header = EVTX_HEADER if file.kind == Evidence.Kind.EVTX else 0
    rows = list(damaged.annotate(offset=header + F("number") * file.chunk_size)[:LEDGER_SHOWN])
    count = damaged.count()
    return {
        "rows": [{"chunk": chunk, "problems": problems.pop(chunk.number, [])} for chunk in rows],
        "others": [problem for group in problems.values() for problem in group][:LEDGER_SHOWN],
        "whole": file.next_chunk - count,
        "damaged": count,
        "left_out": max(0, count - LEDGER_SHOWN),
    }
