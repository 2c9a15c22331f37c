"""Parts of an explanation as its pages show them. What an event holds is hostile: every part is escaped."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from rules_app.event_values import NOTHINGS
from rules_app.explain_page import FOLDED

register = template.Library()

REASONS = {
    "field_absent": "the event has no such field",
    "value_null": "the field is null",
    "value_empty": "the field is empty",
    "value_mismatch": "another value",
    "case_mismatch": "differs in case only",
    "type_mismatch": "another type",
    "regex_timeout": "the regular expression took too long",
    "lambda_bound": "the rule's lambda reached a bound",
    "mapping_failed": "the field's lambda reached a bound",
}


@register.filter
def reason_words(reason: str) -> str:
    """Why a test is false, in words."""
    return REASONS.get(reason, reason)


@register.filter
def ticks(sentence: str) -> SafeString:
    """A sentence whose parts between backticks are code; what a value of the event has of them is only set so."""
    parts = enumerate(sentence.split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if at % 2 else part,) for at, part in parts)
    )


@register.filter
def branches(node: dict[str, Any]) -> str:
    """How many children of a node are true."""
    total = len(node["children"]) + node["left_out"]
    if total < 2:
        return ""
    return f"{sum(child['truth'] for child in node['children'])} of {total:,} true"


@register.filter
def unfolded(node: dict[str, Any]) -> bool:
    """Whether a node shows its children at first: what decided is open, the rest where it is short."""
    return node["matters"] or (len(node["children"]) <= FOLDED and node["kind"] in ("and", "or", "not"))


@register.filter
def as_json(value: Any) -> str:
    """As JSON text, for a data attribute."""
    return json.dumps(value, ensure_ascii=False)


@register.simple_tag
def why_value(node: dict[str, Any]) -> SafeString | str:
    """What the event holds where a test looked; the kinds of nothing by their names."""
    if node["type"] in NOTHINGS:
        return format_html('<span class="val-none">{}</span>', node["type"])
    found = node["value"]
    return str(found) if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
