"""A new scan with its preflight, the page of a running and a finished one, cancel."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from scans_app.models import Scan
from tests.scans.conftest import do_all_work, log_bytes

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.test import Client

    from rules_app.models import EventModelVersion, RuleSet
    from scans_app.models import Case, Evidence

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("rule_set")]


@pytest.fixture
def form(model_version: EventModelVersion) -> Callable[..., dict[str, Any]]:
    """form(levels=["high"]) -> what the browser sends."""

    def fill(**more: Any) -> dict[str, Any]:
        return {"key": str(uuid.uuid4()), "files": "all", "model": model_version.model_id} | more

    return fill


def test_without_evidence_the_form_says_to_add_some(case: Case, owner_client: Client) -> None:
    assert "Add evidence" in owner_client.get(f"/cases/{case.pk}/scans/new/").content.decode()


def test_the_form_offers_files_sets_levels_statuses_and_the_model(
    case: Case, evidence: Evidence, owner_client: Client
) -> None:
    page = owner_client.get(f"/cases/{case.pk}/scans/new/").content.decode()
    for word in ("All 1 file", "WS.evtx", "Ours", "Critical", "Experimental", "Windows event logs"):
        assert word in page


def test_preflight_counts_what_runs_on_which_log_source(
    case: Case, evidence: Evidence, owner_client: Client, form: Any, hx: Callable[..., HttpResponse]
) -> None:
    path = f"/cases/{case.pk}/scans/new/preflight/"
    page = hx(owner_client, "get", path, form(), target="preflight").content.decode()
    assert "<html" not in page
    assert "<b>2 rules</b> over <b>12 events</b>" in page
    assert "process_creation/windows/*" in page
    one = hx(owner_client, "get", path, form(levels=["high"]), target="preflight").content.decode()
    assert "<b>1 rule</b>" in one
    assert "Outside this choice of rules" in one


def test_preflight_says_which_rules_do_not_run_and_why(
    case: Case, evidence: Evidence, owner_client: Client, owner: Any, form: Any, rule_set: RuleSet
) -> None:
    from rules_app.services import FoundFile, import_rules

    linux = (
        "title: Elsewhere\nlogsource: {product: linux}\ndetection: {s: {a: b}, condition: s}\nlevel: low\n"
    )
    broken = "title: No condition\nlogsource: {product: windows}\ndetection: {s: {a: b}}\nlevel: low\n"
    import_rules([FoundFile("l.yml", linux.encode()), FoundFile("b.yml", broken.encode())], rule_set, owner)
    page = owner_client.get(f"/cases/{case.pk}/scans/new/preflight/", form()).content.decode()
    assert "<html" in page
    assert "Elsewhere" in page
    assert "No condition" in page
    assert "<b>2 rules</b> over" in page


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"title": "("}, "title"),
        ({"rule_filter": "x=>"}, "filter"),
        ({"time_from": "soon"}, "soon is no time"),
        ({"time_from": "2024-02-02", "time_to": "2024-01-01"}, "This is not after the time"),
        ({"files": "some"}, "No file is ticked"),
        ({"model": "99"}, "valid choice"),
    ],
)
def test_what_cannot_be_used_is_said_before_and_at_the_start(
    case: Case, evidence: Evidence, owner_client: Client, form: Any, more: dict[str, str], sentence: str
) -> None:
    checked = owner_client.get(f"/cases/{case.pk}/scans/new/preflight/", form(**more))
    started = owner_client.post(f"/cases/{case.pk}/scans/new/", form(**more))
    assert started.status_code == 422
    for page in (checked, started):
        assert sentence in page.content.decode()
    assert not Scan.objects.exists()


def test_a_scan_that_could_run_nothing_is_refused_with_a_sentence(
    case: Case, evidence: Evidence, owner_client: Client, form: Any
) -> None:
    response = owner_client.post(f"/cases/{case.pk}/scans/new/", form(title="no such rule"))
    assert response.status_code == 422
    assert "None of" in response.content.decode() or "No enabled rule" in response.content.decode()


def test_a_form_that_is_sent_twice_starts_one_scan(
    case: Case, evidence: Evidence, owner_client: Client, form: Any
) -> None:
    data = form(time_from="2023-11-14T00:00")
    first, second = (owner_client.post(f"/cases/{case.pk}/scans/new/", data) for _ in range(2))
    scan = Scan.objects.get()
    assert first.headers["Location"] == second.headers["Location"] == f"/cases/{case.pk}/scans/{scan.pk}/"
    assert scan.time_from == 1_699_920_000_000_000


def test_chosen_files_are_scanned_and_no_other(
    case: Case, evidence: Evidence, add_evidence: Any, owner_client: Client, form: Any
) -> None:
    other = add_evidence(log_bytes(3, program="other.exe"), "other.evtx")
    owner_client.post(f"/cases/{case.pk}/scans/new/", form(files="some", evidence=[other.pk]))
    assert list(Scan.objects.get().evidence.all()) == [other]


def test_the_page_of_a_scan_follows_it_to_its_end(
    case: Case, evidence: Evidence, owner_client: Client, form: Any, hx: Callable[..., HttpResponse]
) -> None:
    owner_client.post(f"/cases/{case.pk}/scans/new/", form())
    scan = Scan.objects.get()
    path = f"/cases/{case.pk}/scans/{scan.pk}/"
    waiting = owner_client.get(path).content.decode()
    assert "every 1s" in waiting
    assert "Waiting for a worker" in waiting
    assert "Cancel scan" in waiting
    going_on = hx(owner_client, "get", f"{path}progress/", target="scan")
    assert going_on.status_code == 200
    assert "<html" not in going_on.content.decode()
    do_all_work()
    over = hx(owner_client, "get", f"{path}progress/", target="scan")
    page = over.content.decode()
    assert over.status_code == 286
    assert "every 1s" not in page
    assert "Cancel scan" not in page
    for words in (
        "Finished",
        "12 <small>of 12</small>",
        "12: ",
        "12 high",
        "Manifest",
        "1 of 2",
        evidence.sha256,
    ):
        assert words in page
    assert f"?scan={scan.pk}&amp;rule=" in page
    listed = owner_client.get(f"/cases/{case.pk}/scans/").content.decode()
    assert f"?scan={scan.pk}" in listed
    hits = owner_client.get(f"/cases/{case.pk}/hits/").content.decode()
    assert "Tool started" in hits
    assert "tool.exe" in hits


def test_a_scan_over_a_damaged_log_lists_its_gaps(
    case: Case, add_evidence: Any, owner_client: Client, form: Any
) -> None:
    from tests.evtx_writer.damage import bad_magic

    content = bytearray(log_bytes(15))
    bad_magic(1)(content)
    add_evidence(bytes(content), "damaged.evtx")
    owner_client.post(f"/cases/{case.pk}/scans/new/", form())
    do_all_work()
    scan = Scan.objects.get()
    page = owner_client.get(f"/cases/{case.pk}/scans/{scan.pk}/").content.decode()
    assert bool(scan.gaps()) == ("could not be looked at" in page)
    for gap in scan.gaps():
        assert gap["reason"] in page


def test_a_member_cancels_a_scan_and_what_it_found_stays(
    case: Case, evidence: Evidence, analyst_client: Client, form: Any, hx: Callable[..., HttpResponse]
) -> None:
    analyst_client.post(f"/cases/{case.pk}/scans/new/", form())
    scan = Scan.objects.get()
    answer = hx(analyst_client, "post", f"/cases/{case.pk}/scans/{scan.pk}/cancel/", target="scan")
    assert "Cancelled" in answer.content.decode()
    scan.refresh_from_db()
    assert scan.is_over
    plain = analyst_client.post(f"/cases/{case.pk}/scans/{scan.pk}/cancel/")
    assert plain.headers["Location"] == f"/cases/{case.pk}/scans/{scan.pk}/"


def test_a_reader_cannot_start_or_cancel_but_watch(
    case: Case, evidence: Evidence, owner_client: Client, reader_client: Client, form: Any
) -> None:
    owner_client.post(f"/cases/{case.pk}/scans/new/", form())
    scan = Scan.objects.get()
    assert reader_client.get(f"/cases/{case.pk}/scans/new/").status_code == 403
    assert reader_client.post(f"/cases/{case.pk}/scans/new/", form()).status_code == 403
    assert reader_client.post(f"/cases/{case.pk}/scans/{scan.pk}/cancel/").status_code == 403
    page = reader_client.get(f"/cases/{case.pk}/scans/{scan.pk}/").content.decode()
    assert "Cancel scan" not in page
    assert Scan.objects.count() == 1


def test_strangers_find_no_scan(
    case: Case, evidence: Evidence, owner_client: Client, stranger_client: Client, form: Any
) -> None:
    owner_client.post(f"/cases/{case.pk}/scans/new/", form())
    scan = Scan.objects.get()
    for path in (
        "scans/",
        f"scans/{scan.pk}/",
        f"scans/{scan.pk}/progress/",
        "scans/new/",
        "scans/new/preflight/",
    ):
        assert stranger_client.get(f"/cases/{case.pk}/{path}").status_code == 404
    assert stranger_client.post(f"/cases/{case.pk}/scans/{scan.pk}/cancel/").status_code == 404


def test_the_token_is_sent_with_the_start_and_with_nothing_else(
    case: Case, evidence: Evidence, owner_client: Client, form: Any
) -> None:
    owner_client.handler.enforce_csrf_checks = True
    page = owner_client.get(f"/cases/{case.pk}/scans/new/").content.decode()
    carried = re.findall(r'<(\w+)[^>]*name="csrfmiddlewaretoken" value="(\w+)" formmethod="post"', page)
    assert [tag for tag, _ in carried] == ["button"]
    form_part = page[page.index('id="scan-form"') : page.index("</form>", page.index('id="scan-form"'))]
    assert form_part.count("csrfmiddlewaretoken") == 1
    path = f"/cases/{case.pk}/scans/new/"
    assert owner_client.post(path, form()).status_code == 403
    assert owner_client.post(path, form(csrfmiddlewaretoken=carried[0][1])).status_code == 302
