"""Trying a rule's text on evidence while it is written."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from rules_app.access import get_editable_rule
from rules_app.forms import CheckForm
from rules_app.keys import read_key
from rules_app.matching import NotReady
from rules_app.selection import placeholders_of_set
from rules_app.services.versions import text_sha256, with_line_ends_of
from scans_app import access
from scans_app.case_of_work import case_of_work
from scans_app.models import Case, Evidence, Trial
from scans_app.services import trying
from scans_app.trial_page import trial_page

CASES_OFFERED, FILES_OFFERED = 50, 100


@require_GET
def choice(request: HttpRequest) -> HttpResponse:
    """The choice of what to try on: a case with all its evidence, or one file of it. The case that this person works
    with (see `case_of_work`; `?case=`) is first, and so chosen."""
    asked, rule = read_key(request.GET.get("case", "")), _rule_key(request.GET)
    first = case_of_work(request.user, rule, asked)
    files = (
        Evidence.objects.visible_to(request.user)
        .catalogued()
        .exclude(events=0)
        .order_by("-case", "name", "pk")
    )
    cases: dict[int, list[Evidence]] = {}
    for file in files.select_related("case").defer("counts", "channels", "computers", "problems"):
        if file.case_id in cases or file.case == first or len(cases) < CASES_OFFERED:
            cases.setdefault(file.case_id, []).append(file)
    offered = [
        (of[0].case, sum(one.events for one in of), len(of), of[:FILES_OFFERED])
        for of in sorted(cases.values(), key=lambda of: of[0].case != first)
    ]
    context = {"cases": offered, "rule": rule, "cap": trying.EVENTS_READ}
    return render(request, "trials/_choice.html", context)


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Begin to try the text of the request on `on`: a case's key, or `case:evidence`."""
    case_key, _, file_key = request.POST.get("on", "").partition(":")
    case_pk, form = read_key(case_key), CheckForm(request.POST)
    if case_pk is None or not form.is_valid():
        problems = [error for errors in form.errors.values() for error in errors]
        return _refused(request, " ".join(problems) or "Choose what to try on.")
    case = access.get_visible_case(request, case_pk)
    text = with_line_ends_of("", form.cleaned_data["text"])
    try:
        trial = trying.start_trial(
            request.user,
            case,
            _files(case, read_key(file_key)),
            text,
            _placeholders(request, form.cleaned_data["rule_set"]),
        )
    except NotReady as error:
        return _refused(request, str(error))
    return _shown(request, trying.move_on(trial))


@require_POST
def step(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """Read on for a slice of time, and show what was found so far."""
    return _shown(request, trying.move_on(access.get_visible_trial(request, case_pk, pk)))


@require_POST
def cancel(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """Stop reading. What was found stays on the page."""
    trial = access.get_visible_trial(request, case_pk, pk)
    trying.cancel_trial(trial)
    trial.refresh_from_db()
    return _shown(request, trial)


def _files(case: Case, file_pk: int | None) -> list[Evidence]:
    files = Evidence.objects.of_case(case).catalogued()
    return list(files.filter(pk=file_pk) if file_pk else files)


def _placeholders(request: HttpRequest, rule_set: str) -> dict[str, list[str]]:
    pk = _rule_key(request.POST)
    return get_editable_rule(request, pk).rule_set.placeholders if pk else placeholders_of_set(rule_set)


def _rule_key(query: QueryDict) -> int | None:
    """The key of the rule that is written; None for one that is not saved yet."""
    return read_key(query.get("rule", ""))


def _refused(request: HttpRequest, sentence: str) -> HttpResponse:
    return render(request, "trials/_trial.html", {"refused": sentence}, status=422)


def _shown(request: HttpRequest, trial: Trial) -> HttpResponse:
    context: dict[str, Any] = {
        "page": trial_page(trial),
        "trial": trial,
        "rule": _rule_key(request.POST),
    }
    context |= {"text_sha256": text_sha256(trial.text), "cap": trying.EVENTS_READ, "samples": trying.SAMPLES}
    return render(request, "trials/_trial.html", context)
