"""`manage.py test_rules`: run the tests of published rules, for continuous integration."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from rules_app.models import Rule, RuleSet, RuleTest
from rules_app.services.rule_tests import failing_tests, tests_of_rule
from sigma_engine import event_facts

# What XML 1.0 cannot hold: evidence and rules' titles may have it.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class TestedRule:
    """A published rule, its tests, and why those that fail do, by the key of the test."""

    rule: Rule
    tests: list[RuleTest]
    reasons: dict[int, str]


class Command(BaseCommand):
    """Ends with exit code 1 when a test fails, and with 2 when there is no such set or file."""

    help = "Run the tests of rules against their published versions, and say which fail and why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--set: one set instead of all. --junit: a report for build servers."""
        parser.add_argument("--set", dest="set_name", help="only the rules of the set of this name")
        parser.add_argument("--junit", type=Path, help="also write the results to this file as JUnit XML")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run all; print each failure with its reason, and the numbers at the end."""
        with_tests = _rules(options["set_name"])
        published = with_tests.filter(current__isnull=False)
        tested = [_test(rule) for rule in published.select_related("rule_set", "current")]
        for one in tested:
            self._tell(one)
        if options["junit"]:
            _write_junit(options["junit"], tested)
        drafts = with_tests.filter(current__isnull=True).count()
        if drafts:
            self.stdout.write(f"{drafts:,} never published: their tests were not run.")
        failed = sum(len(one.reasons) for one in tested)
        total = sum(len(one.tests) for one in tested)
        sentence = f"{total:,} tests of {len(tested):,} rules, {failed:,} failed."
        if failed:
            raise CommandError(sentence, returncode=1)
        self.stdout.write(self.style.SUCCESS(sentence))

    def _tell(self, tested: TestedRule) -> None:
        for test in tested.tests:
            if test.pk in tested.reasons:
                self.stdout.write(f"{_place(tested.rule)}: {_name(test)}: {tested.reasons[test.pk]}")


def _rules(set_name: str | None) -> QuerySet[Rule]:
    """The rules that have tests, in the order of their sets and paths."""
    rules = Rule.objects.filter(pk__in=RuleTest.objects.exclude(rule=None).values("rule"))
    if set_name:
        rule_set = RuleSet.objects.filter(name=set_name).first()
        if rule_set is None:
            raise CommandError(f"There is no set named {set_name}.", returncode=2)
        rules = rules.of_set(rule_set)
    return rules.order_by("rule_set__name", "path", "document", "pk")


def _test(rule: Rule) -> TestedRule:
    failed = failing_tests(rule, rule.current) if rule.current else []
    return TestedRule(rule, tests_of_rule(rule), {one.test.pk: one.reason for one in failed})


def _place(rule: Rule) -> str:
    return _clean(f"{rule.rule_set.name}/{rule.path} ({rule.title})")


def _name(test: RuleTest) -> str:
    """What a test is about: `test 12, must hit, Security 4688 of WS07: the note`."""
    facts = event_facts(test.event)
    code = "" if facts.event_id is None else f" {facts.event_id}"
    place = f", {facts.channel}{code} of {facts.computer}" if facts.channel else ""
    return _clean(f"test {test.pk}, {test.expected}{place}{': ' if test.note else ''}{test.note}")


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)


def _write_junit(path: Path, tested: Sequence[TestedRule]) -> None:
    """A suite a rule, a case a test. Raises CommandError when the file cannot be written."""
    root = ElementTree.Element("testsuites", name="Sigma rules")
    for one in tested:
        counts = {"tests": str(len(one.tests)), "failures": str(len(one.reasons)), "errors": "0"}
        suite = ElementTree.SubElement(root, "testsuite", name=_place(one.rule), **counts)
        for test in one.tests:
            case = ElementTree.SubElement(suite, "testcase", classname=_place(one.rule), name=_name(test))
            if test.pk in one.reasons:
                ElementTree.SubElement(case, "failure", message=_clean(one.reasons[test.pk]))
    try:
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.", returncode=2) from None
