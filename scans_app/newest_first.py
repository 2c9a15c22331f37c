"""Lists whose newest row comes first, a page at a time: a page begins behind a row or ends in front of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from rules_app.keys import read_key

PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class NewestFirst:
    """`rows` of the `total`. `after` is the key of the last row where older ones follow, `before` that of the first
    where newer ones precede; else None."""

    rows: list[Any]
    total: int
    after: int | None
    before: int | None


def newest_first(found: QuerySet[Any], query: QueryDict) -> NewestFirst:
    """The page that `after` or `before` of an address asks for; the first one for any other address."""
    after, before = (read_key(query.get(name, "")) for name in ("after", "before"))
    if after is None and before is not None:
        rows = list(found.filter(pk__gt=before).order_by("pk")[: PAGE_ROWS + 1])
        if len(rows) > PAGE_ROWS:
            rows = rows[PAGE_ROWS - 1 :: -1]
            return NewestFirst(rows, found.count(), rows[-1].pk, rows[0].pk)
        after = None  # the first page, whole
    behind = found if after is None else found.filter(pk__lt=after)
    rows = list(behind.order_by("-pk")[: PAGE_ROWS + 1])
    more, rows = len(rows) > PAGE_ROWS, rows[:PAGE_ROWS]
    return NewestFirst(
        rows,
        found.count(),
        rows[-1].pk if more else None,
        rows[0].pk if rows and after is not None else None,
    )
