"""Writing a model: the editor, its live findings, copies of the shipped ones, and the default."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from rules_app import services
from rules_app.access import get_editable_model, get_visible_model
from rules_app.forms import CheckForm, NewModelForm, TextForm
from rules_app.models import EventModel, Rule
from rules_app.services.event_models import DEFAULT_MODEL, model_findings
from rules_app.services.versions import with_line_ends_of
from rules_app.text_views import diff_lines
from rules_app.views.findings import findings_context

NEW_MODEL = """\
name: Our events
description: What the model that it extends does not know of our events
extends: {base}
# log_sources:
#   - logsource: process_creation/windows/*
#     channels: [ForwardedEvents]
#     event_ids: [4688]
# fields:
#   OurField: x=>x.EventData.OurField
"""


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The text to edit; saving makes a version. Someone else's save in between gives the conflict page."""
    event_model = get_editable_model(request, pk)
    current = event_model.current
    if request.method == "GET":
        initial = {"text": current.text, "base_version": current.number}
        return _editor(request, TextForm(initial=initial), event_model)
    form = TextForm(request.POST)
    if not form.is_valid():
        return _editor(request, form, event_model, status=422)
    text = with_line_ends_of(current.text, form.cleaned_data["text"])
    base, comment = form.cleaned_data["base_version"] or 0, form.cleaned_data["comment"]
    try:
        saved = services.save_model(event_model, text, base, request.user, comment)
    except services.EditConflict as conflict:
        return _conflict(request, event_model, form, conflict)
    served = f" {_served_sentence()}" if event_model.is_default else ""
    messages.success(request, f"Version {saved.number} is the current one.{served}")
    return redirect(event_model)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A new model of the workspace, from a text to fill in or to paste over."""
    if request.method == "GET":
        return _editor(request, NewModelForm(initial={"text": NEW_MODEL.format(base=_base(request))}))
    form = NewModelForm(request.POST)
    if not form.is_valid():
        return _editor(request, form, status=422)
    name, comment = form.cleaned_data["name"], form.cleaned_data["comment"]
    text = with_line_ends_of("", form.cleaned_data["text"])
    try:
        event_model = services.create_model(name, text, request.user, comment)
    except services.NameTaken:
        form.add_error("name", f"There is a model named {name} already.")
        return _editor(request, form, status=422)
    messages.success(request, f"Saved {event_model.name} as version 1.")
    return redirect(event_model)


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """The findings of a text that is being written, with the hash of the text that they are about."""
    form = CheckForm(request.POST)
    if not form.is_valid():
        return render(
            request, "rules/_findings.html", {"problems": form.errors["text"], "owner": "model"}, status=422
        )
    text = with_line_ends_of("", form.cleaned_data["text"])
    return render(request, "rules/_findings.html", _checked(text))


@require_POST
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    """A model of the workspace with the text of this one, ready to be edited."""
    event_model = get_visible_model(request, pk)
    made = services.copy_model(event_model, request.user)
    messages.success(
        request, f"Copied {event_model.name}, version {event_model.current.number}, to {made.name}."
    )
    return redirect("rules:model_edit", made.pk)


@require_POST
def default(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the library and new scans start with this model."""
    event_model = get_visible_model(request, pk)
    services.make_default(event_model)
    messages.success(request, f"{event_model.name} is the default model. {_served_sentence()}")
    return redirect(event_model)


def _editor(
    request: HttpRequest, form: TextForm, event_model: EventModel | None = None, *, status: int = 200
) -> HttpResponse:
    """The editor page. What was typed is in the form and stays, whatever was wrong with it."""
    text = with_line_ends_of("", str(form["text"].value() or ""))
    context = {"form": form, "event_model": event_model, "not_saved": status != 200, **_checked(text)}
    return render(request, "models/edit.html", context, status=status)


def _conflict(
    request: HttpRequest, event_model: EventModel, form: TextForm, conflict: services.EditConflict
) -> HttpResponse:
    """Both texts, what differs, and the way to save one made of both."""
    theirs = conflict.current
    text = with_line_ends_of(theirs.text, form.cleaned_data["text"])
    context = {
        "event_model": event_model,
        "form": TextForm(initial={**form.cleaned_data, "text": text, "base_version": theirs.number}),
        "theirs": theirs,
        "base_number": form.cleaned_data["base_version"],
        "diff": diff_lines(theirs.text, text),
        **_checked(with_line_ends_of("", text)),
    }
    return render(request, "models/conflict.html", context, status=409)


def _base(request: HttpRequest) -> str:
    """The shipped model that a new one extends: the one that was asked for, else the default of the engine."""
    asked = request.GET.get("extends", "")
    return asked if EventModel.objects.filter(name=asked, shipped=True).exists() else DEFAULT_MODEL


def _checked(text: str) -> dict[str, Any]:
    """What is wrong with a model's text."""
    return {"owner": "model", **findings_context(text, model_findings(text))}


def _served_sentence() -> str:
    """What the library says under the default model."""
    served = Rule.objects.filter(served=True).count()
    return f"The default model serves {served:,} of {Rule.objects.count():,} rules."
