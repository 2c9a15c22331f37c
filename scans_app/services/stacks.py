"""Stacks: hits grouped by one value, with their number, computers, first and last time, and the judged.

Columns are answered by the groups of a large scan (`GroupedHits`), else by their index. Any other field of the event is
read from the event's JSON, which takes a second or two for a million hits; what was computed is kept per question and
state of the scan (`scan_mark`), so that it is computed once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import (
    Case,
    Count,
    F,
    Func,
    IntegerField,
    Max,
    Min,
    QuerySet,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform, KeyTransform, compile_json_path

from scans_app.event_values import path_steps
from scans_app.models import Scan
from scans_app.services.event_stacks import can_stream, streamed
from scans_app.services.grouped_hits import GroupedHits
from scans_app.services.grouped_twice import grouped_twice

#: What can be stacked by -> the column of `Hit`. Two rules may share one title: "rule" tells them apart.
STACK_COLUMNS = {
    "rule": "rule",
    "title": "title",
    "level": "level",
    "computer": "computer",
    "channel": "channel",
    "event_id": "event_code",
    "user": "user",
    "verdict": "verdict",
    "evidence": "evidence",
}
EVENT_PREFIX = "event."  # "event.EventData.Image" is the field EventData.Image of the event
ORDERS = ("common", "rare")
KEPT_SECONDS = 3600
VALUE_SHOWN = 1_000  # characters of an event's value; longer ones are grouped whole and shown cut


class StackError(Exception):
    """The field is none that hits can be stacked by; the text is a sentence that says so."""


@dataclass(frozen=True, slots=True)
class StackRow:
    """One value and the hits that have it.

    `label` is what a person reads (a rule's title for "rule"), `level` the highest of its hits, times are
    microseconds since the epoch. A field of the event is given as its text; `nothing` says which kind of
    nothing that is: "absent", "null" or "empty", "" for a value.
    """

    value: Any
    label: str
    count: int
    computers: int
    first_time: int
    last_time: int
    judged: int
    level: int
    nothing: str = ""


def stack(
    hits: QuerySet[Any],
    field: str,
    *,
    groups: GroupedHits | None = None,
    order: str = "common",
    limit: int = 50,
    mark: str = "",
) -> list[StackRow]:
    """The `limit` most common (or rarest) values of `field` among the hits, most common (rarest) first.

    `field` is a key of STACK_COLUMNS or "event." and a path. `groups` are those of the same hits, where there are
    any. With `mark` (see `scan_mark`) the answer is kept and given again while the mark is the same. Raises
    StackError for another field or order.
    """
    if order not in ORDERS:
        raise StackError(f"Stacks are ordered {' or '.join(ORDERS)}, not {order!r}.")
    keys = _keys(field)
    grouped = _grouped(hits, keys, field).order_by("-n" if order == "common" else "n", "value", "kind")[
        :limit
    ]

    def counted() -> list[StackRow]:
        rows: Iterable[dict[str, Any]] | None = None
        if field not in STACK_COLUMNS:
            rows = _event_rows(hits, field, keys, order=order, limit=limit)
        elif groups is not None and field == "verdict":
            rows = groups.rows_by_verdict(order=order)
        elif groups is not None:
            rows = groups.rows(STACK_COLUMNS[field], order=order, limit=limit)
        return [_row(row) for row in (grouped if rows is None else rows)]

    if not mark:
        return counted()
    sql, params = grouped.query.sql_with_params()
    key = "stack:" + hashlib.sha256(repr((mark, sql, params)).encode()).hexdigest()
    kept: list[StackRow] = cache.get_or_set(key, counted, KEPT_SECONDS)
    return kept


def scan_mark(scan: Scan) -> str:
    """A text that changes when the hits of the scan or their verdicts do, as the database has them now."""
    state = Scan.objects.filter(pk=scan.pk).values_list("hits", "verdict_changes").first()
    return f"{scan.pk}.{state}"


def _keys(field: str) -> dict[str, Any]:
    """What hits are grouped by for a field: its value, and the kind of that."""
    if field not in STACK_COLUMNS:
        value, kind = _event_value(field)
        return {"value": value, "kind": kind}
    return {"value": F(STACK_COLUMNS[field]), "kind": Value("column")}


def _grouped(hits: QuerySet[Any], keys: dict[str, Any], field: str) -> QuerySet[Any]:
    label = {"label": Max("title")} if field == "rule" else {}
    computers = Count("computer", distinct=True)
    return hits.order_by().values(**keys).annotate(computers=computers, **label, **_COUNTS)


def _event_rows(
    hits: QuerySet[Any], field: str, keys: dict[str, Any], *, order: str, limit: int
) -> list[dict[str, Any]] | None:
    """The rows of a stack by a field of the event in the way that suits the database; None for the plain one."""
    if can_stream():
        return streamed(hits, _steps(field), order=order, limit=limit)
    if connection.vendor != "postgresql":
        return None
    with transaction.atomic(), connection.cursor() as cursor:
        # Hits and groups in memory: with the usual 4 MB both are sorted on disk instead.
        cursor.execute("SET LOCAL work_mem = '128MB'")
        return grouped_twice(hits, keys, _COUNTS, order=order, limit=limit)


class _JsonKind(Func):
    """The JSON type of what is at a path, NULL where nothing is. Both databases call null `null`."""

    output_field = TextField()

    def as_sqlite(self, compiler: Any, db: Any, **_: Any) -> Any:
        data = self.source_expressions[0]
        # KeyTransform compiles to a CASE around the path; its own parts give the column and the path.
        column, params, steps = data.preprocess_lhs(compiler, db)
        return f"JSON_TYPE({column}, %s)", (*params, compile_json_path(steps))

    def as_postgresql(self, compiler: Any, db: Any, **_: Any) -> Any:
        return self.as_sql(compiler, db, function="jsonb_typeof")


_JUDGED = Case(When(verdict="", then=Value(0)), default=Value(1), output_field=IntegerField())
_COUNTS: dict[str, Any] = {
    "n": Count("id"),
    "start": Min("time"),
    "end": Max("time"),
    "done": Sum(_JUDGED),
    "top_level": Max("level"),
}


def _steps(field: str) -> list[str]:
    """The path of a field of the event. Raises StackError for what is no path."""
    steps = path_steps(field.removeprefix(EVENT_PREFIX)) if field.startswith(EVENT_PREFIX) else []
    if not steps:
        fields = ", ".join(STACK_COLUMNS)
        raise StackError(f"Hits can't be stacked by {field!r}: use {fields}, or event. and a field's path.")
    return steps


def _event_value(field: str) -> tuple[Any, Any]:
    """The text of an event's field, and its JSON type. Raises StackError for what is no path."""
    steps = _steps(field)
    data: Any = F("event__data")
    for step in steps[:-1]:
        data = KeyTransform(step, data)
    return KeyTextTransform(steps[-1], data), _JsonKind(KeyTransform(steps[-1], data))


def _row(row: dict[str, Any]) -> StackRow:
    value, nothing = row["value"], ""
    if row["kind"] != "column":
        value = "" if row["kind"] in (None, "null") else str(value)
        nothing = {None: "absent", "null": "null"}.get(row["kind"], "" if value else "empty")
    return StackRow(
        value=value[:VALUE_SHOWN] if isinstance(value, str) else value,
        label=str(row.get("label") or value)[:VALUE_SHOWN],
        nothing=nothing,
        count=row["n"],
        computers=row["computers"],
        first_time=row["start"],
        last_time=row["end"],
        judged=row["done"],
        level=row["top_level"],
    )
