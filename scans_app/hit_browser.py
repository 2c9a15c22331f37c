"""The hits page as its URL asks for it: which scan, which filters, which order, which stack.

Each part is computed when a template asks for it, so that an answer that holds only the stacks or only the
histogram costs no table. Nothing here reads the JSON of events, except a stack by one of their fields.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.core.cache import cache
from django.db.models import QuerySet, prefetch_related_objects
from django.http import QueryDict

from rules_app.keys import read_key
from scans_app.filter_chips import Chip, filter_chips
from scans_app.histogram import Histogram, counted_times, histogram
from scans_app.hit_filters import COLUMNS, NOT, HitFilters, with_query
from scans_app.hit_stack import HitStack, can_stack
from scans_app.mark_filters import MARKS, marks_state
from scans_app.models import Hit, HitGroup, Scan
from scans_app.services.grouped_hits import GroupedHits
from scans_app.services.hit_pages import SORTS, HitPage, PageError, hit_page
from scans_app.services.hit_times import HitTimes
from scans_app.services.stacks import scan_mark
from sigma_engine import LEVELS

COUNTED = 10_000  # totals are exact up to here
AT_ONCE = 50_000  # hits of a scan up to which stacks and histogram are counted with the page
KEPT_SECONDS = 3600
MARKS_OF_HIT = ("star__author", "assignment__assignee")
COMMON_FIELDS = (
    "EventData.Image",
    "EventData.CommandLine",
    "EventData.ParentImage",
    "EventData.NewProcessName",
    "EventData.TargetUserName",
    "EventData.SubjectUserName",
    "EventData.IpAddress",
    "EventData.LogonType",
    "EventData.TargetObject",
    "EventData.TargetFilename",
    "EventData.ServiceName",
    "EventData.DestinationIp",
)


class HitBrowser:
    """What one hits URL shows of one scan."""

    def __init__(self, scan: Scan, query: QueryDict) -> None:
        self.scan = scan
        self.query = query
        self.filters = HitFilters.from_query(query)
        self._problems = list(self.filters.problems)
        self.sort = query.get("sort", "time")
        self.order = "rare" if query.get("order") == "rare" else "common"
        self.stack_field = query.get("stack") or "rule"
        self._bases: dict[str, str] = {}
        if self.sort.removeprefix("-") not in SORTS:
            self._problems.append(f"Hits cannot be sorted by {self.sort}; they are sorted by time.")
            self.sort = "time"
        if not can_stack(self.stack_field):
            self._problems.append(f"Hits cannot be stacked by {self.stack_field}; they are stacked by rule.")
            self.stack_field = "rule"

    @property
    def problems(self) -> list[str]:
        """What of the address could not be used, a sentence each. The page's key is among it, so the rows
        are read first."""
        _ = self.page
        return self._problems

    @property
    def state(self) -> list[tuple[str, list[str]]]:
        """The URL's parameters for the hidden fields of a form, without the page's key and the open hit."""
        dropped = ("after", "before", "hit", "tab", "why", "find")
        return [(name, values) for name, values in self.query.lists() if name not in dropped]

    @cached_property
    def hits(self) -> QuerySet[Hit]:
        """The hits that the filters let through."""
        return self.filters.apply(self._searched)

    @cached_property
    def _searched(self) -> QuerySet[Hit]:
        """The hits of the scan; of a large one, those that the slow filters let through, by their keys.

        A page asks several questions of the same hits, so what no index answers is asked once and kept. Where
        more than COUNTED match there are soon enough for a page, and the filters are asked as they are.
        """
        hits = self._marked
        slow = self.filters.slow
        if not slow or not self.waits:
            return hits
        found = slow.apply(hits).order_by().values_list("pk", flat=True)[: COUNTED + 1]
        key = "searched:" + hashlib.sha256(f"{self.scan.hits} {found.query}".encode()).hexdigest()
        keys: list[int] = cache.get_or_set(key, lambda: list(found), KEPT_SECONDS)
        # Without a key Django would not ask at all, and a question that is not asked has no SQL to be kept under.
        return hits.filter(pk__in=keys or [0]) if len(keys) <= COUNTED else hits

    @property
    def _marked(self) -> QuerySet[Hit]:
        """The hits of the scan; of a large one those that were starred or assigned as the filters ask.

        Those are asked for by their keys alone: with its scan beside them SQLite looks for them among all its hits.
        """
        sets = [keys[: COUNTED + 1] for keys in self.filters.marked(self.scan)] if self.waits else []
        few = [keys for marked in sets if len(keys := set(marked)) <= COUNTED]
        if not few:
            return Hit.objects.of_scan(self.scan)
        return Hit.objects.filter(pk__in=sorted(set.intersection(*few)) or [0])

    @property
    def waits(self) -> bool:
        """Whether the scan is so large that what is counted over all its hits comes after the page."""
        return self.scan.hits > AT_ONCE

    @cached_property
    def page(self) -> HitPage:
        """The rows of this page, without what only the slide-over needs."""
        keys = {name: self.query.get(name, "") for name in ("after", "before")}
        try:
            page = hit_page(self.hits, sort=self.sort, **keys)
        except PageError as error:
            self._problems.append(str(error))
            page = hit_page(self.hits, sort=self.sort)
        prefetch_related_objects(page.rows, *MARKS_OF_HIT)
        return page

    @cached_property
    def total(self) -> int:
        """How many hits the filters let through, COUNTED + 1 for more than COUNTED."""
        if not self.filters and self.scan.is_over:
            return self.scan.hits
        return self.groups.counts[0] if self.groups else self.hits.count_up_to(COUNTED)

    @cached_property
    def total_text(self) -> str:
        """The total as people read it: exact to 10,000, then `10,000+`."""
        exact = self.total <= COUNTED or not self.filters
        return f"{self.total:,}" if exact else f"{COUNTED:,}+"

    @cached_property
    def unjudged_text(self) -> str:
        """The hits among them that wait for a verdict."""
        count = self.groups.counts[1] if self.groups else self.hits.unjudged().count_up_to(COUNTED)
        return f"{count:,}" if count <= COUNTED else f"{COUNTED:,}+"

    @property
    def by_day(self) -> bool:
        """Whether rows stand in the order of time, so that days can head them."""
        return self.sort.removeprefix("-") == "time"

    # --- chips and addresses

    @cached_property
    def chips(self) -> list[Chip]:
        """The filters in the order of the URL."""
        return filter_chips(self.filters, self.scan.case, self.url)

    def url(self, **changes: str | list[str] | None) -> str:
        """This page with parameters set or dropped (None)."""
        return with_query(self.query, changes)

    def only_url(self, param: str, value: Any) -> str:
        """This page narrowed to one value."""
        if param not in self._bases:
            base = self.url(**{param: None, f"{NOT}{param}": None})
            self._bases[param] = base if base == "?" else f"{base}&"
        return self._bases[param] + urlencode({param: value})

    def open_url(self, pk: int) -> str:
        """This page with a hit open beside it, on the tab that is open now."""
        if "hit" not in self._bases:
            base = with_query(self.query, dict.fromkeys(("hit", "why", "find"), None), keep_page=True)
            self._bases["hit"] = base if base == "?" else f"{base}&"
        return f"{self._bases['hit']}hit={pk}"

    @property
    def after_url(self) -> str:
        """The next page."""
        return with_query(self.query, {"after": self.page.after, "before": None}, keep_page=True)

    @property
    def before_url(self) -> str:
        """The page before."""
        return with_query(self.query, {"before": self.page.before, "after": None}, keep_page=True)

    @property
    def list_query(self) -> str:
        """The list's query for a form that comes back to it, its scan written out."""
        return with_query(self.query, {"scan": str(self.scan.pk)}, keep_page=True).removeprefix("?")

    @property
    def export_query(self) -> str:
        """The query for the whole list as a file, its scan written out."""
        return with_query(self.query, {"scan": str(self.scan.pk), "hit": None, "tab": None})

    @property
    def news_url(self) -> str:
        """The address that tells how many hits came since this page was made."""
        return with_query(self.query, {"seen": self.query.get("seen") or str(self.scan.hits)}, keep_page=True)

    @property
    def fresh_url(self) -> str:
        """This page made anew."""
        return self.url(seen=None)

    @property
    def new_hits(self) -> int:
        """How many hits came since the page was made that asks."""
        seen = read_key(self.query.get("seen", ""))
        return 0 if seen is None else max(0, self.scan.hits - seen)

    def sort_url(self, name: str) -> str:
        """This page sorted by `name`, the other way round if it is already."""
        return self.url(sort=f"-{name}" if self.sort == name else name)

    @property
    def whole_url(self) -> str:
        """The page without any filter, in the same order and with the same stack."""
        names: list[str] = [clause.name for clause in self.filters.clauses]
        return self.url(**dict.fromkeys([*names, "from", "to"], None))

    # --- the stack and the histogram

    @cached_property
    def stack(self) -> HitStack:
        """The hits under these filters by the chosen field."""
        chosen = self.filters.values_of(self.stack_field)
        return HitStack(
            self.hits, self.groups, self.stack_field, self.order, self.mark, chosen, self.only_url
        )

    @cached_property
    def groups(self) -> GroupedHits | None:
        """The groups of the hits, where those can answer for all filters."""
        return self._groups_under(self.filters)

    def _groups_under(self, filters: HitFilters) -> GroupedHits | None:
        if not (self.scan.is_grouped and filters.known_to_groups):
            return None
        groups = filters.without("verdict").apply(HitGroup.objects.of_scan(self.scan))
        return GroupedHits(groups, filters.verdicts, filters.apply(self._searched))

    @cached_property
    def mark(self) -> str:
        """What kept answers about this scan are kept under."""
        marked = any(clause.param in MARKS for clause in self.filters.clauses)
        return scan_mark(self.scan) + (marks_state(self.scan) if marked else "")

    @cached_property
    def histogram(self) -> Histogram:
        """The hits over time by level; levels and times that are filtered away are still shown."""
        return histogram(self._times, self.filters.time_from, self.filters.time_to)

    @property
    def _times(self) -> HitTimes:
        hidden = self.filters.without("level", "time")
        if not hidden and self.scan.is_grouped and self.scan.hit_times:
            return HitTimes.from_json(self.scan.hit_times)
        groups = self._groups_under(hidden)
        hits = hidden.apply(self._searched)
        judged = groups is None or "verdict" in {clause.param for clause in hidden.clauses}
        mark = self.mark if judged else f"{self.scan.pk}.{self.scan.hits}"  # what no verdict changes
        return counted_times(hits, groups.ends if groups else None, mark=mark)

    @property
    def histogram_end(self) -> int:
        """Where the last bar ends, in microseconds."""
        return self.histogram.bins[-1].end if self.histogram.bins else 0

    @property
    def tick_form(self) -> str:
        """How the axis writes times: with the hour while its marks are less than some days apart."""
        return "%-d %b %H:%M" if self.histogram.bin_seconds < 6 * 3600 else "%-d %b %Y"

    @property
    def legend(self) -> list[dict[str, Any]]:
        """Each level, worst first, with its count and the link that shows or hides it."""
        counts = self.histogram.levels
        return [
            {
                "rank": rank,
                "count": counts.get(rank, 0),
                "shown": self.shows_level(LEVELS[rank - 1]),
                "url": self.level_url(LEVELS[rank - 1]),
            }
            for rank in range(len(LEVELS), 0, -1)
        ]

    @property
    def filter_names(self) -> list[str]:
        """What the filter form suggests: the columns, then fields that Windows events often have."""
        return [*COLUMNS, *MARKS, *COMMON_FIELDS]

    def level_url(self, level: str) -> str:
        """This page with a level shown that was not, or the reverse."""
        shown = set(self.filters.values_of("level") or LEVELS)
        shown ^= {level}
        names = [name for name in LEVELS if name in shown]
        return self.url(level=names if 0 < len(names) < len(LEVELS) else None)

    def shows_level(self, level: str) -> bool:
        """Whether hits of this level are let through."""
        return level in (self.filters.values_of("level") or LEVELS)
