"""When hits were: counted by level in equal spans of time, as the histogram draws them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from django.db.models import BigIntegerField, Case, Count, F, Max, Min, QuerySet, Value, When

from scans_app.models import Hit

BINS = 72
LEVELS = 8  # more than there are


@dataclass(frozen=True, slots=True)
class HitTimes:
    """`counts` are of (span, level), the span -1 for hits without a time; `first` and `last` are microseconds since
    the epoch, 0 where no hit has a time."""

    first: int
    last: int
    counts: dict[tuple[int, int], int]

    @property
    def span(self) -> int:
        """Microseconds of each of the BINS spans, so that the last hit falls into the last."""
        return max((self.last - self.first) // BINS + 1, 1)

    def to_json(self) -> dict[str, Any]:
        """As plain data for `Scan.hit_times`; `from_json` reads it back."""
        counts = [[*place, count] for place, count in self.counts.items()]
        return {"first": self.first, "last": self.last, "counts": counts}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The times from what `to_json` gave."""
        return cls(data["first"], data["last"], {(bin_, level): n for bin_, level, n in data["counts"]})


def hit_times(hits: QuerySet[Hit], ends: tuple[int, int] | None = None) -> HitTimes:
    """Count the hits; `ends` are the first and the last time, where those are known."""
    first, last = ends or _ends(hits.exclude(time=0).order_by())
    span = (F("time") - first) / HitTimes(first, last, {}).span
    # One number for both, which is no column: grouped by the level, SQLite walks that column's index and no other.
    place = Case(When(time=0, then=Value(-1)), default=span, output_field=BigIntegerField()) * LEVELS + F(
        "level"
    )
    rows = hits.order_by().values_list(place).annotate(n=Count("pk"))
    return HitTimes(first, last, {divmod(key, LEVELS): n for key, n in rows})


def _ends(timed: QuerySet[Hit]) -> tuple[int, int]:
    ends = timed.aggregate(first=Min("time"), last=Max("time"))
    return ends["first"] or 0, ends["last"] or 0
