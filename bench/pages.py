"""A million hits: what the hits page asks, and how long the database takes to answer.

Run as `python -m bench.pages` with SIGMAWEB_DATA (and DATABASE_URL for PostgreSQL) naming a place of its own. Each
question is asked some times with nothing kept; the slowest of them is told, and the median.
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

FILTERS = ("level=high&level=critical", "computer=WS-7.example.org", "verdict=unjudged", "not.channel=System")
FIELD = "event.EventData.Image"


def main() -> None:
    """Print the table."""
    scan = million_hits()
    print_load()
    print(f"{connection.vendor}, {HITS:,} hits on {EVENTS:,} events; milliseconds: median, slowest")
    lists(scan)
    for query in ("", *FILTERS):
        for field in STACK_COLUMNS:
            report(f"stack by {field}  {query}", lambda query=query, field=field: stack(scan, field, query))
    for query in ("", FILTERS[0]):
        report(f"stack by {FIELD}  {query}", lambda query=query: stack(scan, FIELD, query), rounds=1)
        stack(scan, FIELD, query, fresh=False)
        report("  the same, kept", lambda query=query: stack(scan, FIELD, query, fresh=False))
    report("histogram", lambda: fresh(scan, "").histogram)


def lists(scan: Scan) -> None:
    """The first page, and pages far behind a key, in every order; then with filters."""
    hits = Hit.objects.of_scan(scan)
    middle = hits.order_by("time").values_list("time", flat=True)[HITS // 2]
    for sort in SORTS:
        page = hit_page(hits.filter(time__lt=middle), sort=f"-{sort}")
        report(
            f"page behind a key, {sort}",
            lambda page=page, sort=sort: hit_page(hits, sort=f"-{sort}", after=page.after),
        )
    for query in ("", *FILTERS):
        report(f"first page and total  {query}", lambda query=query: page_and_total(scan, query))


def page_and_total(scan: Scan, query: str) -> None:
    """What the page asks before anything else."""
    browser = fresh(scan, query)
    _ = browser.page, browser.total, browser.unjudged_text


def stack(scan: Scan, field: str, query: str, *, fresh: bool = True) -> None:
    """The rows of a stack; with `fresh`, nothing is kept of them."""
    if fresh:
        cache.clear()
    _ = HitBrowser(scan, QueryDict(f"{query}&stack={field}")).stack.counted


def fresh(scan: Scan, query: str) -> HitBrowser:
    """The page of a query, with nothing kept."""
    cache.clear()
    return HitBrowser(scan, QueryDict(query))


def report(name: str, question: Callable[[], Any], rounds: int = 5) -> None:
    """Print the median and the slowest of some rounds."""
    times = sorted(timed(question) for _ in range(rounds))
    print(f"{name:70} {median(times):9.1f} {times[-1]:9.1f}", flush=True)


def timed(question: Callable[[], Any]) -> float:
    """Milliseconds that one answer takes."""
    began = time.perf_counter()
    question()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
