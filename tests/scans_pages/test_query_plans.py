"""No page reads a whole table of hits, events, chunks or units: its cost hangs on its own scan, not on the others."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scans_app.services import hit_groups
from tests.scans.conftest import do_all_work

pytestmark = pytest.mark.django_db
LARGE = (
    "scans_app_hit", "scans_app_hitgroup", "scans_app_event", "scans_app_evidencechunk", "scans_app_evidencefields",
    "scans_app_scanunit", "scans_app_scanrule", "scans_app_hitjudgement",
)  # fmt: skip
PAGES = [
    "hits/", "hits/?sort=-level", "hits/?sort=user&level=high", "hits/?stack=computer", "hits/?stack=evidence",
    "hits/?stack=event.EventData.Image", "hits/?verdict=unjudged&stack=title", "hits/?computer=WS-1.example.org",
    "hits/?q=tool", "hits/?event.EventData.Image=x", "hits/?from=2023-11-14T22:13:30", "scans/", "evidence/",
    "scans/new/", "",
]  # fmt: skip


@pytest.fixture(params=[False, True], ids=["few hits", "hits in groups"])
def scan(request, start, evidence, monkeypatch):
    """A scan that is over, with and without groups of its hits."""
    if request.param:
        monkeypatch.setattr(hit_groups, "GROUPED_FROM", 1)
    scan = start([evidence])
    do_all_work()
    scan.refresh_from_db()
    assert scan.is_grouped is request.param
    return scan


def whole_tables(queries: list[dict[str, str]]) -> list[tuple[str, str]]:
    """The queries that read a large table from end to end, each with the step of its plan that does."""
    found = []
    with connection.cursor() as cursor:
        for query in queries:
            sql = query["sql"]
            if not sql.startswith("SELECT"):
                continue
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"), [])
            for *_, step in cursor.fetchall():
                if step.startswith("SCAN") and step.split()[1].strip('"') in LARGE:
                    found.append((step, sql))
    return found


@pytest.mark.skipif(connection.vendor != "sqlite", reason="plans of small tables tell nothing on PostgreSQL")
def test_no_page_reads_a_large_table_from_end_to_end(client, owner, scan):
    client.force_login(owner)
    for page in PAGES:
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(f"/cases/{scan.case_id}/{page}")
        assert answer.status_code == 200, page
        assert whole_tables(captured.captured_queries) == [], page


@pytest.mark.skipif(connection.vendor != "sqlite", reason="plans of small tables tell nothing on PostgreSQL")
def test_the_test_sees_a_table_that_is_read_from_end_to_end(scan):
    with CaptureQueriesContext(connection) as captured, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM scans_app_hit WHERE details LIKE '%x%'")
    assert len(whole_tables(captured.captured_queries)) == 1
