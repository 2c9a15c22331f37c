"""Field counts: how many events of a case have which field, by key and by log source."""

from __future__ import annotations

import pytest

from scans_app.models import Evidence, EvidenceFields
from scans_app.services.field_counts import OTHERS, field_counts, is_counted, logsource_counts
from sigma_engine import Logsource, load_model
from tests.evtx_writer import build_evtx
from tests.scans.conftest import CHANNEL, do_all_work, log_bytes, process_event

KEY = (CHANNEL, 1, "Microsoft-Windows-Sysmon")

pytestmark = pytest.mark.django_db


def test_counts_of_a_case_are_those_of_all_its_evidence(case, add_evidence):
    add_evidence(log_bytes(7))
    add_evidence(log_bytes(3, Hashes="SHA256=0"), "more.evtx")
    count = field_counts(case)[KEY]
    assert count.events == 10
    assert count.fields == {"Image": 10, "CommandLine": 10, "User": 10, "Hashes": 3}


def test_a_catalogue_that_goes_on_from_its_checkpoint_counts_each_chunk_once(case, add_evidence, monkeypatch):
    from scans_app.services import catalogue

    evidence = add_evidence(log_bytes(13), catalogued=False)
    assert catalogue.run_next_catalogue(lambda: False)  # one chunk, then it hands the file back
    evidence.refresh_from_db()
    assert (evidence.next_chunk, field_counts(case)[KEY].events) == (1, 5)
    do_all_work()
    assert field_counts(case)[KEY].events == 13


def test_counts_for_a_logsource_are_of_the_events_that_its_sources_accept(case, add_evidence):
    other = process_event(1)
    other["System"]["EventID"] = {"Value": 3}
    add_evidence(build_evtx([process_event(2), other, other]))
    model = load_model("Windows event logs")
    count = logsource_counts(case, model, Logsource(category="process_creation", product="windows"))
    assert (count.events, count.fields["Image"]) == (1, 1)


def test_how_many_events_have_what_a_mapping_reads(case, add_evidence):
    add_evidence(log_bytes(4))
    model = load_model("Windows event logs")
    logsource = Logsource(category="process_creation", product="windows")
    count = logsource_counts(case, model, logsource)
    sources = model.sources_for(logsource)
    assert count.having(model.mapping("Image", sources)) == 4
    assert count.having(model.mapping("NoSuchField", sources)) == 0


def test_names_over_the_bound_are_counted_together(case, add_evidence, monkeypatch):
    monkeypatch.setattr(EvidenceFields, "NAMES_KEPT", 3)
    monkeypatch.setattr(EvidenceFields, "KEYS_KEPT", 1)
    other = process_event(1)
    other["System"]["EventID"] = {"Value": 3}
    add_evidence(build_evtx([process_event(2, More="x", Most="y"), other]))
    counts = field_counts(case)
    assert counts[KEY].fields == {"Image": 1, "CommandLine": 1, "User": 1, OTHERS: 2}
    assert counts[OTHERS, -1, ""].events == 1


def test_evidence_from_before_the_counts_is_told_apart(case, add_evidence):
    evidence = add_evidence(log_bytes(4))
    assert is_counted(case)
    EvidenceFields.objects.all().delete()
    assert Evidence.objects.catalogued().filter(pk=evidence.pk).exists()
    assert (is_counted(case), field_counts(case)) == (False, {})
