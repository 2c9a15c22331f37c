"""Stacks by a field of the event on SQLite: hits counted as they stream by.

SQLite groups by sorting, and sorting a million texts takes longer than reading them out of the events' JSON and
counting them here. PostgreSQL hashes them, and is left to it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Any

from django.db import connection
from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.fields.json import compile_json_path

MOST_GROUPS = 50_000  # held in memory at once; a field of more values is left to the database
FIRST_VERSION = (3, 38)  # of SQLite: the first with the operator ->
_KINDS = {str: "text", int: "integer", float: "real", bool: "true", type(None): "null"}

Group = list[Any]  # hits, first time, last time, computers, highest level, judged


def can_stream() -> bool:
    """Whether the database in use is better streamed from."""
    return connection.vendor == "sqlite" and sqlite3.sqlite_version_info >= FIRST_VERSION


def streamed(
    hits: QuerySet[Any], steps: Sequence[str], *, order: str, limit: int
) -> list[dict[str, Any]] | None:
    """The rows of a stack by the field at these steps, as the database's own question gives them; None where there
    are more than MOST_GROUPS values."""
    path = Value(compile_json_path(list(steps)))
    found = Func(
        F("event__data"), path, template="(%(expressions)s)", arg_joiner=" -> ", output_field=TextField()
    )
    asked = hits.order_by("time").values_list(found, "time", "computer", "level", "verdict")
    sql, params = asked.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        texts = _count(cursor)
    if texts is None:
        return None
    groups = _merge(texts)
    sign = -1 if order == "common" else 1
    shown = nsmallest(limit, groups.items(), key=lambda item: (sign * item[1][0], *_place(item[0])))
    return [_row(*key, group) for key, group in shown]


def _count(rows: Iterable[tuple[Any, ...]]) -> dict[str | None, Group] | None:
    """Groups by the value's JSON text, None where the event has no such field. Rows come in the order of time."""
    groups: dict[str | None, Group] = {}
    for text, time, computer, level, verdict in rows:
        group = groups.get(text)
        if group is None:
            if len(groups) >= MOST_GROUPS:
                return None
            groups[text] = [1, time, time, {computer}, level, 1 if verdict else 0]
            continue
        group[0] += 1
        group[2] = time
        group[3].add(computer)
        if level > group[4]:
            group[4] = level
        if verdict:
            group[5] += 1
    return groups


def _merge(texts: dict[str | None, Group]) -> dict[tuple[Any, str | None], Group]:
    """Groups by value and its JSON type: one value can be written in two ways."""
    groups: dict[tuple[Any, str | None], Group] = {}
    for text, group in texts.items():
        key = _value(text)
        same = groups.get(key)
        if same is None:
            groups[key] = group
            continue
        computers = same[3] | group[3]
        groups[key] = [
            same[0] + group[0], min(same[1], group[1]), max(same[2], group[2]), computers,
            max(same[4], group[4]), same[5] + group[5],
        ]  # fmt: skip
    return groups


def _value(text: str | None) -> tuple[Any, str | None]:
    """A value as SQLite extracts it (a container and a truth are their text), and its JSON type; None for nothing."""
    if text is None:
        return None, None
    value = json.loads(text)
    kind = _KINDS.get(type(value), "object")
    return (text, kind) if kind in ("object", "true", "null") else (value, kind)


def _place(key: tuple[Any, str | None]) -> tuple[int, Any, str]:
    """Where a value and its type stand in the order of SQLite: nothing, numbers, texts."""
    value, kind = key
    if value is None:
        return (0, 0, kind or "")
    return (2 if isinstance(value, str) else 1, value, kind or "")


def _row(value: Any, kind: str | None, group: Group) -> dict[str, Any]:
    count, start, end, computers, level, judged = group
    return {
        "value": value,
        "kind": kind,
        "n": count,
        "computers": len(computers),
        "start": start,
        "end": end,
        "top_level": level,
        "done": judged,
    }
