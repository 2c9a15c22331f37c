"""The placeholders of a set: saving them, and deriving anew what the rules that ask for them are worth.

Whoever derives a rule to save it holds the set's row until it is written, so that no rule keeps what was
derived from lists that were replaced meanwhile. Imports, which take long, derive anew at their end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from rules_app.models import Rule, RuleSet, RuleVersion
from rules_app.services.derive import derive_rule
from rules_app.services.versions import text_sha256
from sigma_engine import Placeholders, write_placeholders

ROWS_A_WRITE = 50


class PlaceholdersConflict(Exception):
    """Somebody saved other placeholders after this edit began. `current` are theirs."""

    def __init__(self, current: dict[str, list[str]]) -> None:
        super().__init__("other placeholders were saved in the meantime")
        self.current = current


@dataclass(frozen=True)
class DerivedAnew:
    """How many rules ask for placeholders, how many of them are broken, and how many were and are not any more."""

    rules: int
    broken: int
    mended: int


def placeholders_digest(lists: Placeholders) -> str:
    """Names the content of lists, whatever their order (SHA-256, hex)."""
    return text_sha256(write_placeholders(lists))


def locked_placeholders(rule_set: RuleSet) -> dict[str, list[str]]:
    """The lists of a set as they are now; nobody else saves some until the transaction ends."""
    locked = RuleSet.objects.select_for_update(no_key=True)
    return locked.values_list("placeholders", flat=True).get(pk=rule_set.pk)


def save_placeholders(rule_set: RuleSet, lists: Placeholders, base_digest: str) -> DerivedAnew:
    """Save lists that `sigma_engine.parse_placeholders` read without an error, and derive the set's rules anew.

    Raises PlaceholdersConflict, with nothing written, when the set's lists are neither these nor those that the
    edit began with.
    """
    with transaction.atomic():
        current = locked_placeholders(rule_set)
        if current != lists:
            if placeholders_digest(current) != base_digest:
                raise PlaceholdersConflict(current)
            RuleSet.objects.filter(pk=rule_set.pk).update(placeholders=lists)
        return derive_anew(rule_set)


def derive_anew(rule_set: RuleSet) -> DerivedAnew:
    """Find anew which rules of a set that ask for placeholders are broken, and the findings of their text and of
    every draft."""
    with transaction.atomic():
        lists = locked_placeholders(rule_set)
        rules = list(rule_set.rules.exclude(placeholders=[]).select_for_update(no_key=True))
        versions = RuleVersion.objects.in_bulk([rule.current_id or rule.draft_id for rule in rules])
        drafts = RuleVersion.objects.filter(pk__in=rule_set.rules.values("draft")).exclude(pk__in=versions)
        _find_anew(drafts, lists)
        mended = 0
        for rule in rules:
            version = versions[rule.current_id or rule.draft_id]
            derived = derive_rule(version.text, None, lists)
            mended += rule.broken and not derived.columns["broken"]
            rule.broken, rule.placeholders = derived.columns["broken"], derived.columns["placeholders"]
            version.findings = derived.findings
        Rule.objects.bulk_update(rules, ["broken", "placeholders"], batch_size=ROWS_A_WRITE)
        RuleVersion.objects.bulk_update(versions.values(), ["findings"], batch_size=ROWS_A_WRITE)
    return DerivedAnew(len(rules), sum(rule.broken for rule in rules), mended)


def _find_anew(versions: Iterable[RuleVersion], lists: Placeholders) -> None:
    """The findings of versions with these lists."""
    changed = list(versions)
    for version in changed:
        version.findings = derive_rule(version.text, None, lists).findings
    RuleVersion.objects.bulk_update(changed, ["findings"], batch_size=ROWS_A_WRITE)
