"""Pages of hits by key: the next page starts after the last row of this one, so that page 9,000 costs what
page 1 costs and rows that a running scan adds do not move the ones that are read."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, F, Func, QuerySet, Value

from scans_app.models import Hit

#: What lists are sorted by -> the column. Ties follow time and place in the evidence, in the same direction.
SORTS = {
    "time": "time",
    "level": "level",
    "title": "title",
    "computer": "computer",
    "channel": "channel",
    "event_id": "event_code",
    "user": "user",
    "verdict": "verdict",
}
PAGE_SIZE = 100


class PageError(Exception):
    """The sort or the key of a page is none of ours; the text is a sentence that says so."""


@dataclass(frozen=True, slots=True)
class HitPage:
    """Some rows in order. `after` leads to the next page and `before` to the one before, "" where none is."""

    rows: list[Hit]
    after: str
    before: str


def hit_page(
    hits: QuerySet[Hit], *, sort: str = "-time", after: str = "", before: str = "", size: int = PAGE_SIZE
) -> HitPage:
    """`size` hits in the order of `sort` (a key of SORTS, "-" before it turns it round).

    `after` and `before` are keys that an earlier page gave; without them it is the first page. Raises
    PageError for another sort or key.
    """
    columns, descending = _order(sort)
    backwards = bool(before) and not after
    if key := before if backwards else after:
        hits = hits.filter(_beyond(columns, _read_key(key, columns), less=descending != backwards))
    signs = "-" if descending != backwards else ""
    rows = list(hits.order_by(*(f"{signs}{column}" for column in columns))[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    has_next, has_previous = (bool(rows), more) if backwards else (more, bool(key) and bool(rows))
    return HitPage(
        rows=rows,
        after=_write_key(rows[-1], columns) if has_next else "",
        before=_write_key(rows[0], columns) if has_previous else "",
    )


def _order(sort: str) -> tuple[tuple[str, ...], bool]:
    name = sort.removeprefix("-")
    if name not in SORTS:
        raise PageError(f"Hits can't be sorted by {name!r}: use {', '.join(SORTS)}.")
    return tuple(dict.fromkeys((SORTS[name], "time", "event", "id"))), sort.startswith("-")


def _beyond(columns: tuple[str, ...], key: list[Any], *, less: bool) -> Func:
    # One comparison of rows, (a, b, c) > (x, y, z): both databases walk the index from there. The same
    # written with OR makes SQLite read everything before the page.
    boolean = BooleanField()
    left = Func(*(F(column) for column in columns), template="(%(expressions)s)", output_field=boolean)
    right = Func(*(Value(value) for value in key), template="(%(expressions)s)", output_field=boolean)
    comparison = " < " if less else " > "
    return Func(left, right, template="%(expressions)s", arg_joiner=comparison, output_field=boolean)


def _write_key(hit: Hit, columns: tuple[str, ...]) -> str:
    values = [getattr(hit, Hit._meta.get_field(column).attname) for column in columns]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _read_key(text: str, columns: tuple[str, ...]) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        fields = [Hit._meta.get_field(column) for column in columns]
        if not isinstance(values, list) or len(values) != len(fields) or None in values:
            raise ValueError(text)
        return [field.to_python(value) for field, value in zip(fields, values, strict=True)]
    except (ValueError, TypeError, binascii.Error) as error:
        raise PageError("This page's key is none of ours: it belongs to another order.") from error
