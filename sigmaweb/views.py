"""The house's own pages: the way in, the way out, health, and what is shown when a page cannot be."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from sigmaweb.health import health
from sigmaweb.models import redeem_link, usable_link


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The front door leads to the cases."""
    return redirect(reverse("cases:list"))


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows who the link signs in and a button; only POST uses it up, so a preview by a chat does not."""
    if request.method == "POST":
        link = redeem_link(token)
        if link is not None:
            login(request, link.user, backend="django.contrib.auth.backends.ModelBackend")
            return redirect(link.next_path)
    else:
        link = usable_link(token)
    status = 200 if link else 410
    return render(request, "registration/sign_in_link.html", {"link": link, "token": token}, status=status)


@login_not_required
@never_cache
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:
    """What is up, as JSON, for anyone who watches: 200 when everything is, else 503."""
    report = health()
    return JsonResponse(report, status=200 if report["status"] == "up" else 503)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form was sent without its token, mostly because the sign-in ended meanwhile."""
    return render(request, "403_csrf.html", {"reason": reason}, status=403)
