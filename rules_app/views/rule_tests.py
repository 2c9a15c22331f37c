"""The tests on the sheet of a rule: adding one out of JSON, turning, noting and removing it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from rules_app.access import get_editable_rule, get_visible_test
from rules_app.models import Rule, RuleVersion
from rules_app.pasted_events import read_pasted
from rules_app.pins_page import Dots, dots_of_tests
from rules_app.services import rule_tests
from rules_app.services.pins import PinError

CHANGES = {"turn": rule_tests.turn_test, "remove": rule_tests.remove_test}


@require_POST
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """Make tests of events in pasted JSON; `expected` is hit or miss."""
    rule, expected = get_editable_rule(request, pk), request.POST.get("expected", "")
    if expected not in ("hit", "miss"):
        return HttpResponseBadRequest("A test says what is expected: hit or miss.")
    pasted = read_pasted(request.POST.get("json", ""))
    for problem in pasted.problems:
        messages.error(request, problem)
    try:
        added = rule_tests.add_tests(
            request.user,
            rule,
            pasted.sources,
            must_hit=expected == "hit",
            note=request.POST.get("note", ""),
        )
    except PinError as error:
        messages.error(request, str(error))
        return _back(rule)
    if added:
        messages.success(request, f"{len(added):,} {'test is' if len(added) == 1 else 'tests are'} added.")
    return _back(rule)


@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Turn a test to the opposite, remove it, or write its note: `do` is turn, remove or note."""
    test, do = get_visible_test(request, pk), request.POST.get("do", "")
    rule = test.rule
    if do == "note":
        rule_tests.note_test(test, request.POST.get("note", ""))
    elif do in CHANGES:
        CHANGES[do](test)
    else:
        return HttpResponseBadRequest("A test can be turned, removed, or given a note.")
    return redirect("rules:new") if rule is None else _back(rule)


def tests_context(rule: Rule, version: RuleVersion | None) -> dict[str, Any]:
    """What `rules/_tests.html` shows on the sheet of a rule: its tests, and what a version says of them."""
    shown: Dots = dots_of_tests(rule, version.text if version else "")
    return {"tests": shown, "tests_rule": rule, "tests_version": version}


def _back(rule: Rule) -> HttpResponse:
    return redirect(f"{rule.get_absolute_url()}#tests")
