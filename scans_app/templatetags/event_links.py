"""Values of raw events as links to the events that have them. What they show is hostile: all goes through
`format_html`."""

from __future__ import annotations

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from rules_app.event_values import NOTHINGS, FieldValue
from scans_app.event_browser import LINKED, TEXT_SHOWN, EventBrowser, field_param
from scans_app.templatetags.display import short_channel

register = template.Library()


@register.simple_tag
def event_value(browser: EventBrowser, field: FieldValue) -> SafeString:
    """A value of an event with its menu; a long one is text without a link."""
    if len(field.text) > LINKED:
        return format_html('<span class="val-long">{}</span>', field.text)
    param = field_param(field.path)
    text = NOTHINGS[field.nothing] if field.nothing else field.text
    return format_html(
        '<a class="val{}" href="{}{}" data-not="{}{}" data-field="{}" data-value="{}" data-menu>{}</a>',
        " val-none" if field.nothing else "",
        browser.url,
        browser.only_url(param, text),
        browser.url,
        browser.not_url(param, text),
        field.name,
        text,
        field.nothing or field.text,
    )


@register.simple_tag
def row_value(browser: EventBrowser, field: FieldValue) -> SafeString:
    """A labelled value in the list of events."""
    if len(field.text) > TEXT_SHOWN:
        return format_html("<b>{}:</b> {}…", field.name, field.text[:TEXT_SHOWN])
    return format_html(
        '<b>{}:</b> <a class="val" href="{}" data-param="{}" data-menu tabindex="-1">{}</a>',
        field.name,
        browser.only_url(field_param(field.path), field.text),
        field_param(field.path),
        field.text,
    )


@register.simple_tag
def column_value(browser: EventBrowser, param: str, shown: str | int | None) -> SafeString:
    """A column of the list as a link to the events that have it."""
    text = NOTHINGS["absent"] if shown in ("", None) else str(shown)
    return format_html(
        '<a class="val{}" href="{}" data-param="{}" data-value="{}" title="{}" data-menu>{}</a>',
        " val-none" if shown in ("", None) else "",
        browser.only_url(param, text),
        param,
        text,
        text,
        "absent" if shown in ("", None) else short_channel(text),
    )


@register.simple_tag
def url_if_any(name: str, *args: int | str) -> str:
    """The address of a page, "" where there is no such page."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
