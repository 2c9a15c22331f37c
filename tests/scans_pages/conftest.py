"""A case with its cast, and hits in it: made as rows here, because most tests are about what a page does with
them; `test_scan_pages` has its hits from a real scan of a real file."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.scans.conftest import (  # noqa: F401 (fixtures)
    add_evidence,
    case,
    log_bytes,
    model_version,
    no_scanner_of_another_test,
    process_event,
    rule_set,
    start,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from scans_app.models import Case, Evidence, Hit, Scan

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert('é')</script>{{ 7|add:7 }}"
DAY = 86_400_000_000  # microseconds
FIRST_TIME = 1_700_000_000_000_000


@pytest.fixture
def reader_client(case: Case, teammate: User, client_of: Callable[..., Client]) -> Client:  # noqa: F811
    """A member of the case who may only read."""
    from scans_app.services.cases import add_member

    add_member(case, teammate, "reader")
    return client_of(teammate)


@pytest.fixture
def analyst_client(case: Case, make_user: Callable[..., User], client_of: Callable[..., Client]) -> Client:  # noqa: F811
    """A member of the case who works in it."""
    from scans_app.services.cases import add_member

    analyst = make_user("anna")
    add_member(case, analyst, "analyst")
    return client_of(analyst)


@pytest.fixture
def evidence(add_evidence: Callable[..., Evidence]) -> Evidence:  # noqa: F811
    """A catalogued log of twelve process starts."""
    return add_evidence(log_bytes(12), "WS.evtx")


@pytest.fixture
def scan(start: Callable[..., Scan], evidence: Evidence) -> Scan:  # noqa: F811
    """A scan that is over and whose hits the test makes itself."""
    from scans_app.models import Scan

    scan = start([evidence])
    Scan.objects.filter(pk=scan.pk).update(state=Scan.State.FINISHED)
    scan.refresh_from_db()
    return scan


@pytest.fixture
def make_hit(scan: Scan, evidence: Evidence) -> Callable[..., Hit]:
    """make_hit(computer="WS-1", data={..}) -> a hit of the scan, each of an event of its own."""
    from scans_app.models import Event, Hit, Scan
    from scans_app.models.hits import event_pk

    version = scan.rules.first() or _first_version()

    def make(**facts: Any) -> Hit:
        position = Hit.objects.count()
        data = facts.pop("data", process_event(position))
        columns = {
            "time": FIRST_TIME + position * 1_000_000,
            "channel": "Security",
            "computer": "WS-1",
            "event_code": 4688,
            "user": "EXAMPLE\\olivia",
        } | {
            name: facts.pop(name)
            for name in ("time", "channel", "computer", "event_code", "user")
            if name in facts
        }
        pk = event_pk(evidence.pk, 0, position)
        event = Event.objects.create(
            id=pk, evidence=evidence, chunk=0, position=position, record_id=position, data=data, **columns
        )
        rule_version = facts.pop("rule_version", version)
        given = {"level": 4, "title": rule_version.rule.title, "details": "Image: tool.exe"} | facts
        hit = Hit.objects.create(
            scan=scan,
            rule=rule_version.rule,
            rule_version=rule_version,
            event=event,
            evidence=evidence,
            chunk=0,
            position=position,
            **columns,
            **given,
        )
        Scan.objects.filter(pk=scan.pk).update(hits=Hit.objects.count())
        return hit

    return make


def _first_version() -> Any:
    from rules_app.models import RuleVersion

    return RuleVersion.objects.order_by("pk").first()


def titles(response: Any) -> list[str]:
    """The rules of the rows of a hits page, in order."""
    return re.findall(r'class="hit-rule"><a [^>]*title="([^"]*)"', response.content.decode())


def rows(response: Any) -> list[int]:
    """The keys of the hits of a hits page, in order."""
    return [
        int(pk) for pk in re.findall(r'data-hit="(\d+)"[^>]*>\s*<tr class="hit">', response.content.decode())
    ]


@pytest.fixture(autouse=True)
def no_answer_of_another_test() -> None:
    """Stacks and histograms are kept by scan, and primary keys begin again in each test."""
    from django.core.cache import cache

    cache.clear()
