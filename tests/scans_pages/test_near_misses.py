"""The near misses of a rule over a case, as a person asks for them."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from rules_app.models import Rule
from rules_app.services import FoundFile, import_rules
from scans_app.models import NearSearch
from scans_app.services import near_misses
from tests.scans.conftest import log_bytes

pytestmark = pytest.mark.django_db

TEXT = """title: Tool or other of one person
id: 7f3d5a0e-0000-4000-8000-00000000000a
logsource:
  category: process_creation
  product: windows
detection:
  program:
    Image|endswith: '\\wanted.exe'
  person:
    User: 'EXAMPLE\\user1'
  condition: program and person
level: low
"""


@pytest.fixture
def rule(rule_set, owner) -> Rule:
    import_rules([FoundFile("near.yml", TEXT.encode())], rule_set, owner)
    return Rule.objects.get(path="near.yml")


@pytest.fixture
def address(case, rule, add_evidence) -> str:
    """The page of the rule's near misses in a case with twelve process starts, of which two are user1's."""
    add_evidence(log_bytes(12))
    return reverse("cases:near", args=[case.pk, rule.pk])


def plain(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def search(client, address: str, do: str = "start"):
    """Ask as the form does, and go on until it is over; the page."""
    client.post(address, {"do": do})
    while (found := NearSearch.objects.first()) and not found.is_over:
        client.post(address, {"do": "go_on", "search": found.pk})
    return client.get(address)


def test_before_it_begins_the_page_says_what_a_search_costs(owner_client, address):
    text = plain(owner_client.get(address))
    assert "The case holds 12 events of the rule's log source." in text
    assert NearSearch.objects.count() == 0


def test_events_that_one_clause_kept_out_stand_under_the_clause_with_what_was_there(owner_client, address):
    text = plain(search(owner_client, address))
    assert "3 events were one clause away. Looked at 12 of 12 events of its log source." in text
    assert "Image|endswith: \\wanted.exe of program , line 8" in text
    assert "Failed in 3 events ; everything else was as the rule wants it." in text
    assert "C:\\Program Files\\tool.exe 3" in text


def test_a_value_widens_the_clause_in_the_editor_and_nothing_is_saved(owner_client, address, rule):
    search(owner_client, address)
    asked = {"selection": "program", "number": 0, "value": "C:\\Program Files\\tool.exe"}
    page = owner_client.post(reverse("rules:widen", args=[rule.pk]), asked)
    assert "- &#x27;\\tool.exe&#x27;" in page.content.decode()
    shown = page.context["form"].initial["text"].splitlines()
    line = next(number for number, said in enumerate(shown, 1) if "\\tool.exe" in said)
    assert f"takes one more value: see line {line}." in page.content.decode()
    rule.refresh_from_db()
    assert rule.versions.count() == 1


def test_a_clause_that_cannot_be_widened_leads_to_the_editor_with_the_reason(owner_client, rule):
    asked = {"selection": "nothing", "number": 0, "value": "x"}
    page = owner_client.post(reverse("rules:widen", args=[rule.pk]), asked, follow=True)
    assert "This clause cannot be made wider by one value" in plain(page)


def test_a_search_goes_on_over_many_requests_and_counts_each_event_once(owner, case, rule, add_evidence):
    add_evidence(log_bytes(12))
    found = near_misses.start_search(case, rule.current, owner, sample=0)
    slices = []
    while not found.is_over:
        near_misses.go_on(found, seconds=0)  # one chunk, which holds five events
        slices.append(found.looked_at)
    assert slices == [5, 10, 12, 12]  # the last request finds nothing more to read
    assert found.near == 3


def test_a_slice_that_two_ask_for_is_counted_once(owner_client, address):
    owner_client.post(address, {"do": "start"})
    found = NearSearch.objects.get()
    NearSearch.objects.filter(pk=found.pk).update(
        is_over=False, file=0, chunk=0, tried=0, looked_at=0, near=0
    )
    one, other = NearSearch.objects.get(), NearSearch.objects.get()
    near_misses.go_on(one)
    near_misses.go_on(other)
    assert NearSearch.objects.get().tried == 12


def test_a_rule_that_no_log_source_serves_says_so(owner_client, case, rule_set, owner):
    text = TEXT.replace("process_creation", "no_such_category")
    import_rules([FoundFile("lost.yml", text.encode())], rule_set, owner)
    lost = Rule.objects.get(path="lost.yml")
    page = owner_client.get(reverse("cases:near", args=[case.pk, lost.pk]))
    assert "The model has no log source for" in plain(page)


def test_a_sample_stops_the_search_and_offers_the_rest(owner_client, address, monkeypatch):
    monkeypatch.setattr(NearSearch, "SAMPLE", 5)
    text = plain(search(owner_client, address))
    assert "Looked at 5 of 12 events of its log source, a sample" in text
    assert "Look at all events" in text
    assert "Looked at 12 of 12 events" in plain(search(owner_client, address, "all"))
