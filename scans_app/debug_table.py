"""Reading the funnels of a debug scan: which rules an address asks for, how many stopped where, which page is shown."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

from django.db.models import Count, F
from django.db.models.functions import Lower
from django.http import QueryDict
from django.utils.http import urlencode

from scans_app.models import Scan, ScanFunnel

PAGE_ROWS = 100
Stop = ScanFunnel.Stop
NUMBERS = ("of_source", "fields_present", "any_selection", "condition")
SORTS = ("level", "title", *NUMBERS, "stopped_at")
NEVER = "never"  # the value of `stop` for all rules that were never tried
# The column whose 0 is where a rule stopped.
ZERO_OF = {
    Stop.NO_EVENTS: "of_source",
    Stop.FIELD: "fields_present",
    Stop.SELECTION: "any_selection",
    Stop.FILTER: "condition",
    Stop.CONDITION: "condition",
    Stop.CORRELATION: "condition",
}


def zero_column(row: ScanFunnel) -> str:
    """The column whose 0 is where a rule stopped; "" for a hit and for one that was never tried."""
    column = ZERO_OF.get(Stop(row.stopped_at), "")
    return "condition" if column and getattr(row, column) else column


@dataclass(frozen=True)
class DebugQuery:
    """What the address of the debug page asks for."""

    text: str = ""
    stop: str = ""
    sort: str = "level"
    turned: bool = False  # the other way round
    page: int = 1

    @classmethod
    def from_params(cls, params: QueryDict) -> Self:
        """A query from the address; what it does not know is left out."""
        stop, sort, page = params.get("stop", ""), params.get("sort", ""), params.get("page", "")
        return cls(
            text=params.get("q", "").strip()[:200],
            stop=stop if stop in (*Stop.values, NEVER) else "",
            sort=sort if sort in SORTS else "level",
            turned=params.get("turned") == "1",
            page=int(page) if page.isascii() and page.isdecimal() and 0 < len(page) < 6 else 1,
        )

    def address(self, **changes: Any) -> str:
        """The query string that asks for this, changed, from the first page unless a page is given."""
        asked = replace(self, page=1, **changes) if "page" not in changes else replace(self, **changes)
        pairs: list[tuple[str, Any]] = [("q", asked.text), ("stop", asked.stop)]
        pairs += [("sort", asked.sort)] if asked.sort != "level" else []
        pairs += [("turned", "1")] if asked.turned else []
        pairs += [("page", asked.page)] if asked.page > 1 else []
        return f"?{urlencode([(name, value) for name, value in pairs if value])}"

    def sorted_by(self, sort: str) -> str:
        """The address of the same rules in another order; asked twice it turns round."""
        return self.address(sort=sort, turned=sort == self.sort and not self.turned)


@dataclass(frozen=True)
class Chip:
    """One way to narrow the table: how many rules stopped there, and the address that shows them."""

    label: str
    count: int
    address: str
    chosen: bool


@dataclass(frozen=True)
class DebugPage:
    """One page of the table. `first` and `last` count rows from 1; 0 when there are none."""

    rows: list[ScanFunnel]
    found: int
    first: int
    last: int
    before: str
    after: str


def chips_of(scan: Scan, query: DebugQuery) -> list[Chip]:
    """The stages at which rules stopped, in the order of the funnel, with their counts."""
    stages = ScanFunnel.objects.of_scan(scan).order_by().values_list("stopped_at")
    counts: dict[str, int] = dict(stages.annotate(n=Count("pk")))
    never = sum(counts.get(stop, 0) for stop in ScanFunnel.NEVER_TRIED)
    shown = [("", "All", sum(counts.values()))]
    shown += [(stop.value, stop.label, counts.get(stop, 0)) for stop in (Stop.HIT, *ZERO_OF)]
    shown += [(NEVER, "Never tried", never)]
    return [
        Chip(label, count, query.address(stop=stop), query.stop == stop)
        for stop, label, count in shown
        if count or not stop
    ]


def never_tried(scan: Scan, query: DebugQuery) -> list[Chip]:
    """The reasons for which rules were never tried, the most frequent first."""
    rows = ScanFunnel.objects.of_scan(scan).filter(stopped_at__in=ScanFunnel.NEVER_TRIED).order_by()
    counts = rows.values_list("stopped_at").annotate(n=Count("pk")).order_by("-n", "stopped_at")
    return [
        Chip(Stop(stop).label, count, query.address(stop=stop, text=""), query.stop == stop)
        for stop, count in counts
    ]


def page_of(scan: Scan, query: DebugQuery) -> DebugPage:
    """The rows that a query asks for, one page of them."""
    rows = rows_of(scan, query)
    found = rows.count()
    pages = max(1, math.ceil(found / PAGE_ROWS))
    number = min(query.page, pages)
    start = (number - 1) * PAGE_ROWS
    shown = list(rows.defer("counts")[start : start + PAGE_ROWS])
    return DebugPage(
        shown,
        found,
        start + 1 if shown else 0,
        start + len(shown),
        query.address(page=number - 1) if number > 1 else "",
        query.address(page=number + 1) if number < pages else "",
    )


def rows_of(scan: Scan, query: DebugQuery) -> Any:
    """All rows that a query asks for, in its order."""
    rows = ScanFunnel.objects.of_scan(scan)
    for word in query.text.split()[:8]:
        rows = rows.filter(title__icontains=word)
    if query.stop:
        stops = ScanFunnel.NEVER_TRIED if query.stop == NEVER else (query.stop,)
        rows = rows.filter(stopped_at__in=stops)
    first = Lower("title") if query.sort == "title" else F(query.sort)
    falls = (query.sort in ("level", *NUMBERS)) is not query.turned
    return rows.order_by(first.desc() if falls else first.asc(), Lower("title"), "pk")


@dataclass(frozen=True)
class Step:
    """One stage of a rule's funnel. `width` is an SVG attribute on a logarithmic scale, `stopped` marks the 0 that
    ended it."""

    label: str
    events: int
    width: str
    note: str
    stopped: bool


def steps_of(row: ScanFunnel, total: int) -> list[Step]:
    """The funnel of a rule that was tried, from all events to its hits."""
    zero = zero_column(row)
    counts = row.counts
    if "matches" in counts:
        stages = [
            ("", "Events in the scan", total, ""),
            ("of_source", "Matches of its rules", row.of_source, "what the correlation counts"),
            ("condition", "Windows that fulfil it", row.condition, "these are the hits"),
        ]
    else:
        unfiltered = counts.get("unfiltered")
        stages = [
            ("", "Events in the scan", total, ""),
            ("of_source", "Log source", row.of_source, row.logsource),
            (
                "fields_present",
                "Fields present",
                row.fields_present,
                _shares(counts.get("fields", {}), row.of_source),
            ),
            (
                "any_selection",
                "A selection is true",
                row.any_selection,
                _listed(counts.get("selections", {})),
            ),
        ]
        if unfiltered is not None:
            taken = _listed(counts.get("taken_by", {}))
            stages.append(("", "Before its filters", unfiltered, f"taken by {taken}" if taken else ""))
        stages.append(
            ("condition", "Condition is true", row.condition, "these are the hits" if row.condition else "")
        )
    return [
        Step(label, events, _width(events, total), note, bool(column) and column == zero)
        for column, label, events, note in stages
    ]


def _width(events: int, total: int) -> str:
    if not events or not total:
        return "0%"
    return f"{max(1.0, 100 * math.log1p(events) / math.log1p(total)):.1f}%"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {events:,}" for name, events in _top(counts.items()))


def _shares(counts: dict[str, int], total: int) -> str:
    return ", ".join(
        f"{name} in {'all' if events == total and events else format(events, ',')}"
        for name, events in _top(counts.items())
    )


def _top(items: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(items, key=lambda item: (-item[1], item[0]))[:8]
