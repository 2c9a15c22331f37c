"""Hits over time, by level: counted in the database in one pass over an index, drawn as SVG numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.db.models import QuerySet

from scans_app.services.hit_times import BINS, HitTimes, hit_times

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


def histogram(times: HitTimes, time_from: int | None, time_to: int | None) -> Histogram:
    """The hits in equal spans from the first to the last, split by level, with the filtered range."""
    first, span = times.first, times.span
    levels: dict[int, int] = {}
    columns: dict[int, dict[int, int]] = {}
    for (place, level), count in times.counts.items():
        levels[level] = levels.get(level, 0) + count
        columns.setdefault(place, {})[level] = count
    without_time = sum(columns.pop(-1, {}).values())
    if not first:
        return Histogram(levels=levels, without_time=without_time)
    highest = max(sum(column.values()) for column in columns.values())
    step = WIDTH / BINS
    return Histogram(
        first=first,
        last=times.last,
        bin_seconds=span / 1_000_000,
        highest=highest,
        without_time=without_time,
        bins=[
            Bin(first + n * span, first + (n + 1) * span, sum(columns.get(n, {}).values()), n * step, step)
            for n in range(BINS)
        ],
        bars=[bar for place in sorted(columns) for bar in _bars(columns[place], place * step, step, highest)],
        levels=levels,
        brush=_brush(first, span * BINS, time_from, time_to),
        ticks=[first + n * span * BINS // 6 for n in range(6)],
    )


def counted_times(hits: QuerySet[Any], ends: tuple[int, int] | None, *, mark: str) -> HitTimes:
    """When the hits were (`hit_times`). While `mark`, the state of the scan, is the same, they are counted once."""
    sql, params = hits.order_by().values("level").query.sql_with_params()
    key = "histogram:" + hashlib.sha256(repr((mark, sql, params)).encode()).hexdigest()
    kept: HitTimes = cache.get_or_set(key, lambda: hit_times(hits, ends), KEPT_SECONDS)
    return kept


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
