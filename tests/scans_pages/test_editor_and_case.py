"""What the rule editor knows of the case that its author works with: which one it is, its counts, its near misses."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.scans.conftest import log_bytes
from tests.scans_pages.test_trying import RULE, begin, follow

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from rules_app.models import Rule
    from scans_app.models import Case, Evidence, Scan

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model_version")]

FILTER = """\
title: Tools of the harbour
id: 7f3d5a0e-0000-4000-8000-0000000000ff
logsource:
    product: windows
filter:
    rules: any
    selection:
        User|endswith: '\\user1'
    condition: not selection
"""


@pytest.fixture
def newer_case(evidence: Evidence, owner: User) -> Case:
    """A case of later than `case`, with a file of its own."""
    from scans_app.models import Evidence
    from scans_app.services.cases import create_case

    newer = create_case("Newer", "", owner)
    copy = Evidence.objects.get(pk=evidence.pk)
    copy.pk, copy.case, copy.stored_name = None, newer, "copy.evtx"
    copy.save()
    return newer


@pytest.fixture
def pin_of_case(case: Case, evidence: Evidence, owner_client: Client) -> str:
    """The key of an event of `case` that the owner pinned without a rule."""
    from rules_app.models import PinnedEvent

    owner_client.post(f"/cases/{case.pk}/pin/", {"event": f"{evidence.pk}:0:1"})
    return str(PinnedEvent.objects.get().pk)


@pytest.fixture
def tuned(rule_set: Any) -> Rule:
    """A published global filter that takes away what user1 does."""
    from rules_app.services import FoundFile, import_rules

    import_rules([FoundFile("filter.yml", FILTER.encode())], rule_set, None)
    return rule_set.rules.get(path="filter.yml")


def offered(client: Client, rule: str = "", case: str = "") -> list[str]:
    """The names of the cases that a text can be tried on, the chosen one first."""
    page = client.get("/cases/trials/", {"rule": rule, "case": case}).content.decode()
    return re.findall(r'<optgroup label="([^"]+)"', page)


def test_trying_begins_with_the_case_that_the_pinned_events_come_from(
    pin_of_case: str, case: Case, newer_case: Case, owner_client: Client
) -> None:
    assert offered(owner_client) == [case.name, newer_case.name]


def test_trying_begins_with_the_case_of_the_last_own_scan_when_nothing_is_pinned(
    scan: Scan, case: Case, newer_case: Case, owner: User, owner_client: Client
) -> None:
    from scans_app.models import Scan

    assert Scan.objects.get().created_by == owner
    assert offered(owner_client) == [case.name, newer_case.name]


def test_trying_begins_with_the_case_of_the_address_else_with_the_newest(
    evidence: Evidence, case: Case, newer_case: Case, owner_client: Client
) -> None:
    assert offered(owner_client) == [newer_case.name, case.name]
    assert offered(owner_client, case=str(case.pk)) == [case.name, newer_case.name]


def test_fields_are_counted_in_the_case_that_one_works_with_until_one_says_none(
    pin_of_case: str, case: Case, newer_case: Case, owner_client: Client
) -> None:
    chosen = re.compile(r'<option value="(\d+)"[^>]* selected>')
    assert chosen.findall(owner_client.get("/cases/choice/").content.decode()) == [str(case.pk)]
    assert chosen.findall(owner_client.get("/cases/choice/?case=0").content.decode()) == []


def test_hints_in_the_editor_count_in_the_case_of_the_event(pin_of_case: str, owner_client: Client) -> None:
    sent = {"text": RULE.replace("Image|endswith", "Hashes|contains"), "rule_set": "", "pin": pin_of_case}
    page = html.unescape(owner_client.post("/cases/explain/", sent).content.decode())
    assert "None of the 12 events of 1 in this case has the field." in page


def test_of_a_case_that_one_may_not_see_nothing_is_counted(
    pin_of_case: str, case: Case, owner: User, owner_client: Client, stranger: User
) -> None:
    from rules_app.models import PinnedEvent
    from scans_app.services.cases import create_case

    other = create_case("Another's", "", stranger)
    PinnedEvent.objects.update(origin={"case": other.pk})
    sent = {"text": RULE.replace("Image|endswith", "Hashes|contains"), "rule_set": "", "pin": pin_of_case}
    page = owner_client.post("/cases/explain/", sent | {"case": str(other.pk)}).content.decode()
    assert "The text does not match this event" in page
    assert "in this case" not in page


def test_a_trial_counts_apart_what_a_global_filter_takes_away(
    tuned: Rule, case: Case, evidence: Evidence, owner_client: Client
) -> None:
    page, _ = follow(owner_client, begin(owner_client, f"{case.pk}"))
    assert "<b>9 hits</b>" in page
    assert "3 more hits are taken away by the global filter <b>Tools of the harbour</b>" in page


def test_a_filter_that_scans_leave_out_takes_nothing_away_in_a_trial(
    tuned: Rule, case: Case, evidence: Evidence, owner_client: Client
) -> None:
    from rules_app.services import set_enabled

    set_enabled(tuned, enabled=False)
    page, _ = follow(owner_client, begin(owner_client, f"{case.pk}"))
    assert "<b>12 hits</b>" in page


def test_a_dot_keeps_the_rules_own_verdict_and_names_the_filter_that_a_scan_would_ask(
    tuned: Rule, pin_of_case: str, owner_client: Client
) -> None:
    sent = {"text": RULE, "rule_set": "", "pin": pin_of_case}
    page = owner_client.post("/rules/dots/", sent).content.decode()
    assert "1 of 1 hit" in page
    assert "1 taken away in a scan by Tools of the harbour" in page
    why = owner_client.post("/cases/explain/", sent).content.decode()
    assert "A scan does not have this hit: the global filter Tools of the harbour takes it away." in why


def test_widening_from_a_near_miss_opens_the_editor_at_the_clause_with_the_event_chosen(
    case: Case, add_evidence: Callable[..., Evidence], rule_set: Any, owner: User, owner_client: Client
) -> None:
    from rules_app.models import PinnedEvent

    file = add_evidence(log_bytes(12))
    rule = rule_set.rules.get(path="other.yml")
    owner_client.post("/rules/pins/add/", {"text": "", "rule": rule.pk, "json": '{"EventData": {}}'})
    asked = {"selection": "selection", "number": 0, "value": "C:\\tool.exe", "event": f"{file.pk}:1:2"}
    answer = owner_client.post(f"/cases/{case.pk}/near/{rule.pk}/widen/", asked)
    assert answer.status_code == 307
    page = owner_client.post(answer.headers["Location"], asked).content.decode()
    pin = PinnedEvent.objects.get(rule=rule, owner=owner, origin__evidence=file.pk)
    assert (pin.origin["chunk"], pin.origin["position"]) == (1, 2)
    assert re.search(rf'value="{pin.pk}"[^>]* checked', page)
    line = int(re.search(r'data-caret-line="(\d+)"', page)[1])
    text = html.unescape(re.search(r"<textarea[^>]*id=\"id_text\"[^>]*>\n(.*?)</textarea>", page, re.S)[1])
    assert text.splitlines()[line - 1].strip() == "- '\\tool.exe'"
    assert f"?case={case.pk}" in page
