"""The reader's theme: light, dark, or what the system says. A cookie holds it, the server writes it into the page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "sigmaweb-theme"
THEMES = ("system", "light", "dark")
ONE_YEAR = 365 * 24 * 3600


def theme(request: HttpRequest) -> dict[str, str]:
    """Context processor: `theme` is one of THEMES, whatever the cookie says."""
    chosen = request.COOKIES.get(COOKIE, "system")
    return {"theme": chosen if chosen in THEMES else "system"}


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Remember the theme and go back to the page where it was chosen; an htmx request needs no page."""
    chosen = request.POST.get("theme", "")
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=204)
    else:
        response = redirect(_page_to_return_to(request))
    if chosen in THEMES:
        response.set_cookie(
            COOKIE, chosen, max_age=ONE_YEAR, samesite="Lax", httponly=True, secure=request.is_secure()
        )
    return response


def _page_to_return_to(request: HttpRequest) -> str:
    referer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referer, allowed_hosts={request.get_host()}):
        return referer
    return "home"
