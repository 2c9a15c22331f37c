"""A scan's share of a core: the rests that a worker takes, and what they leave as it was."""

from __future__ import annotations

import pytest

from scans_app.models import Scan
from scans_app.services import units
from scans_app.services.cpu_share import LONGEST_REST, CpuShare
from tests.scans.conftest import do_all_work, hits_of, log_bytes


class Machine:
    """Clocks of a machine on which nothing happens unless a test says so."""

    def __init__(self) -> None:
        self.used, self.now, self.rests = 0.0, 0.0, []

    def work(self, used: float, waited: float = 0.0) -> None:
        """Compute for so long, and wait (for a disk, another process) for so long."""
        self.used += used
        self.now += used + waited

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds

    def share(self, percent: int) -> CpuShare:
        return CpuShare(percent, used=lambda: self.used, clock=lambda: self.now, rest=self.rest)


@pytest.mark.parametrize("percent", [5, 25, 50, 80])
def test_a_worker_computes_for_its_share_of_the_time(percent):
    machine = Machine()
    share = machine.share(percent)
    for piece in range(200):
        machine.work(0.004 + piece % 7 * 0.003)
        share.keep()
    assert machine.used / machine.now == pytest.approx(percent / 100, rel=0.1)


def test_time_that_was_waited_counts_as_rest():
    machine = Machine()
    share = machine.share(50)
    machine.work(0.2, waited=0.2)
    share.keep()
    assert machine.rests == []


def test_the_whole_core_takes_no_rest():
    machine = Machine()
    share = machine.share(100)
    machine.work(3.0)
    share.keep()
    assert machine.rests == []


def test_a_long_piece_is_rested_for_in_parts():
    machine = Machine()
    share = machine.share(10)
    machine.work(1.0)
    for _ in range(9):
        share.keep()
    assert machine.rests == [pytest.approx(LONGEST_REST)] * 9


@pytest.mark.django_db
def test_a_scan_with_a_share_rests_after_each_chunk_and_finds_the_same(add_evidence, start, monkeypatch):
    evidence = [add_evidence(log_bytes(30))]
    whole = start(evidence)
    do_all_work()
    shares = []

    class Watched(CpuShare):
        def __init__(self, percent: int) -> None:
            super().__init__(percent, rest=lambda seconds: None)
            shares.append([percent, 0])

        def keep(self) -> None:
            shares[-1][1] += 1
            super().keep()

    monkeypatch.setattr(units, "CpuShare", Watched)
    scan = start(evidence, cpu_share=20)
    do_all_work()
    scan.refresh_from_db()
    assert (scan.state, scan.cpu_share, scan.manifest["cpu_share"]) == (Scan.State.FINISHED, 20, 20)
    assert shares == [[20, 6]]
    assert [hit[1:] for hit in hits_of(scan)] == [hit[1:] for hit in hits_of(whole)]


@pytest.mark.django_db
@pytest.mark.parametrize(("typed", "share"), [("", 100), ("35", 35)])
def test_the_form_gives_the_share(client, owner, case, add_evidence, rule_set, model_version, typed, share):
    add_evidence(log_bytes(5))
    client.force_login(owner)
    sent = {"key": "7f3d5a0e-0000-4000-8000-000000000009", "files": "all", "model": model_version.model_id}
    answer = client.post(f"/cases/{case.pk}/scans/new/", sent | {"cpu_share": typed})
    assert answer.status_code == 302, answer.content.decode()[:2000]
    assert Scan.objects.get().cpu_share == share


@pytest.mark.django_db
def test_a_share_of_nothing_is_refused(client, owner, case, add_evidence, model_version):
    add_evidence(log_bytes(5))
    client.force_login(owner)
    sent = {"key": "7f3d5a0e-0000-4000-8000-000000000009", "files": "all", "model": model_version.model_id}
    answer = client.post(f"/cases/{case.pk}/scans/new/", sent | {"cpu_share": "2"})
    assert (answer.status_code, Scan.objects.count()) == (422, 0)
