"""Stored files that fail while they are read: every page says so, and what can be read is read."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.scans.conftest import log_bytes
from tests.scans_pages.test_trying import RULE, begin, follow

if TYPE_CHECKING:
    from django.test import Client

    from scans_app.models import Case, Evidence

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model_version")]


@pytest.fixture
def fail_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """fail_disk() lets the second chunk of every log be unreadable from now on; each chunk holds five events."""
    from sigma_engine.evtx_file import EvtxFile

    whole = EvtxFile.read_chunk

    def read_chunk(file: Any, number: int) -> Any:
        if number >= 1:
            raise OSError(errno.EIO, "Input/output error", str(file.path))
        return whole(file, number)

    return lambda: monkeypatch.setattr(EvtxFile, "read_chunk", read_chunk)


def test_a_trial_tells_what_it_could_not_read_and_reads_the_next_file(
    case: Case, add_evidence: Callable[..., Evidence], owner_client: Client, fail_disk: Callable[[], None]
) -> None:
    add_evidence(log_bytes(12), "broken.evtx")
    add_evidence(log_bytes(3, Note="2"), "whole.evtx")
    fail_disk()
    page, _ = follow(owner_client, begin(owner_client, f"{case.pk}"))
    assert "8 hits" in page  # five of the first file and three of the second
    assert (
        "broken.evtx: the stored file can&#x27;t be read (Input/output error), chunks before 1 were." in page
    )
    assert "could not be read" in page
    assert "Looked through all" not in page


def test_a_search_for_near_misses_ends_with_what_it_could_not_read(
    case: Case,
    add_evidence: Callable[..., Evidence],
    owner_client: Client,
    rule_set: Any,
    fail_disk: Callable[[], None],
) -> None:
    from rules_app.services import FoundFile, import_rules
    from scans_app.models import NearSearch

    import_rules([FoundFile("near.yml", RULE.replace("tool.exe", "wanted.exe").encode())], rule_set, None)
    add_evidence(log_bytes(12), "broken.evtx")
    fail_disk()
    address = f"/cases/{case.pk}/near/{rule_set.rules.get(path='near.yml').pk}/"
    owner_client.post(address, {"do": "start"})
    found = NearSearch.objects.get()
    assert (found.is_over, found.tried) == (True, 5)
    assert "broken.evtx: the stored file can&#x27;t be read" in owner_client.get(address).content.decode()


def test_pinning_an_event_that_cannot_be_read_any_more_is_refused_with_a_sentence(
    case: Case, evidence: Evidence, owner_client: Client, fail_disk: Callable[[], None]
) -> None:
    fail_disk()
    sent = {"event": f"{evidence.pk}:1:5"}
    page = owner_client.post(f"/cases/{case.pk}/pin/", sent, follow=True).content.decode()
    assert "The stored file of WS.evtx cannot be read." in page


def test_a_file_that_lost_its_end_is_told_and_what_is_left_is_read(
    case: Case, evidence: Evidence, owner_client: Client
) -> None:
    with evidence.path.open("r+b") as file:
        file.truncate(4096 + 65_536)  # the head and one chunk
    page, _ = follow(owner_client, begin(owner_client, f"{case.pk}"))
    assert "5 hits" in page
    assert "WS.evtx: the stored file is shorter than it was: 1 chunks are there" in page


def test_the_list_of_events_tells_of_an_unreadable_chunk_without_naming_our_folder(
    case: Case, evidence: Evidence, owner_client: Client, fail_disk: Callable[[], None]
) -> None:
    events = f"/cases/{case.pk}/evidence/{evidence.pk}/events/"
    fail_disk()
    page = owner_client.get(events).content.decode()
    assert "Chunk 1 of WS.evtx can&#x27;t be read: Input/output error" in page
    assert str(evidence.path.parent) not in page


def test_a_file_that_goes_away_between_two_chunks_ends_with_its_reason(evidence: Evidence) -> None:
    from scans_app.services.rule_run import Chunk, RuleRun

    read: list[int] = []

    def wanted(file: Evidence, first: int) -> Iterator[int]:
        yield 0
        file.path.unlink()
        yield 1

    def look(chunk: Chunk) -> bool:
        chunk.file.read_chunk(chunk.number)
        read.append(chunk.number)
        return False

    run = RuleRun([evidence], wanted)
    run.go_on(look)
    assert (run.is_over, read) == (True, [0])
    assert run.problems == [
        "WS.evtx: the stored file can't be read (No such file or directory), chunks before 1 were."
    ]
