"""The hits of a large scan under some filters, counted by their groups: totals and stacks that read no hit.

Groups know how many of their hits have which verdict, but not when: where only some of a group's verdicts are asked
for, its first and last time are bounds, and the hits are asked for the times of the few rows that are shown.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum, Value

from scans_app.models import Hit, HitGroup
from scans_app.services.grouped_twice import grouped_twice

Row = dict[str, Any]  # as the database's own question for a stack gives it (services.stacks)


@dataclass(frozen=True)
class GroupedHits:
    """`hits` as the filters let them through; `groups` under the same filters, but for those of verdicts, which let
    through `verdicts`."""

    groups: QuerySet[HitGroup]
    verdicts: tuple[str, ...]
    hits: QuerySet[Hit]

    @cached_property
    def counts(self) -> tuple[int, int]:
        """How many hits there are, and how many of them wait for a verdict. Exact."""
        sums = self.groups.with_verdicts(self.verdicts).aggregate(n=Sum("kept"), judged=Sum("kept_judged"))
        return sums["n"] or 0, (sums["n"] or 0) - (sums["judged"] or 0)

    @cached_property
    def ends(self) -> tuple[int, int] | None:
        """The first and the last time of the hits; None where the groups can't tell, since some hits have none."""
        groups = self.groups.with_verdicts(self.verdicts)
        row = self._with_times(groups.aggregate(**{name: _COUNTS[name] for name in _TIMES}), self.hits)
        return (row["start"], row["end"]) if row["start"] else None

    def rows(self, column: str, *, order: str, limit: int) -> list[Row]:
        """The `limit` most common (or "rare"st) values of a column of `HitGroup`."""
        counts = _COUNTS | ({"label": Max("title")} if column == "rule" else {})
        return [
            self._with_times(row, self.hits.filter(**{column: row["value"]}))
            for row in self._counted(self.verdicts, F(column), counts, order=order, limit=limit)
        ]

    def rows_by_verdict(self, *, order: str) -> list[Row]:
        """The same by verdict."""
        rows = [
            self._with_times(row, self.hits.filter(verdict=verdict))
            for verdict in self.verdicts
            for row in self._counted([verdict], Value(verdict), _COUNTS, order=order, limit=1)
            if row["n"]
        ]
        sign = -1 if order == "common" else 1
        return sorted(rows, key=lambda row: (sign * row["n"], row["value"]))

    def _counted(
        self, verdicts: Collection[str], value: Any, counts: dict[str, Any], *, order: str, limit: int
    ) -> list[Row]:
        """The counts of the most common or rarest values, with their times as far as groups know them."""
        groups, sign = self.groups.with_verdicts(verdicts).order_by(), "-" if order == "common" else ""
        if connection.vendor == "sqlite":
            rows = groups.values(value=value).annotate(computers=Count("computer", distinct=True), **counts)
            return list(rows.order_by(f"{sign}n", "value")[:limit])
        return grouped_twice(groups, {"value": value}, counts, order=order, limit=limit)

    def _with_times(self, row: Row, hits: QuerySet[Hit]) -> Row:
        """The row of some hits with its times exact."""
        start, end = row["start"], row["end"]
        if start != row["sure_start"]:
            later = hits.filter(time__gte=start).order_by("time")
            start = later.values_list("time", flat=True).first()
        if end != row["sure_end"]:
            earlier = hits.filter(time__lte=end).order_by("-time")
            end = earlier.values_list("time", flat=True).first()
        return row | {"start": start, "end": end, "kind": "column"}


_WHOLE = Q(kept=F("hits"))  # groups of which no hit is filtered away
_COUNTS: dict[str, Any] = {
    "n": Sum("kept"),
    "start": Min("first_time"),
    "end": Max("last_time"),
    "sure_start": Min("first_time", filter=_WHOLE),
    "sure_end": Max("last_time", filter=_WHOLE),
    "done": Sum("kept_judged"),
    "top_level": Max("level"),
}
_TIMES = ("start", "end", "sure_start", "sure_end")
