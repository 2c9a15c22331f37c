"""What a scan would run, what it froze at its start, and what keeps it from starting."""

from __future__ import annotations

import uuid

import pytest

from rules_app.selection import RuleSelection
from scans_app.models import Scan
from scans_app.services.scans import ScanRefused, preflight
from tests.scans.conftest import do_all_work, hits_of, log_bytes

pytestmark = pytest.mark.django_db


def test_preflight_counts_rules_by_log_source_and_names_what_is_left_out(
    case, owner, add_evidence, rule_set, model_version
):
    from rules_app.services import FoundFile, import_rules

    linux = "title: A\nlogsource:\n  product: linux\ndetection:\n  s:\n    a: b\n  condition: s\n"
    broken = "title: B\nlogsource:\n  product: windows\ndetection:\n  s:\n    a: b\n  condition: t\n"
    files = [FoundFile("a.yml", linux.encode()), FoundFile("b.yml", broken.encode())]
    import_rules(files, rule_set, owner)
    evidence = add_evidence(log_bytes(4))
    plan = preflight(case, [evidence], RuleSelection(levels=("low",)), model_version, owner)
    assert (plan.rules, plan.events, plan.problems) == (1, 4, [])
    assert [(row.rules, row.events) for row in plan.run if row.events] == [(1, 4)]
    assert [(group.code, group.count) for group in plan.left_out] == [("not_selected", 3)]
    plan = preflight(case, [evidence], RuleSelection(), model_version, owner)
    assert {group.code: [name for _, name, _ in group.rules] for group in plan.left_out} == {
        "broken": ["B"],
        "not_served": ["A"],
    }


def test_a_scan_that_nothing_could_run_in_is_refused_with_the_reason(add_evidence, start):
    evidence = add_evidence(log_bytes(1))
    with pytest.raises(ScanRefused, match="No enabled rule"):
        start([evidence], selection=RuleSelection(levels=("critical",)))
    with pytest.raises(ScanRefused, match="at least one file"):
        start([])
    assert not Scan.objects.exists()


def test_evidence_that_is_not_catalogued_yet_is_refused(add_evidence, start):
    with pytest.raises(ScanRefused, match="1 of the chosen files are still being catalogued"):
        start([add_evidence(log_bytes(1), catalogued=False)])


def test_the_same_form_sent_twice_is_one_scan(add_evidence, start):
    evidence, key = add_evidence(log_bytes(1)), uuid.uuid4()
    assert start([evidence], key=key) == start([evidence], key=key)


def test_a_rule_published_anew_after_the_start_changes_nothing_in_the_scan(
    add_evidence, start, rule_set, publish_text
):
    scan = start([add_evidence(log_bytes(3))])
    rule = rule_set.rules.get(title="Tool started")
    text = rule.current.text.replace("Tool started", "New title").replace("tool.exe", "no.exe")
    publish_text(rule, text)
    do_all_work()
    assert [title for title, *_ in hits_of(scan)] == ["Tool started"] * 3


def test_rules_that_were_compiled_before_are_known_by_their_texts_and_not_compiled_again(
    add_evidence, start, rule_set, publish_text, monkeypatch
):
    """With a broken Python no compiler can be started; a rule that has changed needs one."""
    from scans_app.services import preparation

    evidence = add_evidence(log_bytes(3))
    first = start([evidence])
    do_all_work()
    monkeypatch.setattr(preparation, "COMPILED_HERE", 0)
    monkeypatch.setattr(preparation.sys, "executable", "/no/python/here")
    second = start([evidence])
    do_all_work()
    for scan in (first, second):
        scan.refresh_from_db()
    assert second.manifest["compiled"] == first.manifest["compiled"]
    assert hits_of(second) == hits_of(first) != []
    rule = rule_set.rules.get(title="Tool started")
    publish_text(rule, rule.current.text.replace("tool.exe", "TOOL.exe"))
    start([evidence])
    with pytest.raises(FileNotFoundError):
        do_all_work()


def test_an_order_larger_than_a_pipe_reaches_a_compiler_that_is_slow_to_listen(
    add_evidence, start, owner, rule_set, monkeypatch
):
    import subprocess

    from rules_app.services import FoundFile, import_rules
    from scans_app.services import preparation

    text = rule_set.rules.get(title="Tool started").current.text
    padding = "# " + "x" * 100 + "\n"
    import_rules([FoundFile("big.yml", (padding * 3_000 + text).encode())], rule_set, owner)
    real = subprocess.Popen

    def slow(command, **more):
        wait = f"import time, runpy; time.sleep(1.2); runpy.run_module({command[2]!r}, run_name='__main__')"
        return real([command[0], "-c", wait], **more)

    monkeypatch.setattr(preparation.subprocess, "Popen", slow)
    scan = start([add_evidence(log_bytes(2))])
    do_all_work()
    scan.refresh_from_db()
    assert (scan.state, scan.hits) == (Scan.State.FINISHED, 4)


def test_the_manifest_says_what_ran(add_evidence, start, model_version, rule_set):
    evidence = add_evidence(log_bytes(3))
    scan = start([evidence])
    do_all_work()
    scan.refresh_from_db()
    assert scan.manifest["model"]["sha256"] == model_version.sha256
    assert scan.manifest["evidence"][0]["sha256"] == evidence.sha256
    versions = [rule.rule_version_id for rule in scan.rules.all()]
    assert scan.manifest["rules"]["versions"] == versions
    assert set(versions) == {rule.current_id for rule in rule_set.rules.all()}


def test_evidence_changed_on_disk_makes_the_scan_fail_and_say_so(add_evidence, start):
    evidence = add_evidence(log_bytes(5))
    content = bytearray(evidence.path.read_bytes())
    content[-100] ^= 1
    evidence.path.chmod(0o600)
    evidence.path.write_bytes(content)
    scan = start([evidence])
    do_all_work()
    scan.refresh_from_db()
    assert (scan.state, scan.hits) == (Scan.State.FAILED, 0)
    assert scan.error.startswith("log.evtx was changed or removed on disk")


def test_evidence_touched_but_not_changed_is_scanned(add_evidence, start):
    evidence = add_evidence(log_bytes(5))
    evidence.path.touch()
    scan = start([evidence])
    do_all_work()
    scan.refresh_from_db()
    assert (scan.state, scan.hits) == (Scan.State.FINISHED, 5)
