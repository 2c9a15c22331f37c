"""Trying a text on evidence while it is written: what it hits, how much of a log source, and when it stops."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.scans.conftest import log_bytes

if TYPE_CHECKING:
    from django.test import Client

    from scans_app.models import Case, Evidence, Trial

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model_version")]

RULE = """\
title: A tool was started
logsource: {category: process_creation, product: windows}
detection:
  selection: {Image|endswith: '\\tool.exe'}
  condition: selection
"""


def begin(client: Client, on: str, text: str = RULE, status: int = 200) -> str:
    """Begin a trial; gives what htmx gets."""
    response = client.post("/cases/trials/start/", {"text": text, "rule_set": "", "on": on})
    assert response.status_code == status
    return response.content.decode()


def follow(client: Client, page: str) -> tuple[str, int]:
    """Ask for slices as the page does until it is over; gives the last page and how often it asked."""
    asked = 0
    while (next_slice := re.search(r'hx-post="(/cases/\d+/trials/\d+/)" hx-trigger="load', page)) is not None:
        page, asked = client.post(next_slice[1]).content.decode(), asked + 1
        assert asked < 100
    return page, asked


@pytest.fixture
def last_trial() -> Callable[[], Trial]:
    from scans_app.models import Trial

    return lambda: Trial.objects.order_by("-pk")[0]


def test_all_hits_of_a_case_are_counted_with_the_events_of_the_log_source(
    case: Case, evidence: Evidence, owner_client: Client, last_trial: Callable[[], Trial]
) -> None:
    page, _ = follow(owner_client, begin(owner_client, f"{case.pk}"))
    assert "12 hits" in page
    assert "100 % of the 12 events of its log source" in page
    trial = last_trial()
    assert (trial.state, trial.hits, sum(trial.bins), len(trial.samples)) == ("finished", 12, 12, 12)


def test_each_hit_leads_to_its_event_in_the_evidence(
    case: Case, evidence: Evidence, owner_client: Client
) -> None:
    page, _ = follow(owner_client, begin(owner_client, f"{case.pk}"))
    link = re.search(rf'href="(/cases/{case.pk}/evidence/{evidence.pk}/events/0/0/)"', page)
    assert link is not None
    assert owner_client.get(link[1]).status_code == 200


def test_a_trial_goes_on_where_the_last_slice_ended_and_finds_what_one_slice_finds(
    case: Case,
    add_evidence: Callable[..., Evidence],
    owner_client: Client,
    last_trial: Callable[[], Trial],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from scans_app.services import rule_run

    monkeypatch.setattr(rule_run.RuleRun.go_on, "__defaults__", (0.0,))  # a chunk a slice
    add_evidence(log_bytes(12), "one.evtx")
    add_evidence(log_bytes(7, program="other.exe"), "two.evtx")
    add_evidence(log_bytes(11, Note="2"), "three.evtx")
    _, asked = follow(owner_client, begin(owner_client, f"{case.pk}"))
    trial = last_trial()
    assert asked > 5
    assert (trial.events, trial.hits, trial.events_done) == (30, 23, 30)


def test_only_the_chosen_file_is_read(
    case: Case, add_evidence: Callable[..., Evidence], owner_client: Client, last_trial: Callable[[], Trial]
) -> None:
    add_evidence(log_bytes(12), "one.evtx")
    chosen = add_evidence(log_bytes(3, Note="2"), "two.evtx")
    follow(owner_client, begin(owner_client, f"{case.pk}:{chosen.pk}"))
    assert last_trial().hits == 3


def test_chunks_in_which_the_rule_cannot_match_are_not_read(
    case: Case, evidence: Evidence, owner_client: Client, last_trial: Callable[[], Trial]
) -> None:
    dns = RULE.replace("process_creation", "dns_query").replace("Image|endswith", "QueryName|endswith")
    follow(owner_client, begin(owner_client, f"{case.pk}", dns))
    trial = last_trial()
    assert (trial.state, trial.events, trial.events_done) == ("finished", 0, 12)


def test_a_rule_that_hits_much_of_its_log_source_is_called_noise_with_the_value_that_makes_it(
    case: Case, add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    add_evidence(log_bytes(120), "one.evtx")
    page, _ = follow(owner_client, begin(owner_client, f"{case.pk}"))
    assert "note-warn" in page
    assert "120 hits, 100 % of the events of this log source" in page
    assert re.search(r"One value of Image makes 100 %: <code>[^<]*tool.exe</code>", page)


def test_a_trial_stops_at_its_limit_and_says_so(
    case: Case, evidence: Evidence, owner_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scans_app.services import trying

    monkeypatch.setattr(trying, "EVENTS_READ", 5)
    page, _ = follow(owner_client, begin(owner_client, f"{case.pk}"))
    assert "Stopped at the limit of 5 events read" in page


def test_a_trial_that_was_stopped_keeps_what_it_found_and_reads_no_more(
    case: Case, evidence: Evidence, owner_client: Client, last_trial: Callable[[], Trial]
) -> None:
    from scans_app.models import Trial

    begin(owner_client, f"{case.pk}")
    trial = last_trial()
    Trial.objects.filter(pk=trial.pk).update(state="running", file=0, chunk=0)
    address = f"/cases/{case.pk}/trials/{trial.pk}/"
    assert "Cancelled" in owner_client.post(f"{address}cancel/").content.decode()
    owner_client.post(address)
    trial.refresh_from_db()
    assert (trial.state, trial.hits) == ("cancelled", 12)


def test_of_two_requests_for_one_slice_only_one_counts(
    case: Case, evidence: Evidence, owner_client: Client, last_trial: Callable[[], Trial]
) -> None:
    from scans_app.models import Trial
    from scans_app.services.trying import move_on

    begin(owner_client, f"{case.pk}")
    Trial.objects.update(state="running", file=0, chunk=0, hits=0, events=0)
    one, other = last_trial(), last_trial()
    move_on(one)
    assert move_on(other).hits == 12


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("title: [", "Line 1"), (RULE.replace("windows", "vax"), "no log source"), ("", "no rule")],
)
def test_a_text_that_cannot_be_asked_starts_nothing(
    case: Case, evidence: Evidence, owner_client: Client, text: str, sentence: str
) -> None:
    from scans_app.models import Trial

    assert sentence in begin(owner_client, f"{case.pk}", text, 422)
    assert not Trial.objects.exists()


def test_a_stranger_cannot_try_on_a_case_and_is_not_offered_it(
    case: Case, evidence: Evidence, stranger_client: Client, owner_client: Client
) -> None:
    begin(stranger_client, f"{case.pk}", status=404)
    assert case.name not in stranger_client.get("/cases/trials/").content.decode()
    assert case.name in owner_client.get("/cases/trials/").content.decode()


def test_a_readers_trial_is_seen_by_nobody_else(
    case: Case,
    evidence: Evidence,
    reader_client: Client,
    analyst_client: Client,
    last_trial: Callable[[], Trial],
) -> None:
    begin(reader_client, f"{case.pk}")
    address = f"/cases/{case.pk}/trials/{last_trial().pk}/"
    assert reader_client.post(address).status_code == 200
    assert analyst_client.post(address).status_code == 404


def test_a_person_keeps_only_the_last_few_trials(
    case: Case, evidence: Evidence, owner_client: Client
) -> None:
    from scans_app.models import Trial
    from scans_app.services.trying import KEPT_A_PERSON

    for _ in range(KEPT_A_PERSON + 3):
        begin(owner_client, f"{case.pk}")
    assert Trial.objects.count() == KEPT_A_PERSON


# --- pins from a case


def test_events_and_hits_are_pinned_whole_with_where_they_come_from(
    case: Case, evidence: Evidence, owner_client: Client, make_hit: Callable[..., object]
) -> None:
    from rules_app.models import PinnedEvent

    make_hit()
    hit = make_hit()  # the second event of the file
    sent = {
        "event": [f"{evidence.pk}:0:3", f"{evidence.pk}:0:3"],
        "hit": hit.pk,
        "next": f"/cases/{case.pk}/hits/",
    }
    response = owner_client.post(f"/cases/{case.pk}/pin/", sent)
    assert response.headers["Location"] == sent["next"]
    pins = list(PinnedEvent.objects.all())
    places = [(pin.origin["evidence"], pin.origin["chunk"], pin.origin["position"]) for pin in pins]
    assert places == [(evidence.pk, 0, 3), (evidence.pk, 0, 1)]
    assert pins[0].origin["evidence_sha256"] == evidence.sha256
    assert pins[0].file_name == evidence.name
    assert pins[0].event["System"]["EventID"]["Value"] == 1


def test_an_event_becomes_a_test_of_a_rule_at_once(
    case: Case, evidence: Evidence, owner_client: Client, make_hit: Callable[..., object]
) -> None:
    hit = make_hit()
    sent = {"hit": hit.pk, "rule": hit.rule_id, "expected": "miss"}
    owner_client.post(f"/cases/{case.pk}/pin/", sent)
    (test,) = hit.rule.tests.all()
    assert (test.must_hit, test.origin["case"]) == (False, case.pk)


@pytest.mark.parametrize("place", ["0:0:0", "{evidence}:99:0", "{evidence}:0:4000"])
def test_an_event_that_the_case_does_not_have_is_not_pinned(
    case: Case, evidence: Evidence, owner_client: Client, place: str
) -> None:
    from rules_app.models import PinnedEvent

    sent = {"event": place.format(evidence=evidence.pk)}
    page = owner_client.post(f"/cases/{case.pk}/pin/", sent, follow=True).content.decode()
    assert "toast-bad" in page
    assert not PinnedEvent.objects.exists()


def test_pins_lead_to_no_foreign_address(case: Case, evidence: Evidence, owner_client: Client) -> None:
    sent = {"event": f"{evidence.pk}:0:0", "next": "https://elsewhere.example/"}
    response = owner_client.post(f"/cases/{case.pk}/pin/", sent)
    assert response.headers["Location"] == case.get_absolute_url()


def test_a_file_that_is_gone_from_the_disk_is_told_and_the_others_are_read(
    case: Case, add_evidence: Callable[..., Evidence], owner_client: Client, last_trial: Callable[[], Trial]
) -> None:
    gone = add_evidence(log_bytes(12), "gone.evtx")
    add_evidence(log_bytes(3, Note="2"), "there.evtx")
    gone.path.unlink()
    page, _ = follow(owner_client, begin(owner_client, f"{case.pk}"))
    assert (last_trial().state, last_trial().hits) == ("finished", 3)
    assert "gone.evtx: the stored file can&#x27;t be read" in page
    assert str(gone.path) not in page


def test_what_a_text_calls_its_fields_is_kept_as_any_database_takes_it(
    case: Case, evidence: Evidence, owner_client: Client, last_trial: Callable[[], Trial]
) -> None:
    text = RULE.replace("selection: {Image", 'selection: {"No\\0ne": null, Image')
    follow(owner_client, begin(owner_client, f"{case.pk}", text))
    assert last_trial().hits == 12
    assert not any("\0" in field for field in last_trial().values)
