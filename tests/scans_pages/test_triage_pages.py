"""Undo, stars, assignments, exports, deletion and history, as people meet them on pages; all without script."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.http import QueryDict

from scans_app.hit_browser import HitBrowser
from scans_app.models import CaseAct, Deletion, Hit, HitStar, Scan
from scans_app.services.deletion import delete_case, delete_scan
from scans_app.services.hit_marks import assign, star
from scans_app.services.review import comment, judge
from scans_app.services.undo import undo, undoable
from sigma_engine import csv_cell
from tests.scans.conftest import do_all_work
from tests.scans_pages.conftest import HOSTILE, rows

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from scans_app.models import Case, Evidence

pytestmark = pytest.mark.django_db
MakeHit = Callable[..., Hit]


def send(client: Client, case: Case, what: str, **data: Any) -> Any:
    return client.post(f"/cases/{case.pk}/hits/{what}/", data, follow=True)


@pytest.fixture
def hits(make_hit: MakeHit) -> list[Hit]:
    return [make_hit() for _ in range(3)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("starred=yes", {0}),
        ("starred=no", {1, 2}),
        ("not.starred=yes", {1, 2}),
        ("assignee=olivia", {0, 1}),
        ("assignee=(nobody)", {2}),
        ("assignee=olivia&assignee=(nobody)", {0, 1, 2}),
        ("not.assignee=(nobody)", {0, 1}),
        ("assignee=somebody", set()),
        ("assignee=olivia&starred=yes", {0}),
    ],
)
def test_filters_by_star_and_assignee(
    case: Case, hits: list[Hit], owner: User, owner_client: Client, query: str, found: set[int]
) -> None:
    star(case, hits[:1], owner, starred=True)
    assign(case, hits[:2], owner, owner)
    assert set(rows(owner_client.get(f"/cases/{case.pk}/hits/?{query}"))) == {hits[n].pk for n in found}


@pytest.mark.parametrize("query", ["starred=no", "assignee=(nobody)"])
def test_stacks_and_the_histogram_of_a_filter_on_marks_are_counted_anew_when_those_change(
    case: Case, scan: Scan, hits: list[Hit], owner: User, query: str
) -> None:
    def counted() -> list[int]:
        scan.refresh_from_db()
        browser = HitBrowser(scan, QueryDict(query))
        return [sum(row.count for row in browser.stack.counted), sum(browser.histogram.levels.values())]

    assert counted() == [3, 3]
    star(case, hits[:1], owner, starred=True)
    assign(case, hits[:1], owner, owner)
    assert counted() == [2, 2]
    star(case, hits[:1], owner, starred=False)
    assign(case, hits[:1], None, owner)
    assert counted() == [3, 3]


def test_what_waits_for_me_is_an_address_with_my_name(
    case: Case, hits: list[Hit], owner_client: Client
) -> None:
    response = owner_client.get(f"/cases/{case.pk}/hits/?level=high&assignee=(me)")
    assert response.headers["Location"] == f"/cases/{case.pk}/hits/?level=high&assignee=olivia"


def test_the_message_of_a_verdict_offers_its_undo_which_outlives_a_reload(
    case: Case, scan: Scan, hits: list[Hit], owner_client: Client, analyst_client: Client
) -> None:
    query = f"scan={scan.pk}"
    page = send(owner_client, case, "judge", scope="filter", query=query, verdict="benign").content.decode()
    assert 'form="undo"' in page
    address = f"/cases/{case.pk}/hits/?{query}"
    page = owner_client.get(address).content.decode()
    act = CaseAct.objects.get(kind="verdict")
    assert f'name="act" value="{act.pk}"' in page
    assert 'name="act"' not in analyst_client.get(address).content.decode()
    said = send(analyst_client, case, "undo", act=act.pk, query=query).content.decode()
    assert "Only your own verdicts can be undone." in said
    said = send(owner_client, case, "undo", act=act.pk, query=query).content.decode()
    assert "3 hits have their verdicts of before again." in said
    assert Hit.objects.unjudged().count() == 3
    assert "There is nothing to undo." in send(owner_client, case, "undo").content.decode()


def test_hits_are_assigned_and_starred_from_the_list(
    case: Case, scan: Scan, hits: list[Hit], owner_client: Client, analyst_client: Client
) -> None:
    query = f"scan={scan.pk}"
    said = send(owner_client, case, "assign", hit=[hits[0].pk, hits[1].pk], assignee="anna", query=query)
    assert "2 hits are assigned to anna now." in said.content.decode()
    said = send(analyst_client, case, "assign", hit=hits[2].pk, me="yes", assignee="olivia", query=query)
    assert "1 hit is assigned to anna now." in said.content.decode()
    send(owner_client, case, "star", hit=hits[0].pk, query=query)
    page = analyst_client.get(f"/cases/{case.pk}/hits/?{query}&hit={hits[0].pk}").content.decode()
    assert "Starred by olivia" in page
    assert f"3 hits of scan {scan.pk}" in analyst_client.get(f"/cases/{case.pk}/").content.decode()
    send(analyst_client, case, "star", unstar=hits[0].pk, query=query)
    assert not HitStar.objects.exists()


def test_hits_of_another_case_are_never_among_the_chosen(
    hits: list[Hit], owner: User, stranger: User, stranger_client: Client
) -> None:
    from scans_app.services.cases import create_case

    own = create_case("Another", "", stranger)
    send(stranger_client, own, "star", hit=hits[0].pk)
    assert not HitStar.objects.exists()


def test_an_export_holds_what_people_said_and_no_formula(
    case: Case, scan: Scan, make_hit: MakeHit, owner: User, reader_client: Client
) -> None:
    hit, other = make_hit(details="=cmd|' /C calc'!A0", computer="-WS", level=5), make_hit()
    judge([hit], "true_positive", owner)
    star(case, [hit], owner, starred=True)
    assign(case, [hit], owner, owner)
    comment(hit, HOSTILE, owner)
    address = f"/cases/{case.pk}/hits/csv/?scan={scan.pk}"
    answer = reader_client.get(f"{address}&not.verdict=unjudged")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="hits-scan-{scan.pk}.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.getvalue().decode(), newline=""))
    told = ("verdict", "judged_by", "starred_by", "assignee", "level", "details", "computer")
    assert [row[name] for name in told] == [
        "true_positive",
        "olivia",
        "olivia",
        "olivia",
        "critical",
        "'=cmd|' /C calc'!A0",
        "'-WS",
    ]
    assert row["comments"].startswith("olivia ")
    assert row["comments"].endswith(HOSTILE)
    answer = reader_client.get(f"/cases/{case.pk}/hits/jsonl/?scan={scan.pk}&sort=-level")
    first, second = [json.loads(line) for line in answer.getvalue().splitlines()]
    assert (first["hit"], first["details"], first["comments"][0]["text"]) == (hit.pk, hit.details, HOSTILE)
    assert (second["hit"], second["verdict"], second["assignee"]) == (other.pk, "unjudged", None)
    assert second["event"] == other.event.data


@pytest.mark.parametrize(
    "first",
    [
        *"=+-@\t\r\n\0",
        *"\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}",
    ],
)
def test_a_cell_is_never_what_a_spreadsheet_runs(first: str) -> None:
    assert csv_cell(f"{first}SUM(A1)") == f"'{first}SUM(A1)"


def test_an_export_names_who_gave_the_verdict_and_not_who_brought_it_back(
    case: Case, scan: Scan, hits: list[Hit], owner: User, analyst_client: Client
) -> None:
    anna = case.members.get(user__username="anna").user
    judge(hits[:1], "true_positive", anna)
    judge(hits, "benign", owner)
    undo(undoable(case, owner), owner)
    address = f"/cases/{case.pk}/hits/jsonl/?scan={scan.pk}"
    told = [json.loads(line) for line in analyst_client.get(address).getvalue().splitlines()]
    assert [(one["verdict"], one["judged_by"]) for one in told] == [
        ("true_positive", "anna"),
        ("unjudged", None),
        ("unjudged", None),
    ]


def test_an_export_goes_on_over_pages(
    case: Case, scan: Scan, make_hit: MakeHit, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_hit() for _ in range(5)]
    monkeypatch.setattr("scans_app.hit_export.BATCH", 2)
    lines = owner_client.get(f"/cases/{case.pk}/hits/jsonl/?scan={scan.pk}").getvalue().splitlines()
    assert [json.loads(line)["hit"] for line in lines] == [hit.pk for hit in made]


def test_a_scan_is_deleted_with_the_name_of_its_case_and_then_its_address_says_so(
    case: Case,
    scan: Scan,
    hits: list[Hit],
    owner_client: Client,
    analyst_client: Client,
    stranger_client: Client,
) -> None:
    address = f"/cases/{case.pk}/scans/{scan.pk}/delete/"
    asked = owner_client.get(address).content.decode()
    assert "3, 0 of them judged" in asked
    refused = owner_client.post(address, {"name": "harbour"})
    assert refused.status_code == 422
    assert "Nothing was deleted." in refused.content.decode()
    assert Scan.objects.of_case(case).exists()
    page = owner_client.post(address, {"name": "Harbour"}, follow=True).content.decode()
    assert "is being deleted" in page
    for gone in (
        f"scans/{scan.pk}/",
        f"hits/?scan={scan.pk}",
        f"hits/?hit={hits[0].pk}",
        f"hits/{hits[0].pk}/",
    ):
        answer = analyst_client.get(f"/cases/{case.pk}/{gone}")
        assert answer.status_code == 410, gone
        assert "olivia deleted it" in answer.content.decode()
        assert stranger_client.get(f"/cases/{case.pk}/{gone}").status_code == 404
    do_all_work()
    assert analyst_client.get(f"/cases/{case.pk}/scans/{scan.pk}/").status_code == 404
    history = analyst_client.get(f"/cases/{case.pk}/history/").content.decode()
    assert f"deleted Scan {scan.pk}: 1 scan, 3 hits" in history


def test_what_goes_between_two_questions_of_a_request_is_the_404_of_what_is_gone(
    case: Case, scan: Scan, hits: list[Hit], owner: User, owner_client: Client
) -> None:
    delete_scan(scan, owner)
    address = scan.get_absolute_url(), hits[0].get_absolute_url()
    assert [owner_client.get(one).status_code for one in address] == [410, 410]
    Deletion.objects.update(
        state=Deletion.State.GONE
    )  # and the rows that were asked for first were there still
    assert [owner_client.get(one).status_code for one in address] == [404, 404]
    delete_case(case, owner)
    Deletion.objects.update(state=Deletion.State.GONE)
    assert owner_client.get(case.get_absolute_url()).status_code == 404


def test_a_file_that_was_scanned_is_deleted_only_with_its_scans(
    case: Case, scan: Scan, evidence: Evidence, owner_client: Client
) -> None:
    address = f"/cases/{case.pk}/evidence/{evidence.pk}/delete/"
    assert f"scan {scan.pk}" in owner_client.get(address).content.decode()
    refused = owner_client.post(address, {"name": case.name})
    assert f"scan {scan.pk} read this file" in refused.content.decode()
    assert owner_client.post(address, {"name": case.name, "scans": "yes"}).status_code == 302
    assert owner_client.get(f"/cases/{case.pk}/evidence/{evidence.pk}/").status_code == 410
    do_all_work()
    assert not evidence.path.exists()


def test_a_case_that_is_being_deleted_says_so_to_its_members_and_stays_with_administrators(
    case: Case,
    hits: list[Hit],
    owner: User,
    owner_client: Client,
    reader_client: Client,
    stranger_client: Client,
    admin_client: Client,
) -> None:
    deletion = delete_case(case, owner)
    answer = reader_client.get(f"/cases/{case.pk}/evidence/")
    assert answer.status_code == 410
    assert "Harbour is being deleted" in answer.content.decode()
    assert stranger_client.get(f"/cases/{case.pk}/").status_code == 404
    do_all_work()
    assert reader_client.get(f"/cases/{case.pk}/").status_code == 404
    assert "Harbour is gone" in owner_client.get(f"/cases/deletions/{deletion.pk}/").content.decode()
    listed = admin_client.get("/cases/deletions/").content.decode()
    assert "olivia" in listed
    assert "1 scan, 3 hits, 1 file" in listed


def test_the_history_says_who_did_what_and_leaves_single_hits_out_unless_asked(
    case: Case, hits: list[Hit], owner: User, owner_client: Client, reader_client: Client
) -> None:
    judge(hits, "benign", owner)
    judge(hits[:1], "unsure", owner)
    assign(case, hits, owner, owner)
    page = reader_client.get(f"/cases/{case.pk}/history/").content.decode()
    for said in ("made the case", "added WS.evtx", "judged 3 hits benign", "assigned 3 hits to olivia"):
        assert said in page, said
    assert "made tariq reader of the case" in page
    assert "judged 1 hit unsure" not in page
    assert "judged 1 hit unsure" in reader_client.get(f"/cases/{case.pk}/history/?single=1").content.decode()


def test_the_history_pages_by_key(case: Case, owner: User) -> None:
    from scans_app.case_history import CaseHistory
    from scans_app.services.case_acts import record

    for number in range(7):
        record(case, owner, CaseAct.Kind.EVIDENCE, name=f"{number}.evtx", evidence=number, size=1)
    first = CaseHistory(case, size=5)
    second = CaseHistory(case, size=5, before=first.before)
    texts = [line.text.split(",")[0] for line in first.lines + second.lines]
    assert texts == [f"added {number}.evtx" for number in range(6, -1, -1)] + ["made the case"]
    assert second.before is None


def test_a_scan_that_is_gone_is_not_linked_from_the_history(case: Case, scan: Scan, owner: User) -> None:
    from scans_app.case_history import CaseHistory

    assert any(line.url for line in CaseHistory(case).lines if line.act.kind == "scan")
    delete_scan(scan, owner)
    assert not any(line.url for line in CaseHistory(case).lines if line.act.kind == "scan")


def test_in_a_large_scan_marks_are_asked_for_by_their_keys_and_find_the_same(
    case: Case, hits: list[Hit], owner: User, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    star(case, hits[:2], owner, starred=True)
    assign(case, hits[1:], owner, owner)
    monkeypatch.setattr("scans_app.hit_browser.AT_ONCE", 2)
    for query, found in (
        ("starred=yes", hits[:2]),
        ("assignee=olivia", hits[1:]),
        ("starred=yes&assignee=olivia", hits[1:2]),
        ("assignee=(nobody)", hits[:1]),
        ("starred=yes&assignee=somebody", []),
        ("starred=yes&q=tool", hits[:2]),
    ):
        shown = rows(owner_client.get(f"/cases/{case.pk}/hits/?{query}"))
        assert shown == [hit.pk for hit in found], query
