"""When hits were: counted by level in equal spans of time, as the histogram draws them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from django.db.models import Count, F, Max, Min, QuerySet

from scans_app.models import Hit

BINS = 72


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
    timed = hits.exclude(time=0).order_by()
    first, last = ends or _ends(timed)
    place = (F("time") - first) / HitTimes(first, last, {}).span
    by_bin = timed.values_list(place, "level").annotate(n=Count("pk"))
    timeless = hits.order_by().filter(time=0).values_list("level").annotate(n=Count("pk"))
    return HitTimes(first, last, _counts(by_bin) | _counts((-1, *row) for row in timeless))


def _ends(timed: QuerySet[Hit]) -> tuple[int, int]:
    ends = timed.aggregate(first=Min("time"), last=Max("time"))
    return ends["first"] or 0, ends["last"] or 0


def _counts(rows: Iterable[Any]) -> dict[tuple[int, int], int]:
    return {(int(bin_), level): n for bin_, level, n in rows}
