"""From draft to published: sending to review, asking for changes, publishing, and what stands in the way of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from rules_app.models import DraftState, ReviewAct, Rule, RuleVersion
from rules_app.selection import load_default_model
from rules_app.services.derive import derive_rule
from rules_app.services.placeholders import locked_placeholders
from rules_app.services.rule_tests import failing_tests
from rules_app.services.rules import record
from rules_app.services.versions import EditConflict

Act = ReviewAct.Act


@dataclass(frozen=True)
class Obstacle:
    """One reason why a version can't be published: a code, a sentence for people, and where to do something."""

    code: str
    sentence: str
    url: str = ""


Gate = Callable[[RuleVersion, User], list[Obstacle]]


class NotAllowed(Exception):
    """What this person may not do with a version, or nobody; the text is a sentence that says why."""


class NotPublishable(Exception):
    """A version that can't be published, with every reason."""

    def __init__(self, obstacles: list[Obstacle]) -> None:
        super().__init__("; ".join(obstacle.sentence for obstacle in obstacles))
        self.obstacles = obstacles


def obstacles(version: RuleVersion, user: User) -> list[Obstacle]:
    """What stands between a draft and publishing it, for this person: errors, red tests, what other apps hold
    against it, and another person's approval. Empty when they may publish it now."""
    return [obstacle for gate in (*_GATES, _unreviewed) for obstacle in gate(version, user)]


def add_gate(gate: Gate) -> None:
    """Ask `gate` too before anything is published. For apps that know more of a rule than this one, as they start."""
    if gate not in _GATES:
        _GATES.append(gate)


def may_publish_alone(user: User) -> bool:
    """Whether this person needs nobody else: an administrator, or the only active account that there is."""
    return user.is_superuser or not User.objects.filter(is_active=True).exclude(pk=user.pk).exists()


def may_review(version: RuleVersion, user: User) -> bool:
    """Whether this person may approve a draft or ask for changes: everybody but the one who wrote it."""
    return version.author_id != user.pk


def send_to_review(version: RuleVersion, user: User, note: str = "") -> None:
    """Let others know that a draft waits for them. Raises EditConflict when it is not the rule's draft any more."""
    with transaction.atomic():
        rule = _locked_with_draft(version)
        if rule.draft_state != DraftState.IN_REVIEW:
            _set_state(rule, DraftState.IN_REVIEW)
            record(Act.SENT, version, user, note)


def ask_for_changes(version: RuleVersion, user: User, note: str) -> None:
    """Give a draft in review back to its author with what should change.

    Raises EditConflict when it is not the rule's draft in review any more, NotAllowed from the one who wrote it.
    """
    if not may_review(version, user):
        raise NotAllowed("You wrote this version, so another person reviews it.")
    with transaction.atomic():
        rule = _locked_with_draft(version)
        if rule.draft_state != DraftState.IN_REVIEW:
            raise EditConflict(version)
        _set_state(rule, DraftState.CHANGES_ASKED)
        record(Act.CHANGES_ASKED, version, user, note)


def publish(version: RuleVersion, user: User, note: str = "") -> None:
    """Make a draft the version that scans run from now on; the history says who approved it, or that nobody did.

    Raises NotPublishable with everything that stands in the way, EditConflict when it is not the rule's draft
    any more. Scans that started before keep their version.
    """
    _refuse(obstacles(version, user))  # what takes long is found here, while nobody else has to wait
    model = load_default_model()
    with transaction.atomic():
        lists = locked_placeholders(version.rule.rule_set)
        rule = version.rule = _locked_with_draft(version)
        derived = derive_rule(version.text, model, lists)
        version.findings = derived.findings  # with the lists of now
        _refuse(obstacles(version, user))  # tests, verdicts and lists may have changed meanwhile
        reviewed = rule.draft_state == DraftState.IN_REVIEW and may_review(version, user)
        for name, value in derived.columns.items():
            setattr(rule, name, value)
        rule.current, rule.draft, rule.draft_state, rule.updated_at = version, None, "", timezone.now()
        rule.save()
        if reviewed:
            record(Act.APPROVED, version, user, note)
        record(Act.PUBLISHED if reviewed else Act.PUBLISHED_ALONE, version, user, "" if reviewed else note)


def drop_draft(version: RuleVersion, user: User, note: str = "") -> None:
    """Let edits begin with the published version again. The draft stays among the versions.

    Raises EditConflict when it is not the rule's draft any more, NotAllowed for a rule that was never published.
    """
    with transaction.atomic():
        rule = _locked_with_draft(version)
        if rule.current_id is None:
            raise NotAllowed("A rule that was never published has nothing but its draft.")
        Rule.objects.filter(pk=rule.pk).update(draft=None, draft_state="")
        record(Act.DROPPED, version, user, note)


def _refuse(found: list[Obstacle]) -> None:
    if found:
        raise NotPublishable(found)


def _locked_with_draft(version: RuleVersion) -> Rule:
    rule = Rule.objects.select_for_update().get(pk=version.rule_id)
    if rule.draft_id != version.pk:
        raise EditConflict(rule.to_edit)
    return rule


def _set_state(rule: Rule, state: DraftState) -> None:
    Rule.objects.filter(pk=rule.pk).update(draft_state=state)


def _errors(version: RuleVersion, user: User) -> list[Obstacle]:
    """A broken text: imports keep one, but nobody decides to publish it."""
    errors = [finding for finding in version.findings if finding["severity"] == "error"]
    if not errors:
        return []
    count = "1 error" if len(errors) == 1 else f"{len(errors):,} errors"
    first = f"line {errors[0]['line']}: {errors[0]['message']}"
    return [Obstacle("broken", f"The text has {count}, the first in {first}")]


def _red_tests(version: RuleVersion, user: User) -> list[Obstacle]:
    """Tests that the version fails."""
    red = failing_tests(version.rule, version)
    if not red:
        return []
    count = "1 test is red" if len(red) == 1 else f"{len(red):,} tests are red"
    return [Obstacle("red_tests", f"{count}. The first {red[0].test.expected}: {red[0].reason}")]


def _unreviewed(version: RuleVersion, user: User) -> list[Obstacle]:
    """Nobody else has looked at it."""
    if may_publish_alone(user):
        return []
    if not may_review(version, user):
        return [Obstacle("needs_review", "You wrote this version, so another person has to approve it.")]
    if version.rule.draft_state != DraftState.IN_REVIEW:
        return [Obstacle("needs_review", "It was not sent to review yet.")]
    return []


_GATES: list[Gate] = [_errors, _red_tests]
