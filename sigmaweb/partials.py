"""The one place that decides whether a page or only a part of it is sent."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def render_partial(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    target: str,
    partial: str,
    status: int = 200,
) -> HttpResponse:
    """The page `template`, or its `{% partialdef PARTIAL %}` when htmx will put the answer into `#target`.

    Views are written as if htmx did not exist: both answers come from one context.
    """
    if request.headers.get("HX-Request") == "true" and request.headers.get("HX-Target") == target:
        template = f"{template}#{partial}"
    return render(request, template, context, status=status)
