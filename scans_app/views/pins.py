"""Events and hits of a case become pins or tests of a rule."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from rules_app.access import get_editable_rule
from rules_app.keys import read_key
from rules_app.models import Rule
from rules_app.services import pins, rule_tests
from scans_app import access
from scans_app.models import Hit
from scans_app.services.pinning import EventMissing, pin_sources
from scans_app.services.raw_events import Place

MOST = pins.MAX_PINS


@require_POST
def pin(request: HttpRequest, case_pk: int) -> HttpResponse:
    """Pin events (`event`, evidence:chunk:position) and hits (`hit`), both repeatable, to `rule`, or without one to
    the rule that is written next. With `expected` hit or miss they become its tests instead. `next` is where to go."""
    case = access.get_visible_case(request, case_pk)
    rule_pk = read_key(request.POST.get("rule", ""))
    rule = get_editable_rule(request, rule_pk) if rule_pk else None
    hits = [pk for text in request.POST.getlist("hit")[:MOST] if (pk := read_key(text))]
    places = [place for text in request.POST.getlist("event")[:MOST] if (place := Place.read(text))]
    of_hits = Hit.objects.of_case(case).filter(pk__in=hits).values_list("evidence", "chunk", "position")
    places += [Place(*found) for found in of_hits]
    if not places:
        return HttpResponseBadRequest("Name events of this case (evidence:chunk:position) or hits.")
    try:
        sources = pin_sources(case, places)
        expected = request.POST.get("expected", "")
        if expected in ("hit", "miss"):
            rule_tests.add_tests(request.user, rule, sources, must_hit=expected == "hit")
        else:
            pins.pin_events(request.user, rule, sources)
        messages.success(request, _sentence(len(sources), rule, expected))
    except (EventMissing, pins.PinError) as error:
        messages.error(request, str(error))
    if request.headers.get("HX-Request"):
        response = render(request, "_messages.html")
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#messages", "outerHTML"
        response.headers["HX-Trigger"] = "pinned"  # the editor's dots ask again
        return response
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if safe else case)


def _sentence(count: int, rule: Rule | None, expected: str) -> str:
    events = "1 event" if count == 1 else f"{count:,} events"
    what = {"hit": "must hit", "miss": "must not hit"}.get(expected)
    to = f"of {rule.title}" if rule else "of the rule that you write next"
    if what:
        return f"{events}: {what}, as test {to}. Tests are read by everybody who reads rules."
    return f"{events} pinned, among those {to}. Only you see them."
