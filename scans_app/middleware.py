"""The page in place of what somebody is deleting."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from scans_app.access import BeingDeleted
from scans_app.deletion_words import deletion_words


class BeingDeletedMiddleware:
    """Answers `access.BeingDeleted` with a page that says who deletes it and how far that has come, and 410."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        """The page, None for any other exception."""
        if not isinstance(problem, BeingDeleted):
            return None
        context = {"deletion": problem.deletion, "words": deletion_words(problem.deletion.facts)}
        return render(request, "deletions/being_deleted.html", context, status=410)
