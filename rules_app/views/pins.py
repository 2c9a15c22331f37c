"""The pinned events beside the editor: what a text says of them, and pinning, removing, expecting."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from rules_app.access import get_editable_rule, get_kept_event
from rules_app.forms import CheckForm
from rules_app.keys import read_key
from rules_app.models import Rule, RuleTest
from rules_app.pasted_events import read_pasted
from rules_app.pins_page import dots_of
from rules_app.selection import placeholders_of_set
from rules_app.services import pins, rule_tests
from rules_app.services.versions import with_line_ends_of

CHOOSE = "Choose an event first."


@require_POST
def dots(request: HttpRequest) -> HttpResponse:
    """What a text that is being written says of the events, with the hash of the text that this is about.

    A text that cannot be asked answers with the reason alone: the last good answer stays on the page, greyed.
    """
    return _answer(request, _rule(request), live=True)


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Pin events out of pasted JSON."""
    rule, pasted = _rule(request), read_pasted(request.POST.get("json", ""))
    said, pinned = list(pasted.problems), []
    try:
        pinned = pins.pin_events(request.user, rule, pasted.sources)
        if pinned:
            said.insert(0, f"{len(pinned):,} {'event is' if len(pinned) == 1 else 'events are'} pinned.")
    except pins.PinError as error:
        said.insert(0, str(error))
    if pasted.nameless:
        said.append(f"{pasted.nameless:,} of them without channel and event id: no log source takes them.")
    response = _answer(request, rule, " ".join(said))
    if pinned:
        response.headers["HX-Trigger"] = "pasted"  # the field is emptied
    return response


@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Remove the chosen pin, or with `all` every one that this person pinned to the rule. Tests stay."""
    rule = _rule(request)
    if request.POST.get("all"):
        count = pins.unpin(request.user, rule)
        return _answer(request, rule, f"{count:,} {'pin is' if count == 1 else 'pins are'} removed.")
    if not request.POST.get("pin"):
        return _answer(request, rule, CHOOSE)
    chosen = get_kept_event(request, request.POST["pin"])
    if isinstance(chosen, RuleTest) or rule_tests.test_of(request.user, chosen.rule, chosen) is not None:
        return _answer(request, rule, "This event is a test of the rule: expect nothing of it first.")
    pins.unpin(request.user, chosen.rule, [chosen.pk])
    return _answer(request, rule, "The pin is removed.")


@require_POST
def adopt(request: HttpRequest) -> HttpResponse:
    """Take what this person pinned without a rule to this one."""
    rule = _rule(request)
    if rule is None:
        return _answer(request, rule, "There is no rule yet: it gets these events when it is saved.")
    try:
        pins.adopt(request.user, rule)
    except pins.PinError as error:
        return _answer(request, rule, str(error))
    return _answer(request, rule, "The events that you pinned without a rule are here now.")


@require_POST
def expect(request: HttpRequest) -> HttpResponse:
    """Make the chosen event a test: `expected` is hit or miss; anything else is no test."""
    rule, expected = _rule(request), request.POST.get("expected", "")
    if not request.POST.get("pin"):
        return _answer(request, rule, CHOOSE)
    chosen, said = get_kept_event(request, request.POST["pin"]), ""
    try:
        if expected in ("hit", "miss"):
            rule_tests.add_tests(request.user, chosen.rule, [chosen], must_hit=expected == "hit")
        elif (test := rule_tests.test_of(request.user, chosen.rule, chosen)) is not None:
            rule_tests.expect_nothing(request.user, test)
    except pins.PinError as error:
        said = str(error)
    return _answer(request, rule, said)


def pins_context(
    request: HttpRequest, rule: Rule | None, text: str, rule_set: str, chosen: str = ""
) -> dict[str, Any]:
    """What `rules/_pins.html` shows beside the editor of a rule, or of one that is not saved yet."""
    placeholders = rule.rule_set.placeholders if rule else placeholders_of_set(rule_set)
    return {
        "pins": dots_of(request.user, rule, text, placeholders, chosen),
        "pins_rule": rule,
        "pins_waiting": len(pins.pins_of(request.user, None)) if rule else 0,
    }


def _rule(request: HttpRequest) -> Rule | None:
    """The rule whose events these are; None for one that is not saved yet. Raises Http404."""
    pk = read_key(request.POST.get("rule", ""))
    return get_editable_rule(request, pk) if pk else None


def _answer(request: HttpRequest, rule: Rule | None, said: str = "", *, live: bool = False) -> HttpResponse:
    """The dots for the text of the request, and what was done. A `live` answer came of the text alone: nothing was
    done, and where the text cannot be asked the dots on the page stay as they are."""
    form = CheckForm(request.POST)
    if not form.is_valid():
        said = " ".join(error for errors in form.errors.values() for error in errors)
        return render(request, "rules/_pins_said.html", {"said": said}, status=422)
    text = with_line_ends_of("", form.cleaned_data["text"])
    chosen = request.POST.get("pin", "")
    context = pins_context(request, rule, text, form.cleaned_data["rule_set"], chosen)
    response = render(request, "rules/_dots.html", {**context, "said": said, "answers": True, "live": live})
    if live and context["pins"].problem:
        response.headers["HX-Reswap"] = "none"
    return response
