"""Rule tests: making them, and running them against a version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from rules_app.matching import NotReady, match_events, ready_rule
from rules_app.models import PinnedEvent, Rule, RuleTest, RuleVersion
from rules_app.models.pins import CopiedEvent
from rules_app.selection import load_default_model
from rules_app.services.pins import PinSource, check_room, check_room_of_person, lock_events

NOTE = 500  # characters
GOT = {True: "It hits.", False: "It does not hit.", None: "There was no time left to ask."}


@dataclass(frozen=True, slots=True)
class FailedTest:
    """A test that a version fails, and why: what came instead, or why nothing could be asked."""

    test: RuleTest
    reason: str


def tests_of(user: User, rule: Rule | None) -> list[RuleTest]:
    """The tests of a rule, or those that this person made without one, in the order of making."""
    return tests_of_rule(rule) if rule else list(RuleTest.objects.filter(rule=None, created_by=user))


def test_of(user: User, rule: Rule | None, event: CopiedEvent) -> RuleTest | None:
    """The test that a rule has of an event, or that this person made of it without a rule."""
    tests = RuleTest.objects.filter(rule=rule, sha256=event.sha256)
    return (tests.filter(created_by=user) if rule is None else tests).first()


def tests_of_rule(rule: Rule) -> list[RuleTest]:
    """The tests of a rule in the order of making."""
    return list(RuleTest.objects.filter(rule=rule))


def add_tests(
    user: User,
    rule: Rule | None,
    sources: Iterable[PinSource | CopiedEvent],
    *,
    must_hit: bool,
    note: str = "",
) -> list[RuleTest]:
    """Make events tests of a rule. One that is a test already is turned to `must_hit` and keeps its note
    unless there is a new one. Raises PinError, with a sentence and nothing written."""
    rows = {columns["sha256"]: columns for columns in (source.columns() for source in sources)}
    with transaction.atomic():
        lock_events(user, rule)
        there = RuleTest.objects.filter(rule=rule)
        there = there.filter(created_by=user) if rule is None else there
        known = {test.sha256: test for test in there.filter(sha256__in=rows)}
        new = [columns["event_text"] for sha256, columns in rows.items() if sha256 not in known]
        check_room(there, len(new), sum(map(len, new)))
        mine = RuleTest.objects.filter(created_by=user)
        check_room_of_person(mine, "made tests of", len(new), sum(map(len, new)))
        for sha256, columns in rows.items():
            test = known.get(sha256) or RuleTest(rule=rule, created_by=user, **columns)
            test.must_hit = must_hit
            test.note = _kept_note(note) or test.note
            test.save()
        return list(there.filter(sha256__in=rows))


def expect_nothing(user: User, test: RuleTest) -> None:
    """Take a test away and keep its event pinned for this person, at its place."""
    with transaction.atomic():
        pin, _ = PinnedEvent.objects.get_or_create(
            owner=user, rule=test.rule, sha256=test.sha256, defaults=test.columns()
        )
        pin.created_at = min(pin.created_at, test.created_at)
        pin.save(update_fields=["created_at"])
        test.delete()


def turn_test(test: RuleTest) -> None:
    """Expect the opposite."""
    RuleTest.objects.filter(pk=test.pk).update(must_hit=not test.must_hit)


def note_test(test: RuleTest, note: str) -> None:
    """Say why a test is there; its first `NOTE` characters are kept."""
    RuleTest.objects.filter(pk=test.pk).update(note=_kept_note(note))


def remove_test(test: RuleTest) -> None:
    """Take a test away from its rule, with its copy of the event."""
    test.delete()


def failing_tests(rule: Rule, version: RuleVersion) -> list[FailedTest]:
    """The tests of a rule that a version of it fails, under the default model; all of them when its text cannot be
    held against events."""
    tests = tests_of_rule(rule)
    if not tests:
        return []
    try:
        ready = ready_rule(version.text, load_default_model(), rule.rule_set.placeholders)
    except NotReady as error:
        return [FailedTest(test, f"The rule cannot be asked. {error}") for test in tests]
    matched = match_events(ready, tests)
    return [
        FailedTest(test, GOT[hit])
        for test, hit in zip(tests, matched.hits, strict=True)
        if hit is not test.must_hit
    ]


def _kept_note(text: str) -> str:
    """A note as any database takes it."""
    return text.replace("\0", "").strip()[:NOTE]
