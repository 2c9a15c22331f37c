"""A correlation's window on the pages: the lane of a hit, and why another correlation is silent."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from rules_app.services import FoundFile, import_rules
from scans_app.models import Hit
from tests.scans.conftest import do_all_work, log_bytes

pytestmark = pytest.mark.django_db

CORRELATION = """title: Many tools
id: 7f3d5a0e-0000-4000-8000-0000000000c1
level: medium
correlation:
  type: event_count
  rules: [7f3d5a0e-0000-4000-8000-000000000001]
  group-by: [GROUP]
  timespan: 6s
  condition:
    gte: 3
"""


def plain(response) -> str:
    """The text of a page, without tags and line breaks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def scanned(rule_set, owner, add_evidence, start):
    """scanned(group) -> the finished scan of nine events with the correlation grouped by that field."""

    def scan(group: str):
        text = CORRELATION.replace("GROUP", group)
        import_rules([FoundFile("more.yml", text.encode())], rule_set, owner)
        started = start([add_evidence(log_bytes(12))])
        do_all_work()
        started.refresh_from_db()
        return started

    return scan


def test_a_hits_lane_says_what_was_asked_and_when_it_was_fulfilled(scanned, owner_client):
    hit = Hit.objects.filter(scan=scanned("Computer")).order_by("time").first()
    text = plain(owner_client.get(reverse("cases:hit", args=[hit.scan.case_id, hit.pk]), follow=True))
    assert "Asked for at least 3 events within 6 s; there were 3 , fulfilled at 22:13:26" in text
    assert "Grouped by Computer WS-0.example.org" in text


def test_a_hits_lane_says_why_the_next_events_fell_out(scanned, owner_client):
    hit = Hit.objects.filter(scan=scanned("Computer")).order_by("time").first()
    text = plain(owner_client.get(reverse("cases:hit", args=[hit.scan.case_id, hit.pk]), follow=True))
    assert "Too late. The next of the group came 3 s after the window's end:" in text
    assert "Another group. In time, but Computer is WS-1.example.org :" in text


def test_a_silent_correlation_is_named_with_its_cause_on_the_scans_page(scanned, owner_client):
    scan = scanned("CommandLine")
    text = plain(owner_client.get(reverse("cases:scan", args=[scan.case_id, scan.pk])))
    assert "Correlations without a hit" in text
    assert (
        "Its 12 matches fall into 12 groups by `CommandLine`. "
        "Without the grouping the value would be 7, and gte 3 is asked." in text
    )


def test_a_scan_whose_correlations_hit_lists_none_as_silent(scanned, owner_client):
    scan = scanned("Computer")
    text = plain(owner_client.get(reverse("cases:scan", args=[scan.case_id, scan.pk])))
    assert "Correlations without a hit" not in text
