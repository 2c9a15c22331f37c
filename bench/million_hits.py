"""A million hits on 600,000 events, as a scan would have written them: what `bench.pages` asks.

They are made once in the database that SIGMAWEB_DATA or DATABASE_URL names, and kept there.
"""

from __future__ import annotations

import os
import random
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sigmaweb.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from rules_app.models import EventModel, EventModelVersion, Rule, RuleSet, RuleVersion  # noqa: E402
from scans_app.models import Case, Event, Evidence, Hit, Scan  # noqa: E402
from scans_app.models.hits import event_pk  # noqa: E402
from scans_app.services.hit_groups import group_hits  # noqa: E402

HITS, EVENTS, RULES, COMPUTERS, CHUNK = 1_000_000, 600_000, 400, 300, 200
BATCH = 5_000
VERDICTS = ("", "", "", "", "", "", "", "", "benign", "true_positive")


def million_hits() -> Scan:
    """The scan that has them, grouped; made where it is not there."""
    call_command("migrate", verbosity=0)
    scan = Scan.objects.filter(hits=HITS).first() or build()
    began = time.perf_counter()
    group_hits(scan.pk)
    scan.refresh_from_db()
    print(f"{scan.hit_groups.count():,} groups, made in {time.perf_counter() - began:.1f} s")
    return scan


def build() -> Scan:
    """Write the rows, in batches as workers do."""
    began = time.perf_counter()
    rng = random.Random(7)  # the same rows every time
    scan, rules, evidence = _head()
    for start in range(0, HITS, BATCH):
        hits = [_hit(number, rng, scan, rules, evidence) for number in range(start, start + BATCH)]
        events = {hit.event_id: _event(hit, rng) for hit in hits}
        with transaction.atomic():
            Event.objects.bulk_create(events.values(), ignore_conflicts=True, batch_size=500)
            Hit.objects.bulk_create(hits, batch_size=500)
    Scan.objects.filter(pk=scan.pk).update(hits=HITS, state=Scan.State.FINISHED)
    seconds = time.perf_counter() - began
    print(f"wrote {HITS:,} hits in {seconds:.0f} s, {HITS / seconds:,.0f} a second")
    return Scan.objects.get(pk=scan.pk)


def _head() -> tuple[Scan, list[RuleVersion], Evidence]:
    now = django.utils.timezone.now()
    user = User.objects.create(username=f"bench-{time.time()}")
    model = EventModel.objects.create(name=f"Bench {time.time()}")
    model_version = EventModelVersion.objects.create(
        model=model, number=1, text="", sha256="", created_at=now
    )
    rule_set = RuleSet.objects.create(name=f"Bench {time.time()}")
    versions = []
    for number in range(RULES):
        rule = Rule.objects.create(
            rule_set=rule_set, path=f"{number}.yml", title=f"Rule {number} of the bench", level=number % 5 + 1,
            updated_at=now,
        )  # fmt: skip
        versions.append(RuleVersion.objects.create(rule=rule, number=1, text="", sha256="", created_at=now))
    case = Case.objects.create(name="Bench", created_by=user)
    evidence = Evidence.objects.create(
        case=case, name="bench.evtx", stored_name=f"{time.time()}", kind="evtx", size=1, sha256="", stored_sha256="",
        stored_mtime_ns=0, chunk_count=1, chunk_size=65536,
    )  # fmt: skip
    return Scan.objects.create(case=case, model_version=model_version), versions, evidence


def _hit(number: int, rng: random.Random, scan: Scan, rules: list[RuleVersion], evidence: Evidence) -> Hit:
    place = number * EVENTS // HITS
    # A few rules make most of the hits, as in real logs; two rules of one event are never the same.
    rule = rules[(int(rng.paretovariate(0.7)) * 2 + number % 2) % RULES]
    chunk, position = divmod(place, CHUNK)
    return Hit(
        scan=scan, rule_id=rule.rule_id, rule_version=rule, event_id=event_pk(evidence.pk, chunk, position),
        evidence=evidence, chunk=chunk, position=position, time=1_700_000_000_000_000 + place * 1_000_000,
        level=rule.rule.level, title=rule.rule.title, computer=f"WS-{place * 7 % COMPUTERS}.example.org",
        channel=("Security", "System", "Microsoft-Windows-Sysmon/Operational")[place % 3],
        event_code=(1, 3, 7, 4624, 4688)[place % 5], user=f"EXAMPLE\\user{place * 13 % 900}",
        details=f"Started number {place}", verdict=VERDICTS[number % 10],
    )  # fmt: skip


def _event(hit: Hit, rng: random.Random) -> Event:
    data = {
        "System": {"EventID": {"Value": hit.event_code}, "Channel": hit.channel, "Computer": hit.computer},
        "EventData": {
            "Image": f"C:\\Windows\\System32\\program{hit.position * 31 % 2_000}.exe",
            "CommandLine": f"program.exe --number {hit.position} " + "x" * 300,
            "ParentImage": "C:\\Windows\\explorer.exe", "User": hit.user,
            "Hashes": f"SHA256={rng.getrandbits(256):064X}",
        },
    }  # fmt: skip
    return Event(
        id=hit.event_id, evidence_id=hit.evidence_id, chunk=hit.chunk, position=hit.position, time=hit.time,
        record_id=hit.chunk * CHUNK + hit.position, channel=hit.channel, computer=hit.computer, provider="Bench",
        event_code=hit.event_code, user=hit.user, data=data,
    )  # fmt: skip


if __name__ == "__main__":
    million_hits()
