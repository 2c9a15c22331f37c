"""Models: where log sources and fields are found in events."""

from __future__ import annotations

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from rules_app.access import get_visible_model, get_visible_model_version
from rules_app.models import EventModel, Rule
from rules_app.selection import load_event_model
from rules_app.text_views import code_lines
from rules_app.views.findings import findings_context
from rules_app.views.versions import version_context
from sigma_engine import Logsource, Mapping, Model, Source


@require_GET
def models(request: HttpRequest) -> HttpResponse:
    """All models with what they hold."""
    found = EventModel.objects.visible_to(request.user).select_related("current__author")
    return render(request, "models/list.html", {"rows": [(one, _contents(one)) for one in found]})


@require_GET
def model(request: HttpRequest, pk: int) -> HttpResponse:
    """Log sources, field mappings, the text with findings at their lines, versions."""
    event_model = get_visible_model(request, pk)
    version = event_model.current
    contents = _contents(event_model)
    context = {
        "event_model": event_model,
        "contents": contents,
        "sources": _sources(contents) if contents else [],
        "fields": _fields(contents) if contents else [],
        "lines": code_lines(version.text, version.findings),
        **findings_context(version.text, version.findings),
        "versions": event_model.versions.select_related("author"),
    }
    return render(request, "models/model.html", context)


@require_GET
def version(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """One version as it was, and what it changed against another (`?against=2`), else the one before it."""
    shown = get_visible_model_version(request, pk, number)
    others = shown.model.versions.exclude(pk=shown.pk)
    context = version_context(shown, others, request.GET.get("against", ""))
    return render(request, "models/version.html", {"event_model": shown.model, **context})


def _sources(contents: Model) -> list[tuple[Source, int]]:
    """Each log source with the number of rules that run on it."""
    parts = ("category", "product", "service")
    logsources = [
        (Logsource(*(row[part] or None for part in parts)), row["rules"])
        for row in Rule.objects.published()
        .filter(broken=False)
        .order_by()
        .values(*parts)
        .annotate(rules=Count("pk"))
        if any(row[part] for part in parts)
    ]
    return [
        (source, sum(rules for logsource, rules in logsources if source.serves(logsource)))
        for source in contents.sources
    ]


def _fields(contents: Model) -> list[Mapping]:
    """All mappings, the model's own and those of its sources, by name of the field."""
    mappings = [
        *contents.fields.values(),
        *(m for source in contents.sources for m in source.fields.values()),
    ]
    return sorted(mappings, key=lambda mapping: (mapping.field.lower(), mapping.origin))


def _contents(event_model: EventModel) -> Model | None:
    """What the engine reads of a model's text; None for a broken one."""
    version = event_model.current
    return None if version.broken else load_event_model(version)
