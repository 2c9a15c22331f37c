"""Lists of cases and scans: a page at a time, newest first, and no page asks more where there are more of them."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scans_app import newest_first
from scans_app.models import Scan
from scans_app.services.cases import create_case

pytestmark = pytest.mark.django_db


@pytest.fixture
def many(owner, scan, monkeypatch):
    """many(n) adds n cases and n scans of the first case; pages hold three rows."""
    monkeypatch.setattr(newest_first, "PAGE_ROWS", 3)

    def add(number: int) -> None:
        for count in range(number):
            create_case(f"Case {count}", "", owner)
            Scan.objects.create(case=scan.case, model_version=scan.model_version, state=Scan.State.FINISHED)

    return add


def listed(client, path: str, kind: str) -> list[int]:
    """The keys of the rows on a page."""
    page = client.get(path).content.decode()
    return [int(key) for key in re.findall(rf'<th scope="row">\s*<a href="[^"]*/{kind}/(\d+)/"', page)]


def link(client, path: str, word: str) -> str:
    """Where the pager's link leads, "" without one."""
    page = client.get(path).content.decode()
    found = re.search(rf'<a class="btn" href="(\?[^"]+)"[^>]*>{word} ', page)
    return found[1] if found else ""


@pytest.mark.parametrize("kind", ["cases", "scans"])
def test_older_and_newer_lead_through_all_rows_and_back(owner_client, scan, many, kind):
    many(7)
    path = "/cases/" if kind == "cases" else f"/cases/{scan.case_id}/scans/"
    seen, address, there = [], path, [path]
    while address:
        seen += listed(owner_client, address, kind)
        older = link(owner_client, address, "Older")
        address = path + older if older else ""
        there += [address] if address else []
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == len(seen) == 8
    back, address = [], there[-1]
    while address:
        back.append(listed(owner_client, address, kind))
        newer = link(owner_client, address, "Newer")
        address = path + newer if newer else ""
    assert [row for page in reversed(back) for row in page] == seen
    assert f"8 {kind}" in owner_client.get(path).content.decode()


def test_a_page_of_another_kind_of_key_is_the_first_page(owner_client, many):
    many(4)
    first = listed(owner_client, "/cases/", "cases")
    assert listed(owner_client, "/cases/?after=x", "cases") == first
    assert listed(owner_client, "/cases/?before=99999999999999999999999", "cases") == first


PAGES = [
    "/cases/", "{case}", "{case}scans/", "{case}evidence/", "{case}scans/new/", "{case}hits/", "{case}events/",
    "/rules/", "/rules/sets/",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_more_cases_and_scans_are_no_more_questions_and_rows(owner_client, scan, many, page):
    path = page.format(case=f"/cases/{scan.case_id}/")
    asked, lengths = [], []
    many(4)  # a page is full
    for more in (0, 6):
        many(more)
        owner_client.get(path)
        with CaptureQueriesContext(connection) as queries:
            answer = owner_client.get(path)
        asked.append(len(queries))
        lengths.append(answer.content.count(b"<tr"))
    assert answer.status_code == 200
    assert asked[0] == asked[1]
    assert lengths[0] == lengths[1]


def test_the_pages_of_another_person_hold_nothing_of_these(stranger_client, many):
    many(4)
    assert listed(stranger_client, "/cases/?after=9999", "cases") == []
