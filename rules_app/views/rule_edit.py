"""Writing a rule: the editor, its live findings, and what happens when two people save."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from rules_app import services
from rules_app.access import get_editable_rule
from rules_app.forms import CheckForm, NewRuleForm, TextForm
from rules_app.models import Rule, RuleSet
from rules_app.selection import load_default_model, placeholders_of_set
from rules_app.services.pins import adopt
from rules_app.services.versions import with_line_ends_of
from rules_app.text_views import diff_lines
from rules_app.views.findings import findings_context, mendable_findings, mended
from rules_app.views.pins import pins_context
from sigma_engine import Placeholders

OWN_SET = "Own rules"  # offered for a rule that is written here
NEW_RULE = """\
title:
id: {id}
status: experimental
description:
author: {author}
date: {date}
logsource:
    category: process_creation
    product: windows
detection:
    selection:
        Image|endswith: '\\'
    condition: selection
falsepositives:
    - Unknown
level: medium
"""


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The text to edit; saving makes a draft. Someone else's save in between gives the conflict page."""
    rule = get_editable_rule(request, pk)
    base = {"text": rule.to_edit.text, "base_version": rule.to_edit.number}
    if request.method == "GET":
        return _editor(request, TextForm(initial=base), rule)
    if _is_draft(request):
        return _draft(request, TextForm, base, rule)
    form = TextForm(request.POST)
    if not form.is_valid():
        return _editor(request, form, rule, status=422)
    text = with_line_ends_of(rule.to_edit.text, form.cleaned_data["text"])
    number, comment = form.cleaned_data["base_version"] or 0, form.cleaned_data["comment"]
    try:
        saved = services.save_rule(rule, text, number, request.user, comment)
    except services.EditConflict as conflict:
        return _conflict(request, rule, form, conflict)
    messages.success(request, _saved_sentence(saved.number, changed=saved != rule.to_edit))
    return redirect("rules:review", rule.pk)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A new rule, from a text to fill in or from a draft that something else wrote."""
    base = {"text": _new_text(request), "rule_set": OWN_SET}
    if request.method == "GET":
        return _editor(request, NewRuleForm(initial=base))
    if _is_draft(request):
        return _draft(request, NewRuleForm, base)
    form = NewRuleForm(request.POST)
    if not form.is_valid():
        return _editor(request, form, status=422)
    rule_set = services.get_or_create_set(form.cleaned_data["rule_set"], request.user)
    text = with_line_ends_of("", form.cleaned_data["text"])
    rule = services.create_rule(rule_set, text, request.user, form.cleaned_data["comment"])
    adopt(request.user, rule)
    messages.success(
        request, f"Saved as version 1 in the set {rule_set.name}, a draft: scans run it when it is published."
    )
    return redirect(rule)


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """The findings of a text that is being written, with the hash of the text that they are about."""
    form = CheckForm(request.POST)
    if not form.is_valid():
        problems = [error for errors in form.errors.values() for error in errors]
        return render(request, "rules/_findings.html", {"problems": problems}, status=422)
    text = with_line_ends_of("", form.cleaned_data["text"])
    context = _checked(text, placeholders_of_set(form.cleaned_data["rule_set"]))
    return render(request, "rules/_findings.html", context)


def show_text(request: HttpRequest, rule: Rule, text: str, caret_line: int) -> HttpResponse:
    """The editor with a text of this rule that something else wrote, and the caret in a line of it: nothing is
    saved."""
    form = TextForm(initial={"text": text, "base_version": rule.to_edit.number})
    return _editor(request, form, rule, not_saved=True, caret_line=caret_line)


def _is_draft(request: HttpRequest) -> bool:
    """Whether a text was sent to be edited, or mended, and not to be saved."""
    return "draft" in request.POST or "mend" in request.POST


def _draft(
    request: HttpRequest, form_class: type[TextForm], base: dict[str, Any], rule: Rule | None = None
) -> HttpResponse:
    """The editor with the text that was sent, and with the mend `finding.mend` made that was asked for."""
    sent = form_class(request.POST)
    if "text" in sent.errors:
        return _editor(request, sent, rule, status=422)
    said = {name: value for name, value in sent.cleaned_data.items() if value not in (None, "")}
    initial = {**base, **said, "text": with_line_ends_of("", sent.cleaned_data["text"])}
    name = rule.rule_set.name if rule else initial["rule_set"]
    initial["text"] = mended(initial["text"], placeholders_of_set(name), request.POST.get("mend", ""))
    return _editor(request, form_class(initial=initial), rule, not_saved=True)


def _editor(
    request: HttpRequest,
    form: TextForm,
    rule: Rule | None = None,
    *,
    status: int = 200,
    not_saved: bool = False,
    caret_line: int = 0,
) -> HttpResponse:
    """The editor page, with the pinned event of `?pin=` chosen. What was typed is in the form and stays, whatever was
    wrong with it."""
    text = with_line_ends_of("", str(form["text"].value() or ""))
    name = rule.rule_set.name if rule else str(form["rule_set"].value() or "")
    context = {
        "form": form,
        "rule": rule,
        "sets": RuleSet.objects.names(),
        "not_saved": not_saved or status != 200,
        **_checked(text, placeholders_of_set(name)),
        "caret_line": caret_line,
        **pins_context(request, rule, text, name, request.GET.get("pin", "")),
    }
    return render(request, "rules/edit.html", context, status=status)


def _conflict(
    request: HttpRequest, rule: Rule, form: TextForm, conflict: services.EditConflict
) -> HttpResponse:
    """Both texts, what differs, and the way to save one made of both."""
    theirs = conflict.current
    text = with_line_ends_of(theirs.text, form.cleaned_data["text"])
    again = TextForm(initial={**form.cleaned_data, "text": text, "base_version": theirs.number})
    context = {
        "rule": rule,
        "form": again,
        "theirs": theirs,
        "base_number": form.cleaned_data["base_version"],
        "diff": diff_lines(theirs.text, text),
        **_checked(with_line_ends_of("", text), rule.rule_set.placeholders),
    }
    return render(request, "rules/conflict.html", context, status=409)


def _checked(text: str, placeholders: Placeholders) -> dict[str, Any]:
    """What is wrong with a rule's text under the default model, with the placeholders of its set, and its mends."""
    return findings_context(text, mendable_findings(text, load_default_model(), placeholders))


def _new_text(request: HttpRequest) -> str:
    return NEW_RULE.format(id=uuid.uuid4(), author=request.user.get_username(), date=timezone.now().date())


def _saved_sentence(number: int, *, changed: bool) -> str:
    return (
        f"Saved as version {number}, a draft: scans run it when it is published."
        if changed
        else f"The text is that of version {number}; nothing to save."
    )
