"""The hits of a large scan under some filters, counted by their groups: totals and stacks that read no hit.

Groups know how many of their hits have which verdict, but not when: where only some of a group's verdicts are asked
for, its first and last time are bounds, and the hits are asked for the times of the few rows that are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum, Value

from scans_app.models import Hit, HitGroup

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

    def rows(self, column: str, *, order: str, limit: int) -> list[Row]:
        """The `limit` most common (or "rare"st) values of a column of `HitGroup`."""
        label = Max("title") if column == "rule" else Value("")
        grouped = self.groups.with_verdicts(self.verdicts).order_by()
        found = grouped.values(value=F(column)).annotate(label=label, **_COUNTS)
        return [
            self._row(row, self.hits.filter(**{column: row["value"]}))
            for row in found.order_by("-n" if order == "common" else "n", "value")[:limit]
        ]

    def rows_by_verdict(self, *, order: str) -> list[Row]:
        """The same by verdict."""
        counted = [
            (verdict, self.groups.with_verdicts([verdict]).aggregate(**_COUNTS)) for verdict in self.verdicts
        ]
        rows = [
            self._row({"value": verdict, "label": ""} | counts, self.hits.filter(verdict=verdict))
            for verdict, counts in counted
            if counts["n"]
        ]
        sign = -1 if order == "common" else 1
        return sorted(rows, key=lambda row: (sign * row["n"], row["value"]))

    def _row(self, row: Row, hits: QuerySet[Hit]) -> Row:
        """The row of some hits with its times exact."""
        if row["start"] != row["sure_start"]:
            later = hits.filter(time__gte=row["start"]).order_by("time")
            row["start"] = later.values_list("time", flat=True).first()
        if row["end"] != row["sure_end"]:
            earlier = hits.filter(time__lte=row["end"]).order_by("-time")
            row["end"] = earlier.values_list("time", flat=True).first()
        return row | {"kind": "column"}


_WHOLE = Q(kept=F("hits"))  # groups of which no hit is filtered away
_COUNTS: dict[str, Any] = {
    "n": Sum("kept"),
    "computers": Count("computer", distinct=True),
    "start": Min("first_time"),
    "end": Max("last_time"),
    "sure_start": Min("first_time", filter=_WHOLE),
    "sure_end": Max("last_time", filter=_WHOLE),
    "done": Sum("kept_judged"),
    "top_level": Max("level"),
}
