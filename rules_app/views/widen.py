"""A clause of a rule made wider by one value: opened in the editor, saved by nobody but its author."""

from __future__ import annotations

from itertools import takewhile

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from rules_app.access import get_editable_rule
from rules_app.forms import WidenForm
from rules_app.views.rule_edit import show_text
from sigma_engine import widened


@require_POST
def widen(request: HttpRequest, pk: int) -> HttpResponse:
    """The editor with the text in which the clause has one more value and the caret there; a sentence where that
    cannot be done."""
    rule = get_editable_rule(request, pk)
    form = WidenForm(request.POST)
    text = None
    if form.is_valid():
        asked = form.cleaned_data
        text = widened(rule.to_edit.text, asked["selection"], asked["number"], asked["value"])
    if text is None:
        messages.error(
            request,
            "This clause cannot be made wider by one value: it wants all of its values, compares something else "
            "than text, or is not in the rule any more. Edit it by hand.",
        )
        return redirect("rules:edit", rule.pk)
    same = takewhile(
        lambda pair: pair[0] == pair[1], zip(*map(_from_the_end, (rule.to_edit.text, text)), strict=False)
    )
    line = len(text.splitlines()) - sum(1 for _ in same)
    messages.success(request, f"The clause takes one more value: see line {line}. Nothing is saved yet.")
    return show_text(request, rule, text, caret_line=line)


def _from_the_end(text: str) -> list[str]:
    return text.splitlines()[::-1]
