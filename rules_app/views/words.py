"""What the editor completes and explains: Sigma's words, the default model's log sources and fields, as JSON.

A browser keeps each answer and asks with its ETag whether it still holds: it does until the default model or the
library changes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Count, Max
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_GET

from rules_app.models import EventModel, Rule
from rules_app.selection import load_default_model
from sigma_engine import ENGINE_VERSION, Logsource, logsource_words, mapped_fields, sigma_words

LOGSOURCE_PARTS = ("category", "product", "service")


def asked_logsource(request: HttpRequest) -> Logsource:
    """The log source of an address: `?category=..&product=..&service=..`, each part of which may be left open."""
    return Logsource(*(request.GET.get(part, "")[:100] or None for part in LOGSOURCE_PARTS))


def _state_of_model(request: HttpRequest) -> str:
    default = EventModel.objects.default()
    return f'"{ENGINE_VERSION}-{default.current_id if default is not None else 0}"'


def _state_of_library(request: HttpRequest) -> str:
    rules = Rule.objects.visible_to(request.user).aggregate(count=Count("pk"), newest=Max("updated_at"))
    return f'{_state_of_model(request)[:-1]}-{rules["count"]}-{rules["newest"]}"'


@require_GET
@cache_control(private=True, no_cache=True)
@condition(etag_func=_state_of_library)
def words(request: HttpRequest) -> JsonResponse:
    """Sigma's words, the model's log sources, and the tags that the library's rules have."""
    model = load_default_model()
    known = sigma_words()
    tags = _tags(request, known.pop("tactics"))
    return JsonResponse(known | {"tags": tags, "sources": logsource_words(model) if model else []})


@require_GET
@cache_control(private=True, no_cache=True)
@condition(etag_func=_state_of_model)
def fields(request: HttpRequest) -> JsonResponse:
    """The fields of a log source: {fields: {name: [{lambda, events}]}}, the commonest mapping of each first."""
    model = load_default_model()
    mapped = mapped_fields(model, asked_logsource(request)) if model else {}
    shown = {
        name: [{"lambda": one.mapping.text, "events": one.events} for one in mappings]
        for name, mappings in mapped.items()
    }
    return JsonResponse({"fields": shown})


def _tags(request: HttpRequest, tactics: list[str]) -> list[dict[str, Any]]:
    """ATT&CK's tactics, and every tag of the library, each with what is known of it; the most used first."""
    rules = Rule.objects.visible_to(request.user)
    used = Counter(tag.lower() for tags in rules.values_list("tags", flat=True).iterator() for tag in tags)
    about = {f"attack.{name}": "ATT&CK tactic" for name in tactics}
    names = [*(name for name, _ in used.most_common()), *(name for name in about if name not in used)]
    return [{"name": name, "about": _about(about.get(name, ""), used[name])} for name in names]


def _about(kind: str, count: int) -> str:
    rules = "1 rule" if count == 1 else f"{count:,} rules"
    return ", ".join(filter(None, (kind, rules if count else "")))
