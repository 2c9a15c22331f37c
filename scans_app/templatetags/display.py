"""How numbers, sizes, times and levels read on the pages of cases. Nothing here marks evidence as safe."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from scans_app.hit_filters import from_micros

register = template.Library()

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


@register.filter
def number(value: int | None) -> str:
    """A whole number with separators: `9,812,440`. None reads as 0."""
    return f"{value or 0:,}"


@register.filter
def counted(value: int | None, words: str) -> str:
    """A number with its noun, `1 file` or `14 files`, from "file,files"."""
    one, many = words.split(",")
    return f"{value or 0:,} {one if value == 1 else many}"


@register.filter
def size(value: int | None) -> str:
    """Bytes in decimal units, as disks and networks count them: `251.4 MB`."""
    amount = float(value or 0)
    for unit in _UNITS:
        if amount < 999.95 or unit == _UNITS[-1]:
            break
        amount /= 1000
    return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"


@register.filter
def share(part: int | None, whole: int | None) -> str:
    """`part` of `whole` as a percentage for an SVG attribute, never outside 0 to 100."""
    if not whole:
        return "0%"
    return f"{max(0.0, min(100.0, 100 * (part or 0) / whole)):.1f}%"


@register.filter
def share_of(part: int, whole: int) -> str:
    """`part` of `whole` for reading: `0.02 %`, `34 %`, and never `0 %` for some or `100 %` for not all."""
    if not part or part >= whole:
        return "100 %" if part else "0 %"
    percent = 100 * part / whole
    if percent < 0.01:
        return "under 0.01 %"
    return f"{min(percent, 99.9):.2f} %" if percent < 1 else f"{min(percent, 99.9):.3g} %"


@register.filter
def event_time(micros: int | None, form: str = "%-d %b %Y %H:%M:%S UTC") -> str:
    """An event's time, microseconds since the epoch, in UTC. 0 says that the event has none."""
    moment = _moment(micros)
    return moment.strftime(form) if moment else "no time"


@register.filter
def clock(micros: int | None, by_day: bool = True) -> SafeString | str:  # noqa: FBT001, FBT002 (a filter)
    """An event's time of day to the millisecond, with its day unless rows are grouped by it, as a `<time>`
    that carries the exact one."""
    moment = _moment(micros)
    if moment is None:
        return "no time"
    form = "%H:%M:%S.%f" if by_day else "%Y-%m-%d %H:%M:%S.%f"
    exact = moment.isoformat().replace("+00:00", "Z")
    return format_html('<time datetime="{}">{}</time>', exact, moment.strftime(form)[:-3])


def _moment(micros: int | None) -> datetime | None:
    """The time, or None when there is none or when no calendar holds it (damaged evidence has such)."""
    try:
        return from_micros(micros) if micros else None
    except OverflowError:
        return None


@register.filter
def duration(seconds: float | None) -> str:
    """A span of time with two units at most: `1 min 39 s`."""
    if seconds is None:
        return "not known"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400:,} d {whole % 86_400 // 3600} h"


@register.filter
def rate(per_second: float) -> str:
    """Events a second, to the unit: `61,300/s`."""
    return f"{per_second:,.0f}/s"


@register.filter
def short_channel(channel: str) -> str:
    """A channel as people say it: `Microsoft-Windows-Sysmon/Operational` is Sysmon."""
    return channel.removeprefix("Microsoft-Windows-").removesuffix("/Operational")
