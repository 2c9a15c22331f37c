"""The table of hits: filters, sorting, paging, stacks, histogram, and what it must not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.scans.conftest import process_event
from tests.scans_pages.conftest import DAY, FIRST_TIME, rows

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.test import Client

    from scans_app.models import Case, Hit, Scan

pytestmark = pytest.mark.django_db
MakeHit = Callable[..., "Hit"]


def ask(client: Client, case: Case, **query: Any) -> Any:
    return client.get(
        f"/cases/{case.pk}/hits/", {name.replace("__", "."): value for name, value in query.items()}
    )


def test_without_a_scan_the_page_says_what_comes_first(case: Case, owner_client: Client) -> None:
    assert "Add evidence first" in ask(owner_client, case).content.decode()


def test_without_hits_the_page_says_what_the_scan_looked_at(
    case: Case, scan: Scan, owner_client: Client
) -> None:
    assert f"Scan {scan.pk} found no hits" in ask(owner_client, case).content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"level": "high"}, {0}),
        ({"level": ["high", "low"]}, {0, 1}),
        ({"not__level": "high"}, {1, 2}),
        ({"computer": "WS-1"}, {0}),
        ({"not__computer": "WS-1"}, {1, 2}),
        ({"computer": "(absent)"}, {2}),
        ({"channel": "Security"}, {0, 1}),
        ({"event_id": "4688"}, {0, 2}),
        ({"event_id": "(absent)"}, {1}),
        ({"user": "DOM\\eve"}, {1}),
        ({"verdict": "benign"}, {1}),
        ({"verdict": "unjudged"}, {0, 2}),
        ({"q": "MIMI"}, {1}),
        ({"not__q": "mimi"}, {0, 2}),
        ({"from": "2023-11-15T22:00", "to": "2023-11-16T22:00"}, {1}),
        ({"event__EventData.Image": "C:\\a.exe"}, {0}),
        ({"not__event__EventData.Image": "C:\\a.exe"}, {1, 2}),
        ({"event__EventData.Image": "(absent)"}, {1}),
        ({"event__EventData.Image": "(null)"}, {2}),
        ({"event__EventData.Logon": "3"}, {0}),
        ({"event__EventData.`a.b`[1]": "y"}, {1}),
        ({"event__EventData.Note": "(empty)"}, {0}),
        ({"event__EventData.Note": "-"}, {1}),
        ({"level": "high", "computer": "WS-2"}, set()),
    ],
)
def test_each_filter_lets_through_what_it_says(
    case: Case, make_hit: MakeHit, owner_client: Client, query: dict[str, Any], found: set[int]
) -> None:
    made = [
        make_hit(level=4, data={"EventData": {"Image": "C:\\a.exe", "Logon": 3, "Note": ""}}),
        make_hit(
            level=2,
            computer="WS-2",
            user="DOM\\eve",
            event_code=-1,
            verdict="benign",
            details="Cmd: Mimikatz.exe",
            time=FIRST_TIME + DAY,
            data={"EventData": {"a.b": ["x", "y"], "Note": "-"}},
        ),
        make_hit(
            level=3,
            computer="",
            channel="System",
            time=FIRST_TIME + 2 * DAY,
            data={"EventData": {"Image": None}},
        ),
    ]
    assert set(rows(ask(owner_client, case, **query))) == {made[n].pk for n in found}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"event_id": "abc"}, "The filter event id = abc was left out: a whole number is needed."),
        ({"level": "urgent"}, "The filter level = urgent was left out"),
        ({"from": "yesterday"}, "The filter from = yesterday was left out"),
        ({"sort": "colour"}, "Hits cannot be sorted by colour"),
        ({"after": "nonsense"}, "belongs to another order"),
        ({"stack": "colour"}, "be stacked by"),
    ],
)
def test_what_cannot_be_used_of_an_address_is_said_and_the_rest_is_shown(
    case: Case, make_hit: MakeHit, owner_client: Client, query: dict[str, str], sentence: str
) -> None:
    hit = make_hit()
    response = ask(owner_client, case, **query)
    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert rows(response) == [hit.pk]


def test_filters_are_chips_with_a_link_that_removes_them(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    hit = make_hit()
    page = ask(owner_client, case, rule=hit.rule_id, not__computer="WS-9").content.decode()
    assert f"<b>{hit.rule.title}</b>" in page
    assert f'href="?rule={hit.rule_id}" aria-label="Remove the filter computer WS-9"' in page


def test_the_filter_form_leads_to_the_pages_own_address(case: Case, scan: Scan, owner_client: Client) -> None:
    response = ask(owner_client, case, level="high", add="Image", value="C:\\a b.exe", how="not")
    assert response.status_code == 302
    address = f"/cases/{case.pk}/hits/?level=high&not.event.EventData.Image=C%3A%5Ca+b.exe"
    assert response.headers["Location"] == address
    response = ask(owner_client, case, field="TargetUserName")
    assert response.headers["Location"].endswith("?stack=event.EventData.TargetUserName")


@pytest.mark.parametrize(
    ("sort", "order"), [("time", [0, 1, 2]), ("-time", [2, 1, 0]), ("-level", [1, 2, 0])]
)
def test_rows_stand_in_the_order_of_the_address(
    case: Case, make_hit: MakeHit, owner_client: Client, sort: str, order: list[int]
) -> None:
    made = [make_hit(level=level) for level in (1, 5, 3)]
    assert rows(ask(owner_client, case, sort=sort)) == [made[n].pk for n in order]


def test_pages_follow_each_other_by_key_and_lead_back(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    made = [make_hit(time=FIRST_TIME).pk for _ in range(205)]
    seen, query = [], {}
    for _ in range(3):
        response = ask(owner_client, case, **query)
        seen.append(rows(response))
        query = {"after": response.context["browser"].page.after}
    assert seen[0] + seen[1] + seen[2] == made
    before = response.context["browser"].page.before
    assert rows(ask(owner_client, case, before=before)) == seen[1]
    assert query["after"] == ""


def test_stacks_count_under_the_same_filters_and_link_to_them(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    for computer, verdict in [("WS-1", ""), ("WS-1", "benign"), ("WS-2", ""), ("", "")]:
        make_hit(computer=computer, verdict=verdict)
    make_hit(computer="WS-1", level=1)
    stacked = ask(owner_client, case, stack="computer", level="high").context["browser"].stack.rows
    assert [(row["label"], row["count"], row["unjudged"]) for row in stacked] == [
        ("WS-1", 2, 1),
        ("absent", 1, 1),
        ("WS-2", 1, 1),
    ]
    assert {row["label"]: row["url"] for row in stacked}["WS-1"] == "?stack=computer&level=high&computer=WS-1"
    rare = ask(owner_client, case, stack="computer", order="rare").context["browser"].stack.rows
    assert rare[-1]["label"] == "WS-1"


def test_a_stack_by_a_field_of_the_event_tells_absent_null_and_empty_apart(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    for fields in (
        {"Image": "C:\\a.exe"},
        {"Image": "C:\\a.exe"},
        {"Image": None},
        {"Image": ""},
        {"Image": "-"},
        {},
    ):
        make_hit(data={"EventData": fields})
    browser = ask(owner_client, case, stack="event.EventData.Image").context["browser"]
    counted = {row["label"]: row["count"] for row in browser.stack.rows}
    assert counted == {"C:\\a.exe": 2, "null": 1, "empty": 1, "-": 1, "absent": 1}
    for row in browser.stack.rows:
        narrowed = owner_client.get(f"/cases/{case.pk}/hits/{row['url']}")
        assert len(rows(narrowed)) == row["count"], row["label"]


def test_the_histogram_counts_levels_over_time_and_keeps_what_is_filtered_away(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    for day, level in [(0, 4), (0, 4), (1, 2), (3, 5)]:
        make_hit(time=FIRST_TIME + day * DAY, level=level)
    make_hit(time=0)
    histogram = ask(owner_client, case, level="high").context["browser"].histogram
    assert histogram.levels == {2: 1, 4: 3, 5: 1}
    assert histogram.without_time == 1
    assert sum(one.count for one in histogram.bins) == 4
    assert histogram.highest == 2
    assert (histogram.bins[0].count, histogram.bins[-1].count) == (2, 1)


def test_a_bar_links_to_the_hits_of_its_span(case: Case, make_hit: MakeHit, owner_client: Client) -> None:
    for day in (0, 1, 1, 3):
        make_hit(time=FIRST_TIME + day * DAY)
    page = ask(owner_client, case)
    for one in page.context["browser"].histogram.bins:
        if one.count == 2:
            query = {"from": _iso(one.start), "to": _iso(one.end)}
    assert len(rows(ask(owner_client, case, **query))) == 2


def _iso(micros: int) -> str:
    from scans_app.hit_filters import from_micros

    return from_micros(micros).replace(tzinfo=None).isoformat()


def test_htmx_gets_the_list_or_one_part_of_it(
    case: Case, make_hit: MakeHit, owner_client: Client, hx: Callable[..., HttpResponse]
) -> None:
    make_hit()
    path = f"/cases/{case.pk}/hits/"
    starts = {
        "browse": '<div id="browse"',
        "stacks": '<span class="push" id="hit-counts"',
        "hist": '<figure class="hist"',
    }
    for target, start in starts.items():
        page = hx(owner_client, "get", path, target=target).content.decode()
        assert page.strip().startswith(start), target
        assert "<html" not in page
    assert "<html" in owner_client.get(path).content.decode()


def test_a_running_scan_tells_how_many_hits_are_new_and_stops_when_it_is_over(
    case: Case, scan: Scan, make_hit: MakeHit, owner_client: Client, hx: Callable[..., HttpResponse]
) -> None:
    from scans_app.models import Scan

    for _ in range(3):
        make_hit()
    path = f"/cases/{case.pk}/hits/?seen=1"
    Scan.objects.filter(pk=scan.pk).update(state=Scan.State.RUNNING)
    going_on = hx(owner_client, "get", path, target="news")
    assert going_on.status_code == 200
    assert "2 since this list was made" in going_on.content.decode()
    Scan.objects.filter(pk=scan.pk).update(state=Scan.State.FINISHED)
    assert hx(owner_client, "get", path, target="news").status_code == 286


def test_the_table_reads_no_events_and_asks_as_often_for_a_hundred_hits_as_for_one(
    case: Case, make_hit: MakeHit, owner_client: Client
) -> None:
    asked = []
    for count in (1, 100):
        while len(rows(ask(owner_client, case))) < count:
            for _ in range(count):
                make_hit(data=process_event(0, note="only-in-the-event"))
        with CaptureQueriesContext(connection) as queries:
            ask(owner_client, case)
        asked.append(len(queries))
        assert not [query for query in queries if "scans_app_event" in query["sql"]]
    assert asked[0] == asked[1]
    assert asked[0] <= 16


def test_the_scan_of_another_case_is_not_found(
    case: Case, scan: Scan, owner: Any, owner_client: Client
) -> None:
    from scans_app.services.cases import create_case

    other = create_case("Other", "", owner)
    assert owner_client.get(f"/cases/{other.pk}/hits/", {"scan": scan.pk}).status_code == 404
    assert owner_client.get(f"/cases/{case.pk}/hits/", {"scan": "x"}).status_code == 404


def test_a_stranger_sees_no_hits(case: Case, make_hit: MakeHit, stranger_client: Client) -> None:
    hit = make_hit()
    for path in ("hits/", f"hits/{hit.pk}/", f"hits/?hit={hit.pk}", f"hits/{hit.pk}/why/"):
        assert stranger_client.get(f"/cases/{case.pk}/{path}").status_code == 404


def test_long_details_are_cut_in_the_list(case: Case, make_hit: MakeHit, owner_client: Client) -> None:
    make_hit(details=" ¦ ".join(f"Part{number}: {'x' * 5_000}" for number in range(20)))
    page = ask(owner_client, case).content.decode()
    assert "Part0" in page
    assert page.count("x" * 100) < 30


def test_a_large_scan_shows_its_rows_first_and_counts_after(
    case: Case, make_hit: MakeHit, owner_client: Client, hx: Callable[..., HttpResponse], monkeypatch: Any
) -> None:
    monkeypatch.setattr("scans_app.hit_browser.AT_ONCE", 1)
    made = [make_hit(computer="WS-1").pk, make_hit(computer="WS-2").pk]
    path = f"/cases/{case.pk}/hits/?stack=computer"
    page = owner_client.get(path)
    assert rows(page) == made
    assert "Counting computer in 2 hits" in page.content.decode()
    for target, counted in [("stacks", 'class="stack-row"'), ("hist", 'class="hist-pick"')]:
        assert counted not in page.content.decode()
        assert counted in hx(owner_client, "get", path, target=target).content.decode()
        assert counted in owner_client.get(f"{path}&now=1").content.decode()


def test_slow_filters_of_a_large_scan_let_through_the_same_and_see_new_verdicts(
    case: Case, make_hit: MakeHit, owner_client: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr("scans_app.hit_browser.AT_ONCE", 1)
    made = [make_hit(data={"EventData": {"Image": image}}) for image in ("a", "b", "a", "c")]
    query = {"event__EventData.Image": ["a", "b"], "not__q": "nothing like this", "verdict": "unjudged"}
    assert rows(ask(owner_client, case, **query)) == [hit.pk for hit in made[:3]]
    owner_client.post(f"/cases/{case.pk}/hits/judge/", {"hit": made[0].pk, "verdict": "benign"})
    assert rows(ask(owner_client, case, **query)) == [hit.pk for hit in made[1:3]]
    monkeypatch.setattr("scans_app.hit_browser.COUNTED", 2)
    assert rows(ask(owner_client, case, **query, sort="-time")) == [hit.pk for hit in reversed(made[1:3])]


def test_slow_filters_that_let_nothing_through_are_said_so_in_every_part(
    case: Case, make_hit: MakeHit, owner_client: Client, hx: Callable[..., HttpResponse], monkeypatch: Any
) -> None:
    monkeypatch.setattr("scans_app.hit_browser.AT_ONCE", 1)
    for _ in range(2):
        make_hit()
    path = f"/cases/{case.pk}/hits/?q=nothing like this"
    assert "No hit passes these filters" in owner_client.get(path).content.decode()
    for target in ("stacks", "hist", "browse"):
        assert hx(owner_client, "get", path, target=target).status_code == 200


def test_keys_that_no_database_holds_are_those_of_nothing(
    case: Case, make_hit: Callable[..., Hit], owner_client: Client
) -> None:
    hit = make_hit()
    for key in ("9" * 30, "9" * 5_000):
        url = f"/cases/{case.pk}/hits/"
        assert owner_client.get(url, {"scan": key}).status_code == 404
        assert owner_client.get(url, {"hit": key, "seen": key, "event_id": key}).status_code == 200
        assert owner_client.get(url, {"hit": hit.pk, "why": key}).status_code == 200
        judged = owner_client.post(f"{url}judge/", {"hit": [key, hit.pk], "verdict": "true_positive"})
        assert judged.status_code in (200, 302)
        hit.refresh_from_db()
        assert hit.verdict == "true_positive"
