"""Groups of hits answer stacks as the hits themselves do, at every moment and under every filter of columns."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.http import QueryDict

from scans_app.histogram import histogram
from scans_app.hit_browser import HitBrowser
from scans_app.models import Hit, HitGroup, Scan
from scans_app.services import hit_groups
from scans_app.services.hit_times import hit_times
from scans_app.services.review import judge
from scans_app.services.settling import settle_all
from scans_app.services.stacks import STACK_COLUMNS, StackRow, stack
from scans_app.services.undo import undo, undoable
from tests.evtx_writer import build_evtx
from tests.scans.conftest import do_all_work, process_event

pytestmark = pytest.mark.django_db
VERDICT_QUERIES = [
    "verdict=unjudged",
    "not.verdict=unjudged",
    "verdict=benign&verdict=unsure&computer=WS-1.example.org",
    "verdict=unjudged&verdict=benign&not.verdict=benign&title=Tool started",
]
QUERIES = [
    "",
    "level=high",
    "not.computer=WS-1.example.org",
    "title=Tool started&user=EXAMPLE\\user2",
    "event_id=1",
]


@pytest.fixture
def scan(add_evidence, start, monkeypatch) -> Scan:
    """A scan that is over and so large that its hits are grouped: two rules, 40 hits, two files."""
    monkeypatch.setattr(hit_groups, "GROUPED_FROM", 40)
    cache.clear()  # of what another test counted of its scan 1
    programs = ("tool.exe", "other.exe", "tool.exe")
    logs = [[process_event(n, programs[n % 3]) for n in range(at, at + 20)] for at in (0, 20)]
    scan = start([add_evidence(build_evtx(log), f"{at}.evtx") for at, log in enumerate(logs)])
    do_all_work()
    scan.refresh_from_db()
    assert scan.is_grouped
    return scan


def counts(scan: Scan, query: str) -> dict[str, object]:
    """The stacks and totals of the hits page, as it counts them."""
    cache.clear()
    pages = {field: HitBrowser(scan, QueryDict(f"{query}&stack={field}")) for field in STACK_COLUMNS}
    assert all(page.groups for page in pages.values())
    return {field: page.stack.counted for field, page in pages.items()} | {
        "total": pages["rule"].total_text,
        "unjudged": pages["rule"].unjudged_text,
    }


def counted_alone(scan: Scan, query: str) -> dict[str, object]:
    """The same, of the hits one by one."""
    hits = HitBrowser(scan, QueryDict(query)).hits
    return {field: stack(hits, field) for field in STACK_COLUMNS} | {
        "total": str(hits.count()),
        "unjudged": str(hits.unjudged().count()),
    }


@pytest.mark.parametrize("query", QUERIES)
def test_the_groups_count_what_the_hits_do(scan, query):
    assert HitGroup.objects.count() < scan.hits
    assert counts(scan, query) == counted_alone(scan, query)
    assert counts(scan, query)["rule"]


def test_verdicts_given_changed_and_taken_back_are_counted(scan, owner):
    hits = list(Hit.objects.of_scan(scan).order_by("time")[:12])
    for verdict, some in (
        ("benign", hits),
        ("unsure", hits[:5]),
        ("", hits[:3]),
        ("true_positive", hits[1:2]),
    ):
        judge(some, verdict, owner)
        for query in ("", *VERDICT_QUERIES):
            assert counts(scan, query) == counted_alone(scan, query), query
    assert [row.value for row in stacks_of(scan, "verdict")] == ["", "benign", "unsure", "true_positive"]


def test_verdicts_that_are_undone_are_counted(scan, owner):
    hits = list(Hit.objects.of_scan(scan).order_by("time")[:12])
    judge(hits[:4], "unsure", owner)
    judge(hits, "benign", owner)
    undo(undoable(scan.case, owner), owner)
    for query in ("", "verdict=unsure", "verdict=unjudged"):
        assert counts(scan, query) == counted_alone(scan, query), query
    assert [(row.value, row.count) for row in stacks_of(scan, "verdict")] == [("", 36), ("unsure", 4)]


@pytest.mark.parametrize(
    "query", ["", "level=low&from=2023-11-14T22:13:30", "user=EXAMPLE\\user2", *VERDICT_QUERIES]
)
def test_the_histogram_counts_what_the_hits_do(scan, owner, query):
    judge(list(Hit.objects.of_scan(scan).order_by("time")[:12]), "benign", owner)
    browser = HitBrowser(scan, QueryDict(query))
    hits = browser.filters.without("level", "time").apply(Hit.objects.of_scan(scan))
    alone = histogram(hit_times(hits), browser.filters.time_from, browser.filters.time_to)
    assert browser.histogram == alone
    assert browser.histogram.first == hits.order_by("time").first().time


def test_a_verdict_changes_the_histogram_of_its_filter(scan, owner):
    before = HitBrowser(scan, QueryDict("verdict=unjudged")).histogram.levels
    judge(list(Hit.objects.of_scan(scan)[:3]), "benign", owner)
    after = HitBrowser(scan, QueryDict("verdict=unjudged")).histogram.levels
    assert sum(before.values()) - sum(after.values()) == 3


def stacks_of(scan: Scan, field: str) -> list[StackRow]:
    """The stack by one field, without any filter."""
    return HitBrowser(scan, QueryDict(f"stack={field}")).stack.counted


def test_each_verdict_has_its_count_in_a_group():
    columns = {field.name for field in HitGroup._meta.fields}
    assert set(Hit.Verdict.values) - columns == {""}


@pytest.mark.parametrize("query", ["from=2023-11-14T22:13:30", "q=tool", "event.EventData.Image=x"])
def test_what_groups_do_not_know_is_asked_of_the_hits(scan, query):
    browser = HitBrowser(scan, QueryDict(query))
    assert browser.groups is None
    assert sum(row.count for row in browser.stack.counted) == browser.total == browser.hits.count()


def test_what_a_dead_worker_left_ungrouped_is_grouped_by_the_next_round(scan):
    HitGroup.objects.all().delete()
    Scan.objects.update(is_grouped=False)
    settle_all()
    scan.refresh_from_db()
    assert scan.is_grouped
    assert counts(scan, "") == counted_alone(scan, "")


def test_a_scan_of_few_hits_has_no_groups(add_evidence, start):
    scan = start([add_evidence(build_evtx([process_event(1)]))])
    do_all_work()
    scan.refresh_from_db()
    assert (scan.hits, scan.is_grouped, HitGroup.objects.count()) == (1, False, 0)


def test_grouping_twice_changes_nothing(scan):
    before = list(HitGroup.objects.order_by("pk").values())
    hit_groups.group_hits(scan.pk)
    assert list(HitGroup.objects.order_by("pk").values()) == before


def test_groups_go_with_their_case(scan):
    from scans_app.services.deletion import delete_case

    delete_case(scan.case, scan.created_by)
    do_all_work()
    assert (HitGroup.objects.count(), Scan.objects.count()) == (0, 0)
