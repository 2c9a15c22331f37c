"""Values of evidence as links: what they show is hostile, so every part goes through `format_html`.

A value's `href` is the page narrowed to it, which works without script. `data-param` names its filter; the
script builds the value menu (only, exclude, stack by, copy) from that.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from rules_app.event_values import NOTHINGS, FieldValue
from scans_app.hit_browser import HitBrowser
from scans_app.hit_filters import EVENT, from_micros
from scans_app.models import Hit
from scans_app.templatetags.display import short_channel
from sigma_engine import LEVELS

register = template.Library()

LINKED = 1_000  # characters; a longer value would make an address that servers refuse
DETAILS_SHOWN = 2_000  # characters of a hit's details in a list; the event itself shows all
PART_SHOWN = 400
SEPARATOR = " ¦ "  # between the parts of a hit's details
#: Fields of the event that are columns of the hit: filtering by the column is cheaper and means the same.
COLUMN_FIELDS = {
    "System.Computer": "computer",
    "System.Channel": "channel",
    "System.EventID.Value": "event_id",
}
VERDICT_MARKS = {
    "true_positive": ("tp", "i-yes"),
    "benign": ("benign", "i-minus"),
    "false_positive": ("fp", "i-x"),
}


def _level_badge(rank: int) -> SafeString:
    name = LEVELS[rank - 1] if rank else ""
    if not name:
        return mark_safe('<span class="sev muted">no level</span>')
    css = "info" if name == "informational" else name
    return format_html(
        '<span class="sev sev-{}"><svg class="icon" aria-hidden="true"><use href="#i-s-{}"/></svg>{}</span>',
        css,
        css,
        name.capitalize(),
    )


def _level_mark(rank: int) -> SafeString:
    name = LEVELS[rank - 1] if rank else ""
    if not name:
        return mark_safe("")
    css = "info" if name == "informational" else name
    return format_html(
        '<span class="sev sev-{} sev-only"><svg class="icon" role="img" aria-label="{}">'
        '<use href="#i-s-{}"/></svg></span>',
        css,
        name.capitalize(),
        css,
    )


_MARKS = {rank: _level_mark(rank) for rank in range(len(LEVELS) + 1)}
_BADGES = {rank: _level_badge(rank) for rank in range(len(LEVELS) + 1)}


@register.filter
def level_badge(rank: int) -> SafeString:
    """A level as shape, colour and word."""
    return _BADGES.get(rank, _BADGES[0])


@register.filter
def level_mark(rank: int) -> SafeString:
    """A level as shape and colour, with its word for who cannot see them."""
    return _MARKS.get(rank, _MARKS[0])


@register.filter
def level_name(rank: int) -> str:
    """A level's word as Sigma writes it, "none" for a rule without one."""
    return LEVELS[rank - 1] if 0 < rank <= len(LEVELS) else "none"


@register.simple_tag(takes_context=True)
def value(context: template.Context, param: str, shown: Any) -> SafeString:
    """A column's value as a link to the hits that have it. "" and -1 say that the event has none."""
    browser: HitBrowser = context["browser"]
    if shown == "" or (param == "event_id" and shown == -1):
        return _nothing(browser, param, "absent")
    if param == "channel" and (short := short_channel(shown)) != shown:
        return format_html(
            '<a class="val" href="{}" data-param="{}" data-value="{}" title="{}" data-menu>{}</a>',
            browser.only_url(param, shown),
            param,
            shown,
            shown,
            short,
        )
    return format_html(
        '<a class="val" href="{}" data-param="{}" data-menu>{}</a>',
        browser.only_url(param, shown),
        param,
        shown,
    )


@register.simple_tag(takes_context=True)
def field_value(context: template.Context, field: FieldValue) -> SafeString:
    """A value of the event as a link, by its path; long ones are text without a link."""
    browser: HitBrowser = context["browser"]
    # The slide-over holds links to other pages too, so there each value says that htmx may follow it.
    param = COLUMN_FIELDS.get(field.path, f"{EVENT}{field.path}")
    if field.nothing:
        return _nothing(browser, param, field.nothing)
    if len(field.text) > LINKED:
        return format_html('<span class="val-long">{}</span>', field.text)
    address = browser.only_url(param, field.text)
    return format_html(
        '<a class="val" href="{}" data-param="{}" data-menu hx-boost="true">{}</a>',
        address,
        param,
        field.text,
    )


def _nothing(browser: HitBrowser, param: str, kind: str) -> SafeString:
    text = NOTHINGS[kind]
    return format_html(
        '<a class="val val-none" href="{}" data-param="{}" data-value="{}" data-menu>{}</a>',
        browser.only_url(param, text),
        param,
        text,
        kind,
    )


@register.simple_tag(takes_context=True)
def details(context: template.Context, hit: Hit) -> SafeString:
    """The details line of a hit: each labelled part a value. What is there is a template's text, so the
    filter that a part links to is a search for it."""
    browser: HitBrowser = context["browser"]
    bar = mark_safe(' <span aria-hidden="true">¦</span> ')
    parts = (_detail(browser, part) for part in hit.details[:DETAILS_SHOWN].split(SEPARATOR) if part.strip())
    return format_html_join(bar, "{}", ((part,) for part in parts))


def _detail(browser: HitBrowser, part: str) -> SafeString:
    label, colon, text = part.partition(": ")
    if not colon:
        label, text = "", part
    named = format_html("<b>{}:</b> ", label) if label else ""
    if not text or len(text) > PART_SHOWN:
        return format_html("{}{}{}", named, text[:PART_SHOWN], "…" if text else "")
    return format_html(
        '{}<a class="val" href="{}" data-param="q" data-menu tabindex="-1">{}</a>',
        named,
        browser.only_url("q", text),
        text,
    )


@register.simple_tag
def verdict(hit: Hit) -> SafeString:
    """A hit's verdict, with the id under which a judgement replaces it."""
    css, icon = VERDICT_MARKS.get(hit.verdict, ("unsure" if hit.verdict else "none", ""))
    drawn = format_html('<svg class="icon" aria-hidden="true"><use href="#{}"/></svg>', icon) if icon else ""
    word = hit.get_verdict_display().lower()
    return format_html('<span class="verd verd-{}">{}{}</span>', css, drawn, word)


@register.simple_tag(takes_context=True)
def open_url(context: template.Context, hit: Hit) -> str:
    """This page's query with a hit open; the same query asks `cases:hit` for the slide alone."""
    browser: HitBrowser = context["browser"]
    return browser.open_url(hit.pk)


@register.simple_tag(takes_context=True)
def sort_url(context: template.Context, name: str) -> str:
    """This page sorted by a column, or the other way round."""
    browser: HitBrowser = context["browser"]
    return browser.sort_url(name)


@register.simple_tag(takes_context=True)
def level_url(context: template.Context, rank: int) -> str:
    """This page with a level shown or left out."""
    browser: HitBrowser = context["browser"]
    return browser.level_url(level_name(rank))


@register.simple_tag(takes_context=True)
def span_url(context: template.Context, start: int, end: int) -> str:
    """This page narrowed to a span of time, [start, end) in microseconds."""
    browser: HitBrowser = context["browser"]
    times = {"from": from_micros(start).replace(tzinfo=None), "to": from_micros(end).replace(tzinfo=None)}
    return browser.url(**{name: moment.isoformat() for name, moment in times.items()})


@register.simple_tag(takes_context=True)
def url_with(context: template.Context, **changes: Any) -> str:
    """This page's address with parameters changed: `{% url_with hit=5 tab="why" %}`. "" drops one."""
    browser: HitBrowser = context["browser"]
    names = {name.rstrip("_"): (None if value == "" else str(value)) for name, value in changes.items()}
    return browser.url(**names)


@register.simple_tag(takes_context=True)
def only_url(context: template.Context, param: str, shown: Any) -> str:
    """The address of the page narrowed to one value."""
    browser: HitBrowser = context["browser"]
    return browser.only_url(param, NOTHINGS["absent"] if shown is None else shown)
