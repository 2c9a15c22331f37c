"""The sets of rules, and the placeholders of each."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rules_app import services
from rules_app.access import get_editable_set
from rules_app.forms import PlaceholdersForm
from rules_app.models import RuleSet
from rules_app.placeholder_use import difference, set_rows, uses_of
from rules_app.services.placeholders import DerivedAnew, placeholders_digest
from rules_app.services.versions import with_line_ends_of
from rules_app.views.findings import findings_context
from sigma_engine import Placeholders, parse_placeholders, write_placeholders


@require_GET
def sets(request: HttpRequest) -> HttpResponse:
    """All sets with their numbers."""
    return render(request, "rules/sets.html", {"rows": set_rows(request.user)})


@require_http_methods(["GET", "POST"])
def rule_set(request: HttpRequest, pk: int) -> HttpResponse:
    """A set's facts and its placeholders to edit; lists that somebody saved in between are shown beside, with 409."""
    shown = get_editable_set(request, pk)
    if request.method == "GET":
        return _page(request, shown, _form(write_placeholders(shown.placeholders), shown.placeholders))
    form = PlaceholdersForm(request.POST)
    if not form.is_valid():
        return _page(request, shown, form, status=422)
    text = with_line_ends_of("", form.cleaned_data["text"])
    lists, findings = parse_placeholders(text)
    if findings:
        return _page(request, shown, form, status=422)
    try:
        derived = services.save_placeholders(shown, lists, form.cleaned_data["base_version"])
    except services.PlaceholdersConflict as conflict:
        return _conflict(request, shown, text, conflict.current)
    messages.success(request, _saved_sentence(derived))
    return redirect(shown)


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """The findings of placeholders that are being written, with the hash of the text that they are about."""
    form = PlaceholdersForm(request.POST)
    if not form.is_valid():
        problems = [error for errors in form.errors.values() for error in errors]
        return render(request, "rules/_findings.html", {"problems": problems}, status=422)
    text = with_line_ends_of("", form.cleaned_data["text"])
    return render(request, "rules/_findings.html", {"owner": "set", **_checked(text)})


def _form(text: str, base: Placeholders) -> PlaceholdersForm:
    return PlaceholdersForm(initial={"text": text, "base_version": placeholders_digest(base)})


def _page(
    request: HttpRequest, shown: RuleSet, form: PlaceholdersForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    """The page. What was typed is in the form and stays, whatever was wrong with it."""
    rules = shown.rules.all()
    context = {
        "rule_set": shown,
        "form": form,
        "rules_total": rules.count(),
        "broken_total": rules.broken().count(),
        "uses": uses_of(shown),
        **_checked(with_line_ends_of("", str(form["text"].value() or ""))),
        **more,
    }
    return render(request, "rules/set.html", context, status=status)


def _conflict(request: HttpRequest, shown: RuleSet, text: str, theirs: dict[str, list[str]]) -> HttpResponse:
    """What was typed, and what differs from what was saved meanwhile; saving again is over theirs."""
    diff = difference(theirs, parse_placeholders(text)[0])
    shown.placeholders = theirs
    return _page(request, shown, _form(text, theirs), theirs=theirs, diff=diff, status=409)


def _checked(text: str) -> dict[str, Any]:
    """What is wrong with lists as they are written."""
    _, findings = parse_placeholders(text)
    return findings_context(text, [finding.to_dict() for finding in findings])


def _saved_sentence(derived: DerivedAnew) -> str:
    if not derived.rules:
        return "Saved. No rule of this set asks for placeholders yet."
    asking = "1 rule asks" if derived.rules == 1 else f"{derived.rules:,} rules ask"
    mended = f"; {derived.mended:,} more than before can run" if derived.mended else ""
    return f"Saved. {asking} for placeholders, {derived.broken:,} broken{mended}."
