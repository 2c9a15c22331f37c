"""Importing rule files: what becomes of each document."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rules_app import services
from rules_app.models import EventModel, Rule, RuleSet, RuleVersion
from rules_app.services.rule_files import FoundFile
from tests.rules.conftest import BROKEN, RULE_ID, rule_text


def files(**texts: str) -> list[FoundFile]:
    return [FoundFile(f"{name}.yml", text.encode()) for name, text in texts.items()]


def importing(rule_set: RuleSet, **texts: str) -> services.ImportReport:
    return services.import_rules(files(**texts), rule_set, None)


def test_each_document_of_a_file_becomes_a_rule_of_its_own(shipped: EventModel, rule_set: RuleSet) -> None:
    importing(rule_set, two=f"{rule_text('First')}---\n{rule_text('Second', id='')}")
    assert [(r.title, r.path, r.document) for r in Rule.objects.order_by("document")] == [
        ("First", "two.yml", 0),
        ("Second", "two.yml", 1),
    ]


def test_an_imported_rule_has_what_its_text_says(shipped: EventModel, rule_set: RuleSet) -> None:
    importing(rule_set, one=rule_text())
    rule = Rule.objects.get()
    assert (rule.title, rule.rule_uid, rule.level_name, rule.status, rule.logsource, rule.author) == (
        "Whoami was run", RULE_ID, "high", "test", "process_creation/windows/*", "Olivia",
    )  # fmt: skip
    assert rule.tags == ["attack.discovery", "attack.t1033"]
    assert rule.current.text == rule_text()


def test_importing_the_same_files_again_changes_nothing(shipped: EventModel, rule_set: RuleSet) -> None:
    importing(rule_set, one=rule_text(), two=BROKEN)
    before = list(Rule.objects.order_by("pk").values())
    report = importing(rule_set, one=rule_text(), two=BROKEN)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 2)
    assert list(Rule.objects.order_by("pk").values()) == before


def test_a_changed_file_makes_a_new_version_and_keeps_the_old_one(
    shipped: EventModel, rule_set: RuleSet
) -> None:
    importing(rule_set, one=rule_text(level="low"))
    report = importing(rule_set, one=rule_text(level="critical"))
    rule = Rule.objects.get()
    assert (report.updated, rule.level_name, rule.current.number) == (1, "critical", 2)
    assert rule.versions.get(number=1).text == rule_text(level="low")


def test_importing_again_leaves_an_edit_alone(
    shipped: EventModel, rule_set: RuleSet, publish_text: Callable[..., RuleVersion]
) -> None:
    importing(rule_set, one=rule_text())
    rule = Rule.objects.get()
    publish_text(rule, rule_text("Ours now"))
    report = importing(rule_set, one=rule_text())
    rule.refresh_from_db()
    assert (report.unchanged, rule.title, rule.current.number) == (1, "Ours now", 2)


def test_an_edit_and_a_changed_file_are_both_kept_and_it_is_said(
    shipped: EventModel, rule_set: RuleSet, publish_text: Callable[..., RuleVersion]
) -> None:
    importing(rule_set, one=rule_text())
    publish_text(Rule.objects.get(), rule_text("Ours now"))
    report = importing(rule_set, one=rule_text("Theirs now"))
    rule = Rule.objects.get()
    assert [v.text for v in rule.versions.order_by("number")] == [
        rule_text(), rule_text("Ours now"), rule_text("Theirs now"),
    ]  # fmt: skip
    assert "kept as version 2" in report.notices[0][1]


def test_a_changed_file_is_published_and_leaves_a_draft_alone(shipped: EventModel, rule_set: RuleSet) -> None:
    importing(rule_set, one=rule_text())
    draft = services.save_rule(Rule.objects.get(), rule_text("Ours soon"), 1, None)
    report = importing(rule_set, one=rule_text("Theirs now"))
    rule = Rule.objects.get()
    assert (rule.title, rule.current.number, rule.draft) == ("Theirs now", 3, draft)
    assert "has a draft here (version 2)" in report.notices[0][1]


def test_a_broken_rule_is_kept_with_its_findings(shipped: EventModel, rule_set: RuleSet) -> None:
    report = importing(rule_set, bad=BROKEN, good=rule_text())
    broken = Rule.objects.broken().get()
    assert (report.created, report.broken, broken.title) == (2, 1, "Left open")
    assert broken.current.text == BROKEN
    assert broken.current.first_error_line == 7


def test_a_file_that_is_not_yaml_is_kept_as_a_broken_rule(shipped: EventModel, rule_set: RuleSet) -> None:
    report = importing(rule_set, odd="title: [unclosed\n")
    assert (report.created, report.broken) == (1, 1)
    assert Rule.objects.get().current.text == "title: [unclosed\n"


def test_a_finding_in_the_second_document_is_placed_in_that_document(
    shipped: EventModel, rule_set: RuleSet
) -> None:
    importing(rule_set, two=f"{rule_text()}---\n{BROKEN}")
    assert Rule.objects.get(document=1).current.first_error_line == 7


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"title: caf\xe9", "not UTF-8 text: byte 11 is 0xe9"),
        (b"title: a\x00b", "byte 9 is zero"),
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"a: b\n" * 300_000, "more than 1024 KiB"),
    ],
)
def test_a_file_that_is_no_rule_text_is_refused_with_a_sentence(
    shipped: EventModel, rule_set: RuleSet, content: bytes, sentence: str
) -> None:
    report = services.import_rules([FoundFile("odd.yml", content)], rule_set, None)
    assert [path for path, _ in report.refused] == ["odd.yml"]
    assert sentence in report.refused[0][1]
    assert not Rule.objects.exists()


def test_a_byte_order_mark_is_no_part_of_the_text(shipped: EventModel, rule_set: RuleSet) -> None:
    services.import_rules([FoundFile("bom.yml", b"\xef\xbb\xbf" + rule_text().encode())], rule_set, None)
    assert Rule.objects.get().current.text == rule_text()


def test_two_files_with_one_id_are_both_kept_and_it_is_said(shipped: EventModel, rule_set: RuleSet) -> None:
    report = importing(rule_set, one=rule_text("One"), two=rule_text("Two"))
    assert report.created == 2
    assert RULE_ID in report.notices[0][1]
    assert "two.yml" in report.notices[0][1]


def test_two_documents_of_a_file_with_one_id_are_told_apart(shipped: EventModel, rule_set: RuleSet) -> None:
    report = importing(rule_set, two=f"{rule_text('One')}---\n{rule_text('Two')}")
    assert report.notices[0][0] == "two.yml"
    assert "two.yml, document 2" in report.notices[0][1]


def test_a_path_that_comes_twice_in_one_import_is_refused_the_second_time(
    shipped: EventModel, rule_set: RuleSet
) -> None:
    report = services.import_rules(
        [FoundFile("a.yml", rule_text("One").encode()), FoundFile("a.yml", rule_text("Two").encode())],
        rule_set,
        None,
    )
    assert (report.created, Rule.objects.get().title) == (1, "One")
    assert "came earlier" in report.refused[0][1]


def test_one_path_in_two_sets_is_two_rules(shipped: EventModel, rule_set: RuleSet) -> None:
    importing(rule_set, one=rule_text())
    importing(services.get_or_create_set("Others", None), one=rule_text())
    assert Rule.objects.count() == 2


def test_an_interrupted_import_goes_on_where_it_was_written(shipped: EventModel, rule_set: RuleSet) -> None:
    found = files(**{f"r{n:03}": rule_text(f"Rule {n}", id="") for n in range(600)})
    written: list[tuple[int, int]] = []

    class Stop(Exception):
        pass

    def stop_after_one_batch(report: services.ImportReport, files_done: int) -> None:
        written.append((report.created, files_done))
        if len(written) == 2:
            raise Stop

    report = services.ImportReport()
    with pytest.raises(Stop):
        services.import_rules(found, rule_set, None, report=report, batch_done=stop_after_one_batch)
    created, files_done = written[0]
    assert Rule.objects.count() == created == files_done  # the second batch was rolled back as a whole
    rest = services.import_rules(
        found, rule_set, None, report=services.ImportReport(created=created), skip=files_done
    )
    assert (rest.created, rest.unchanged, Rule.objects.count()) == (600, 0, 600)


def test_a_rule_is_served_when_the_default_model_has_its_log_source(
    shipped: EventModel, rule_set: RuleSet
) -> None:
    importing(rule_set, win=rule_text(), linux=rule_text(product="linux", id=""))
    served = dict(Rule.objects.values_list("path", "served"))
    assert served == {"win.yml": True, "linux.yml": False}


def test_a_correlation_names_no_log_source_and_is_no_matter_of_the_model(
    shipped: EventModel, rule_set: RuleSet
) -> None:
    correlation = (
        "title: Many\ncorrelation:\n    type: event_count\n    rules: [base]\n    group-by: [Computer]\n"
        "    timespan: 5m\n    condition:\n        gte: 3\n"
    )
    importing(rule_set, many=f"{rule_text()}name: base\n---\n{correlation}")
    rule = Rule.objects.get(document=1)
    assert (rule.broken, rule.served, rule.has_logsource) == (False, True, False)


def test_every_rule_of_sigmahq_becomes_a_rule_and_keeps_its_text(
    shared_data: object, shipped: EventModel, rule_set: RuleSet
) -> None:
    folder = shared_data / "sigmahq" / "rules-threat-hunting"  # type: ignore[operator]
    report = services.import_rules(services.read_path(folder), rule_set, None)
    texts = {path.read_text("utf-8-sig") for path in folder.rglob("*.yml")}
    assert report.refused == []
    assert {rule.current.text for rule in Rule.objects.select_related("current")} == texts
