"""The sample case's logs: built the same each time, quiet where nothing is wrong, and telling the story."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import sigma_engine
from starter.build_evidence import FOLDER, build, main
from starter.story.logs import LOGS, Log

Hits = list[tuple[str, sigma_engine.Hit]]

MAX_BYTES = 500_000


@pytest.fixture(scope="module")
def story_hits(scan: Callable[[Path], Hits]) -> Hits:
    """The hits of all starter rules on the committed logs."""
    return [found for log in LOGS for found in scan(FOLDER / log.file_name)]


def test_the_committed_logs_are_what_the_story_builds(tmp_path: Path) -> None:
    main([str(tmp_path)])
    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert built == {path.name: path.read_bytes() for path in FOLDER.glob("*.evtx")}
    assert all(len(data) <= MAX_BYTES for data in built.values())


@pytest.mark.parametrize("log", [log for log in LOGS if not log.damaged], ids=lambda log: log.file_name)
def test_a_whole_log_gives_every_event_of_the_story(log: Log) -> None:
    evidence = sigma_engine.open_evidence(FOLDER / log.file_name)
    chunks = [evidence.read_chunk(number) for number in range(evidence.chunk_count)]
    assert sum(len(chunk.records) for chunk in chunks) == len(log.records())
    assert [problem for chunk in chunks for problem in chunk.problems] == []


def test_the_damaged_log_gives_most_events_and_says_what_is_lost() -> None:
    (log,) = (log for log in LOGS if log.damaged)
    evidence = sigma_engine.open_evidence(FOLDER / log.file_name)
    chunks = [evidence.read_chunk(number) for number in range(evidence.chunk_count)]
    read = sum(len(chunk.records) for chunk in chunks)
    assert len(log.records()) * 0.8 < read < len(log.records())
    assert sum(chunk.salvaged for chunk in chunks) > 0
    assert {problem.chunk for chunk in chunks for problem in chunk.problems} >= {0, evidence.chunk_count - 1}


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.file_name)
def test_an_ordinary_morning_raises_no_alarm(log: Log, scan: Callable[[Path], Hits], tmp_path: Path) -> None:
    path = tmp_path / log.file_name
    path.write_bytes(build(log.quiet_records()))
    assert [(stem, hit.event) for stem, hit in scan(path)] == []


@pytest.mark.parametrize(
    "stem",
    [
        "process_office_starts_interpreter",
        "process_certutil_transfer",
        "script_amsi_bypass",
        "access_lsass_memory",
        "security_service_ticket_rc4",
        "process_psexec_service_child",
        "security_directory_replication",
        "process_backup_copies_deleted",
        "system_event_log_cleared",
        "defender_malware_found",
        "taskscheduler_action_user_folder",
    ],
)
def test_each_turn_of_the_story_is_found(stem: str, story_hits: Hits) -> None:
    assert stem in {rule for rule, _ in story_hits}


def test_hits_come_from_every_computer_and_at_every_level(
    story_hits: Hits, parsed_rules: dict[str, sigma_engine.ParsedRule]
) -> None:
    assert {hit.facts.computer.partition(".")[0] for _, hit in story_hits} == {"WS07", "FS01", "DC01"}
    levels = {rule.level for stem, _ in story_hits if (rule := parsed_rules[stem].rule)}
    assert levels == set(sigma_engine.LEVELS)


def test_no_hit_shows_the_name_of_a_field_in_place_of_its_value(story_hits: Hits) -> None:
    for stem, hit in story_hits:
        names = set(re.findall(r"%(\w+)%", hit.details)) - {"COMSPEC", "SystemRoot"}
        assert hit.details and not names, stem
