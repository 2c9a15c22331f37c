"""Hits over time, by level: counted in the database in one pass over an index, drawn as SVG numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.db.models import Count, F, Max, Min, QuerySet

BINS = 72
WIDTH, HEIGHT = 720.0, 64.0  # of the viewBox
GAP = 2.0
SMALLEST = 1.0  # one hit among thousands still shows
KEPT_SECONDS = 3600
DRAWN = (1, 2, 3, 4, 5, 0)  # levels from the bottom up, the worst on top of the named ones


@dataclass(frozen=True, slots=True)
class Bar:
    """One level's part of one bar, in units of the viewBox."""

    level: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bin:
    """A span of time in microseconds, [start, end), and how many hits it has."""

    start: int
    end: int
    count: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """What the page draws. `levels` counts hits by level, `brush` is the filtered range as (x, width)."""

    first: int = 0
    last: int = 0
    bin_seconds: float = 0.0
    highest: int = 0
    without_time: int = 0
    bins: list[Bin] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    levels: dict[int, int] = field(default_factory=dict)
    brush: tuple[float, float] | None = None
    ticks: list[int] = field(default_factory=list)


def histogram(hits: QuerySet[Any], time_from: int | None, time_to: int | None, *, mark: str) -> Histogram:
    """The hits in BINS equal spans from the first to the last, split by level.

    `mark` names the state of the scan: while it is the same, what was counted is not counted again.
    """
    counts, first, last = _counted(hits, mark)
    levels: dict[int, int] = {}
    for (_, level), count in counts.items():
        levels[level] = levels.get(level, 0) + count
    if not first:
        return Histogram(levels=levels, without_time=sum(levels.values()))
    span = _bin_span(first, last)
    columns: dict[int, dict[int, int]] = {}
    for (place, level), count in counts.items():
        if place >= 0:
            columns.setdefault(place, {})[level] = count
    highest = max(sum(column.values()) for column in columns.values())
    step = WIDTH / BINS
    return Histogram(
        first=first,
        last=last,
        bin_seconds=span / 1_000_000,
        highest=highest,
        without_time=sum(count for (place, _), count in counts.items() if place < 0),
        bins=[
            Bin(first + n * span, first + (n + 1) * span, sum(columns.get(n, {}).values()), n * step, step)
            for n in range(BINS)
        ],
        bars=[bar for place in sorted(columns) for bar in _bars(columns[place], place * step, step, highest)],
        levels=levels,
        brush=_brush(first, span * BINS, time_from, time_to),
        ticks=[first + n * span * BINS // 6 for n in range(6)],
    )


def _bin_span(first: int, last: int) -> int:
    """Microseconds a bin, so that the last hit falls into the last bin."""
    return max((last - first) // BINS + 1, 1)


def _counted(hits: QuerySet[Any], mark: str) -> tuple[dict[tuple[int, int], int], int, int]:
    timed = hits.exclude(time=0)
    sql, params = hits.order_by().values("level").query.sql_with_params()
    key = "histogram:" + hashlib.sha256(repr((mark, sql, params)).encode()).hexdigest()
    kept = cache.get(key)
    if kept is None:
        ends = timed.order_by().aggregate(first=Min("time"), last=Max("time"))
        first, last = ends["first"] or 0, ends["last"] or 0
        kept = (_by_bin(timed, first, last) | _without_time(hits), first, last)
        cache.set(key, kept, KEPT_SECONDS)
    counts: tuple[dict[tuple[int, int], int], int, int] = kept
    return counts


def _by_bin(timed: QuerySet[Any], first: int, last: int) -> dict[tuple[int, int], int]:
    place = (F("time") - first) / _bin_span(first, last)
    rows = timed.order_by().values_list(place, "level").annotate(n=Count("pk"))
    return {(int(bin_), level): n for bin_, level, n in rows}


def _without_time(hits: QuerySet[Any]) -> dict[tuple[int, int], int]:
    rows = hits.order_by().filter(time=0).values_list("level").annotate(n=Count("pk"))
    return {(-1, level): n for level, n in rows}


def _bars(column: dict[int, int], x: float, step: float, highest: int) -> list[Bar]:
    bars: list[Bar] = []
    top = HEIGHT
    for level in DRAWN:
        if column.get(level):
            height = max(SMALLEST, round(column[level] / highest * (HEIGHT - 4), 1))
            top = max(0.0, top - height)
            bars.append(Bar(level, round(x + GAP / 2, 1), round(top, 1), round(step - GAP, 1), height))
    return bars


def _brush(first: int, whole: int, start: int | None, end: int | None) -> tuple[float, float] | None:
    if start is None and end is None:
        return None
    left = min(max(((start if start is not None else first) - first) / whole, 0.0), 1.0)
    right = min(max(((end if end is not None else first + whole) - first) / whole, 0.0), 1.0)
    return round(left * WIDTH, 1), round(max(right - left, 0.0) * WIDTH, 1)
