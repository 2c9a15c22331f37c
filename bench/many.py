"""Many cases and scans: what each page costs with 10 cases and 30 scans, and with 300 and 1,000, a few hits each.

Run as `python -m bench.many` with SIGMAWEB_DATA (and DATABASE_URL for PostgreSQL) naming a place of its own. Told are
the SQL statements, the kilobytes and the median of this process's own time of the answers. Pages of a case are those of
the one with half of the scans.
"""

# ruff: noqa: I001 - bench.house sets Django up
from __future__ import annotations

import time
from statistics import median

from bench.house import House
from bench.inputs import print_load

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from rules_app.models import EventModel, EventModelVersion, RuleVersion
from scans_app.models import Case, Event, Evidence, Hit, Scan, ScanRule
from scans_app.models.hits import event_pk
from scans_app.services.cases import create_case

SIZES = ((10, 30), (300, 1_000))  # cases, scans: half of these in the first case
HITS = 5  # a scan
ROUNDS = 5
RULE = """\
title: Rule {number}
status: test
level: low
logsource:
  product: windows
  service: security
detection:
  selection:
    EventID: {number}
  condition: selection
"""


class Many:
    """The rows as scans would have written them."""

    def __init__(self) -> None:
        self.house = House()
        self.house.add_rules([RULE.format(number=number) for number in range(1, 51)])
        default = EventModel.objects.default()
        assert default is not None and default.current is not None
        self.model: EventModelVersion = default.current
        self.versions = list(RuleVersion.objects.select_related("rule")[:10])
        self.big = self.house.case
        self.files = {self.big.pk: self.add_file(self.big)}
        self.scan: Scan = self.add_scan(self.big)

    def grow(self, cases: int, scans: int) -> None:
        """Add cases and scans until there are so many."""
        while Case.objects.count() < cases:
            case = create_case(f"Case {Case.objects.count()}", "", self.house.user)
            self.files[case.pk] = self.add_file(case)
        others = list(Case.objects.exclude(pk=self.big.pk))
        while (count := Scan.objects.count()) < scans:
            self.scan = self.add_scan(self.big if count % 2 else others[count // 2 % len(others)])

    @staticmethod
    def add_file(case: Case) -> Evidence:
        """A file that was catalogued."""
        return Evidence.objects.create(
            case=case, name="bench.evtx", stored_name=f"{time.time_ns()}", kind="evtx", size=1_000_000, sha256="",
            stored_sha256="", stored_mtime_ns=0, chunk_count=15, chunk_size=65536, state=Evidence.State.CATALOGUED,
            events=1_000, first_time=1, last_time=2, computers=["WS-1"], channels=[["Security", 1_000]],
        )  # fmt: skip

    def add_scan(self, case: Case) -> Scan:
        """A scan that is over, with its rules and hits."""
        now, file = timezone.now(), self.files[case.pk]
        scan = Scan.objects.create(
            case=case, model_version=self.model, state=Scan.State.FINISHED, hits=HITS, events=1_000,
            created_by=self.house.user, started_at=now, finished_at=now, manifest={"rules": {"versions": []}},
        )  # fmt: skip
        scan.evidence.add(file)
        ScanRule.objects.bulk_create(
            ScanRule(scan=scan, position=place, rule_version=version, hits=int(place < HITS))
            for place, version in enumerate(self.versions)
        )
        facts = {"time": 1_700_000_000_000_000, "channel": "Security", "computer": "WS-1", "event_code": 1}
        for place, version in enumerate(self.versions[:HITS]):
            pk = event_pk(file.pk, 0, place)
            where = {"evidence": file, "chunk": 0, "position": place, **facts}
            Event.objects.get_or_create(id=pk, defaults={**where, "data": {"EventData": {}}})
            Hit.objects.create(
                scan=scan,
                rule=version.rule,
                rule_version=version,
                event_id=pk,
                title=version.rule.title,
                **where,
            )
        return scan

    def pages(self) -> dict[str, str]:
        """The addresses that are asked, by what they are."""
        case, scan = f"/cases/{self.big.pk}/", Scan.objects.filter(case=self.big).first()
        hit = Hit.objects.filter(scan=scan).first()
        assert scan is not None and hit is not None
        rule = self.versions[0].rule
        return {
            "cases": "/cases/",
            "case": case,
            "evidence": f"{case}evidence/",
            "scans": f"{case}scans/",
            "scan": f"{case}scans/{scan.pk}/",
            "new scan": f"{case}scans/new/",
            "hits": f"{case}hits/",
            "a hit": f"{case}hits/?hit={hit.pk}",
            "events": f"{case}events/",
            "library": "/rules/",
            "rule": rule.get_absolute_url(),
            "rule, editor": f"{rule.get_absolute_url()}edit/",
            "sets": "/rules/sets/",
            "models": "/models/",
        }


def main() -> None:
    """Print the table."""
    many = Many()
    print_load()
    print(f"{connection.vendor}; statements, kB, milliseconds of this process, for {SIZES[0]} and {SIZES[1]}")
    settings.ALLOWED_HOSTS = ["testserver"]
    measured = []
    for size in SIZES:
        many.grow(*size)
        measured.append({name: ask(many.house.user, url) for name, url in many.pages().items()})
    for name, before in measured[0].items():
        after = measured[1][name]
        print(
            f"{name:14} {before[0]:4} {before[1]:6.0f} {before[2]:7.1f}    {after[0]:4} {after[1]:6.0f} {after[2]:7.1f}"
        )


def ask(user: User, url: str) -> tuple[int, float, float]:
    """Statements, kB and milliseconds of an answer."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url, follow=True)
    statements = len(queries)  # the next request empties the log
    assert answer.status_code == 200, (url, answer.status_code)
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        client.get(url, follow=True)
        times.append((time.process_time() - began) * 1000)
    return statements, len(answer.content) / 1000, median(times)


if __name__ == "__main__":
    main()
