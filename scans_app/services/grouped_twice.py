"""Stacks on PostgreSQL: grouped by value and computer, and then by value.

PostgreSQL counts distinct values by sorting all rows, but groups by hashing: so a million rows are hashed into few, and
those are grouped again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import Aggregate, F, QuerySet

_AGAIN = {"COUNT": "SUM"}  # what is counted in parts is summed up
_WHOLE_NUMBERS = ("n", "done")  # sums of large numbers are decimals there


def grouped_twice(
    rows: QuerySet[Any], keys: Mapping[str, Any], counts: Mapping[str, Any], *, order: str, limit: int
) -> list[dict[str, Any]]:
    """The `limit` most common (or "rare"st) of the groups by `keys`, with `counts` (aggregates; `n` is how many) and
    the number of `computers`. The names of both are the program's own."""
    by_computer = rows.order_by().values(**keys, by=F("computer")).annotate(**counts)
    sql, params = by_computer.query.sql_with_params()
    names, sign = ", ".join(f'"{key}"' for key in keys), "DESC" if order == "common" else "ASC"
    again = ", ".join(f'{_function(count)}("{name}") AS "{name}"' for name, count in counts.items())
    with connection.cursor() as cursor:
        # The inner question is Django's own, every value is a parameter.
        cursor.execute(
            f"SELECT {names}, COUNT(*) AS computers, {again} FROM ({sql}) AS by_computer "  # noqa: S608
            f"GROUP BY {names} ORDER BY n {sign}, {names} LIMIT %s",
            [*params, limit],
        )
        found = [column[0] for column in cursor.description]
        return [_whole(dict(zip(found, row, strict=True))) for row in cursor.fetchall()]


def _function(count: Aggregate) -> str:
    name = str(count.function)
    return _AGAIN.get(name, name)


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: int(row[name]) for name in _WHOLE_NUMBERS}
