"""Writing single rules: create, save a new draft, restore an old text, take out of scans."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from rules_app.models import DraftState, ReviewAct, Rule, RuleSet, RuleVersion
from rules_app.selection import load_default_model
from rules_app.services.derive import DerivedRule, derive_rule
from rules_app.services.placeholders import locked_placeholders
from rules_app.services.versions import EditConflict, text_sha256

PLACES_TRIED = 1000  # names tried for a new rule's path before giving up


def get_or_create_set(name: str, user: User | None) -> RuleSet:
    """The set of this name, made when it is not there yet."""
    rule_set, _ = RuleSet.objects.get_or_create(name=name.strip(), defaults={"created_by": user})
    return rule_set


def create_rule(rule_set: RuleSet, text: str, user: User | None, comment: str = "") -> Rule:
    """A new rule of a set, with its first version as a draft: no scan runs it before it is published.

    A broken text is kept with its findings.
    """
    model = load_default_model()
    with transaction.atomic():
        derived = derive_rule(text, model, locked_placeholders(rule_set))
        rule = _create_at_free_place(rule_set, derived.columns)
        _add_draft(rule, 1, text, derived, user, comment)
    return rule


def save_rule(
    rule: Rule, text: str, base_version_number: int, user: User | None, comment: str = ""
) -> RuleVersion:
    """Save a text as the rule's draft, a new version, and return it; what is edited now when nothing changed.

    A draft that was in review is a draft again: the reviewer has not seen this text. Raises EditConflict, with
    nothing written, when what is edited now is not the version that the edit began with and has not this text.
    """
    model = load_default_model()
    with transaction.atomic():
        placeholders = locked_placeholders(rule.rule_set)
        locked = Rule.objects.select_for_update().get(pk=rule.pk)
        edited = locked.to_edit
        if edited.sha256 == text_sha256(text):
            return edited
        if edited.number != base_version_number:
            raise EditConflict(edited)
        derived = derive_rule(text, model, placeholders)
        return _add_draft(locked, _next_number(locked), text, derived, user, comment)


def restore_version(version: RuleVersion, user: User | None) -> RuleVersion:
    """Save the text of an old version as the rule's draft and return it; what is edited now when it has that text.

    Nothing is lost: a draft that was there stays among the versions.
    """
    model = load_default_model()
    with transaction.atomic():
        placeholders = locked_placeholders(version.rule.rule_set)
        locked = Rule.objects.select_for_update().get(pk=version.rule_id)
        if locked.to_edit.sha256 == version.sha256:
            return locked.to_edit
        derived = derive_rule(version.text, model, placeholders)
        comment = f"Restores version {version.number}"
        restored = _add_draft(locked, _next_number(locked), version.text, derived, user, comment)
        record(ReviewAct.Act.RESTORED, restored, user, f"The text of version {version.number}")
        return restored


def set_enabled(rule: Rule, *, enabled: bool) -> None:
    """Put a rule into scans or take it out. Its versions stay as they are."""
    Rule.objects.filter(pk=rule.pk).update(enabled=enabled)


def record(act: ReviewAct.Act, version: RuleVersion, user: User | None, note: str = "") -> None:
    """Write into the history of a rule that somebody did this to a version."""
    ReviewAct.objects.create(
        rule_id=version.rule_id, version=version, act=act, author=user, note=note, created_at=timezone.now()
    )


def _create_at_free_place(rule_set: RuleSet, columns: dict[str, Any]) -> Rule:
    """A rule at a path made from its title; the database decides whether the path was free."""
    stem = slugify(columns["title"])[:200] or "rule"
    for number in range(1, PLACES_TRIED):
        path = f"{stem}.yml" if number == 1 else f"{stem}-{number}.yml"
        try:
            with transaction.atomic():
                return Rule.objects.create(
                    rule_set=rule_set, path=path, document=0, updated_at=timezone.now(), **columns
                )
        except IntegrityError:
            if not Rule.objects.filter(rule_set=rule_set, path=path, document=0).exists():
                raise
    raise RuntimeError(f"{PLACES_TRIED} rules of this set are named {stem}")


def _next_number(rule: Rule) -> int:
    """One after the newest version: an import may have published one while a draft was written."""
    return int(rule.versions.values_list("number", flat=True)[0]) + 1


def _add_draft(
    rule: Rule, number: int, text: str, derived: DerivedRule, user: User | None, comment: str
) -> RuleVersion:
    """Write a version and make it the rule's draft. A rule that was never published is what its draft says."""
    now = timezone.now()
    version = RuleVersion.objects.create(
        rule=rule,
        number=number,
        text=text,
        sha256=text_sha256(text),
        findings=derived.findings,
        author=user,
        comment=comment,
        created_at=now,
    )
    rule.draft, rule.draft_state = version, DraftState.DRAFT
    rule.updated_at = now
    if rule.current_id is None:
        for name, value in derived.columns.items():
            setattr(rule, name, value)
    rule.save()
    return version
