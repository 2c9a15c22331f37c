"""What the rule editor asks of cases: which there are, how often the events of one have a log source's fields, and why
a text does or does not match a pinned event, counted in one."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from rules_app.keys import read_key
from rules_app.models.pins import CopiedEvent
from rules_app.selection import load_default_model
from rules_app.views.explain import explained
from rules_app.views.words import asked_logsource
from scans_app.access import get_visible_case
from scans_app.case_of_work import case_of_event, case_of_work
from scans_app.models import Case
from scans_app.services.field_counts import logsource_counts
from scans_app.services.why import counts_of
from sigma_engine import Counts, mapped_fields

CASES_OFFERED = 200  # the newest; a person has fewer open at a time


@require_GET
def choice(request: HttpRequest) -> HttpResponse:
    """The choice of a case whose evidence a rule is written for: `?case=` is chosen, 0 for none, else the one that
    this person works with."""
    cases = list(Case.objects.visible_to(request.user).order_by("-pk")[:CASES_OFFERED])
    asked, rule = (read_key(request.GET.get(name, "")) for name in ("case", "rule"))
    chosen = None if asked == 0 else case_of_work(request.user, rule, asked)
    if chosen is not None and chosen not in cases:
        cases.insert(0, chosen)
    context = {"cases": cases, "chosen": chosen}
    return render(request, "cases/_choice.html", context)


@require_POST
def explain_text(request: HttpRequest) -> HttpResponse:
    """What a text that is being written says of the chosen pinned event; hints count in `case`, else in the case
    that the event comes from."""
    asked = read_key(request.POST.get("case", ""))

    def counts(kept: CopiedEvent) -> Counts | None:
        case = case_of_event(request.user, kept, asked)
        return counts_of(case, kept.event) if case is not None else None

    return explained(request, counts)


@require_GET
def fields(request: HttpRequest, case_pk: int) -> JsonResponse:
    """{events, fields: {name: count}}: the events of a log source in the case, and how many have each field.

    The most of a field's mappings counts where it has several. Fields that every event has (those of `System`) and
    those that are computed are not counted and not named.
    """
    case = get_visible_case(request, case_pk)
    model = load_default_model()
    logsource = asked_logsource(request)
    if model is None:
        return JsonResponse({"events": 0, "fields": {}})
    counted = logsource_counts(case, model, logsource)
    found = {
        name: [count for one in mappings if (count := counted.having(one.mapping)) is not None]
        for name, mappings in mapped_fields(model, logsource).items()
    }
    having = {name: max(counts) for name, counts in found.items() if counts and max(counts)}
    return JsonResponse({"events": counted.events, "fields": dict(counted.fields) | having})
