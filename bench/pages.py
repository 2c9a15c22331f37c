"""A million hits: what the hits page asks, and how long the database takes to answer.

Run as `python -m bench.pages` with SIGMAWEB_DATA (and DATABASE_URL for PostgreSQL) naming a place of its own. Each
question is asked some times with nothing kept. Told are the median and the slowest by the clock, and the median of this
process's own time: all of it for SQLite, which other work on the machine does not stretch; for PostgreSQL only what
Django does.
"""

# ruff: noqa: I001 - bench.million_hits sets Django up
from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bench.inputs import print_load
from bench.million_hits import EVENTS, HITS, million_hits

from django.core.cache import cache
from django.db import connection
from django.http import QueryDict

from scans_app.hit_browser import HitBrowser
from scans_app.models import Hit, Scan
from scans_app.services.hit_pages import SORTS, hit_page
from scans_app.services.stacks import STACK_COLUMNS

STACK_FILTERS = (
    "", "level=high&level=critical", "computer=WS-7.example.org", "verdict=unjudged", "not.verdict=unjudged",
    "not.channel=System",
)  # fmt: skip
LIST_FILTERS = (
    *STACK_FILTERS, "user=EXAMPLE\\user7", "event_id=4624", "not.verdict=unjudged&computer=WS-7.example.org",
    "level=critical&verdict=benign", "from=2023-11-18&to=2023-11-19", "computer=WS-7.example.org&user=nobody",
)  # fmt: skip
SLOW_FILTERS = ("q=number", "q=number 59999", "event.EventData.Image=C:\\Windows\\System32\\program7.exe")
FIELD = "event.EventData.Image"
AT_MOST = 200.0  # milliseconds that a page may take


def main() -> None:
    """Print the table."""
    scan = million_hits()
    print_load()
    print(
        f"{connection.vendor}, {HITS:,} hits on {EVENTS:,} events; milliseconds: median, slowest, processor"
    )
    print_share("pages behind a key", [behind_a_key(scan, sort) for sort in SORTS])
    print_share("first pages and totals", [first_page(scan, query) for query in first_pages()])
    print_share("stacks by columns", [stacks(scan, query) for query in stack_queries()])
    print_share("histograms", [histograms(scan, query) for query in LIST_FILTERS])
    for query in SLOW_FILTERS:
        report(f"first page and total  {query}", lambda query=query: page_and_total(scan, query), rounds=1)
        page_and_total(scan, query, keep=True)
        report("  the same, kept", lambda query=query: page_and_total(scan, query, keep=True))
    for query in ("", STACK_FILTERS[1]):
        report(f"stack by {FIELD}  {query}", lambda query=query: stack(scan, FIELD, query), rounds=3)
        stack(scan, FIELD, query, keep=True)
        report("  the same, kept", lambda query=query: stack(scan, FIELD, query, keep=True))


def first_pages() -> list[str]:
    """Every order without a filter, every filter in the order of time, and in two more."""
    return [
        *(f"sort={sign}{sort}" for sort in SORTS for sign in ("", "-")),
        *LIST_FILTERS[1:],
        *(f"{query}&sort={sort}" for query in LIST_FILTERS[1:] for sort in ("-level", "user")),
    ]


def stack_queries() -> list[str]:
    """Every column under every filter."""
    return [f"{query}&stack={field}" for query in STACK_FILTERS for field in STACK_COLUMNS]


def behind_a_key(scan: Scan, sort: str) -> float:
    """The page after the middle of the scan's time."""
    hits = Hit.objects.of_scan(scan)
    middle = hits.order_by("time").values_list("time", flat=True)[HITS // 2]
    page = hit_page(hits.filter(time__lt=middle), sort=f"-{sort}")
    return report(f"page behind a key, {sort}", lambda: hit_page(hits, sort=f"-{sort}", after=page.after))


def first_page(scan: Scan, query: str) -> float:
    """The first page of a query, and its totals."""
    return report(f"first page and total  {query}", lambda: page_and_total(scan, query))


def stacks(scan: Scan, query: str) -> float:
    """A stack by a column."""
    return report(f"stack  {query}", lambda: HitBrowser(scan, QueryDict(query)).stack.counted)


def histograms(scan: Scan, query: str) -> float:
    """The histogram of a query."""
    return report(f"histogram  {query}", lambda: HitBrowser(scan, QueryDict(query)).histogram)


def page_and_total(scan: Scan, query: str, *, keep: bool = False) -> None:
    """What the page asks before anything else."""
    if not keep:
        cache.clear()
    browser = HitBrowser(scan, QueryDict(query))
    _ = browser.page, browser.total, browser.unjudged_text


def stack(scan: Scan, field: str, query: str, *, keep: bool = False) -> None:
    """The rows of a stack."""
    if not keep:
        cache.clear()
    _ = HitBrowser(scan, QueryDict(f"{query}&stack={field}")).stack.counted


def report(name: str, question: Callable[[], Any], rounds: int = 5) -> float:
    """Print the median and the slowest of some rounds; the median, of the processor where SQLite is part of it."""
    times = []
    for _ in range(rounds):
        if rounds > 1 and "kept" not in name:
            cache.clear()
        times.append(timed(question))
    clock, processor = median(one for one, _ in times), median(one for _, one in times)
    print(f"{name:78} {clock:9.1f} {max(times)[0]:9.1f} {processor:9.1f}", flush=True)
    return processor if connection.vendor == "sqlite" else clock


def print_share(what: str, times: list[float]) -> None:
    """How many of these questions are answered in time, and what 95 of 100 take at most."""
    times.sort()
    place = min(len(times) - 1, int(len(times) * 0.95))
    late = sum(one > AT_MOST for one in times)
    shares = f"p95 {times[place]:.0f} ms, slowest {times[-1]:.0f}, {late} over {AT_MOST:.0f}"
    print(f"== {what}: {len(times)} questions, {shares}")


def timed(question: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds that one answer takes: by the clock, and of this process."""
    clock, processor = time.perf_counter(), time.process_time()
    question()
    return (time.perf_counter() - clock) * 1000, (time.process_time() - processor) * 1000


if __name__ == "__main__":
    main()
