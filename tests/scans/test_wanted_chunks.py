"""The chunks that a scan reads: those in which the catalogue counts an event that a rule can match."""

from __future__ import annotations

import pytest

from scans_app.models import EvidenceChunk
from scans_app.services.wanted_chunks import wanted_chunks
from sigma_engine import compile_rules, load_model, parse_rules
from tests.evtx_writer import broken_record, build_evtx
from tests.scans.conftest import RULE, process_event

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def compiled():
    """One rule over the starts of processes."""
    text = RULE.format(title="A", uid="7f3d5a0e-0000-4000-8000-000000000003", level="low", program="tool.exe")
    return compile_rules([parse_rules(text)[0].rule], load_model("Windows event logs"))


def mixed_log(**more) -> bytes:
    """Ten chunks of two events; in chunks 3 and 7 there is a start of a process, elsewhere image loads."""
    events = [process_event(number) for number in range(20)]
    for number, event in enumerate(events):
        if number not in (6, 15):
            event["System"]["EventID"] = {"Value": 7}
    return build_evtx(events, per_chunk=2, **more)


def test_chunks_without_an_event_that_a_rule_can_match_are_not_wanted(add_evidence, compiled):
    assert wanted_chunks(compiled, add_evidence(mixed_log())) == [3, 7]


def test_a_part_of_the_chunks_can_be_asked_for(add_evidence, compiled):
    evidence = add_evidence(mixed_log())
    assert wanted_chunks(compiled, evidence, 4) == [7]
    assert wanted_chunks(compiled, evidence, 0, 6) == [3]


def test_a_chunk_that_lost_an_event_is_always_wanted(add_evidence, compiled):
    assert wanted_chunks(compiled, add_evidence(mixed_log(damage=[broken_record(5, 0)]))) == [3, 5, 7]


def test_a_chunk_that_is_not_in_the_catalogue_is_wanted(add_evidence, compiled):
    evidence = add_evidence(mixed_log())
    EvidenceChunk.objects.filter(evidence=evidence, number=9).delete()
    assert wanted_chunks(compiled, evidence) == [3, 7, 9]


def test_all_chunks_of_a_file_of_wanted_events_are_wanted(add_evidence, compiled):
    evidence = add_evidence(build_evtx([process_event(number) for number in range(8)], per_chunk=2))
    assert wanted_chunks(compiled, evidence) == [0, 1, 2, 3]


def test_a_key_that_was_cut_or_cleaned_for_the_catalogue_is_wanted(add_evidence, compiled):
    events = [process_event(number) for number in range(4)]
    for number, channel in enumerate(("X" * 300, "Other", "N\u2400L", "Other")):
        events[number]["System"]["Channel"] = channel
    evidence = add_evidence(build_evtx(events, per_chunk=1))
    assert set(wanted_chunks(compiled, evidence)) == {0, 2}
