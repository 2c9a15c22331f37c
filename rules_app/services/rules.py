"""Writing single rules: create, save a new version, take out of scans."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from rules_app.models import Rule, RuleSet, RuleVersion
from rules_app.selection import load_default_model
from rules_app.services.derive import derive_rule
from rules_app.services.placeholders import locked_placeholders
from rules_app.services.versions import EditConflict, text_sha256

PLACES_TRIED = 1000  # names tried for a new rule's path before giving up


def get_or_create_set(name: str, user: User | None) -> RuleSet:
    """The set of this name, made when it is not there yet."""
    rule_set, _ = RuleSet.objects.get_or_create(name=name.strip(), defaults={"created_by": user})
    return rule_set


def create_rule(rule_set: RuleSet, text: str, user: User | None, comment: str = "") -> Rule:
    """A new rule of a set, with its first version. A broken text is kept with its findings."""
    model = load_default_model()
    with transaction.atomic():
        derived = derive_rule(text, model, locked_placeholders(rule_set))
        rule = _create_at_free_place(rule_set, derived.columns)
        _add_version(rule, 1, text, derived.findings, user, comment)
    return rule


def save_rule(
    rule: Rule, text: str, base_version_number: int, user: User | None, comment: str = ""
) -> RuleVersion:
    """Save a text as the rule's next version and return it; the current one when nothing changed.

    Raises EditConflict, with nothing written, when the current version is not the one that the edit
    began with and its text is not this text.
    """
    model = load_default_model()
    with transaction.atomic():
        placeholders = locked_placeholders(rule.rule_set)
        locked = Rule.objects.select_for_update().get(pk=rule.pk)
        current = locked.versions.first()
        if current.sha256 == text_sha256(text):
            return current
        if current.number != base_version_number:
            raise EditConflict(current)
        derived = derive_rule(text, model, placeholders)
        for name, value in derived.columns.items():
            setattr(locked, name, value)
        return _add_version(locked, current.number + 1, text, derived.findings, user, comment)


def set_enabled(rule: Rule, *, enabled: bool) -> None:
    """Put a rule into scans or take it out. Its versions stay as they are."""
    Rule.objects.filter(pk=rule.pk).update(enabled=enabled)


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


def _add_version(
    rule: Rule, number: int, text: str, findings: list[dict[str, Any]], user: User | None, comment: str
) -> RuleVersion:
    """Write a version and make it the rule's current one."""
    now = timezone.now()
    version = RuleVersion.objects.create(
        rule=rule,
        number=number,
        text=text,
        sha256=text_sha256(text),
        findings=findings,
        author=user,
        comment=comment,
        created_at=now,
    )
    rule.current = version
    rule.updated_at = now
    rule.save()
    return version
