"""Writing a batch of imported documents: what is new, what changed, what is as it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Max, OuterRef, Subquery
from django.utils import timezone

from rules_app.models import Rule, RuleSet, RuleVersion
from rules_app.services.derive import DerivedRule, derive_document
from sigma_engine import Model, ParsedRule

DERIVED_COLUMNS = [
    "rule_uid", "title", "level", "status", "category", "product", "service", "tags", "tags_text",
    "author", "description", "placeholders", "broken", "served", "imported_sha256", "updated_at",
]  # fmt: skip


@dataclass(frozen=True)
class Document:
    """One document of a file on its way into the database."""

    path: str
    number: int
    parsed: ParsedRule
    sha256: str


@dataclass
class BatchOutcome:
    """What became of a batch's documents, in the words of `ImportReport`."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    broken: int = 0
    notices: list[tuple[str, str]] = field(default_factory=list)


def write_batch(
    documents: list[Document], rule_set: RuleSet, user: User | None, model: Model | None
) -> BatchOutcome:
    """Write the documents that the set does not have yet as rules or new versions. Call in a transaction."""
    outcome = BatchOutcome()
    known = _known_rules(documents, rule_set)
    new: list[tuple[Rule, Document, DerivedRule]] = []
    changed: list[tuple[Rule, Document, DerivedRule]] = []
    for document in documents:
        rule = known.get((document.path, document.number))
        if rule is not None and document.sha256 in (rule.imported_sha256, _current_sha256(rule)):
            outcome.unchanged += 1
            outcome.broken += rule.broken
            continue
        derived = derive_document(document.parsed, model)
        outcome.broken += derived.columns["broken"]
        if rule is None:
            rule = Rule(rule_set=rule_set, path=document.path, document=document.number)
            new.append((rule, document, derived))
        else:
            changed.append((rule, document, derived))
    outcome.created, outcome.updated = len(new), len(changed)
    numbers = _newest_numbers([rule for rule, _, _ in changed])
    outcome.notices = [_edited_here(rule, numbers[rule.pk]) for rule, _, _ in changed if _was_edited(rule)]
    outcome.notices += [_has_draft(rule) for rule, _, _ in changed if rule.draft]
    _write(new, changed, numbers, user)
    return outcome


def _known_rules(documents: list[Document], rule_set: RuleSet) -> dict[tuple[str, int], Rule]:
    """The rules that the set has at the places of these documents, locked, with their current versions."""
    rules = (
        rule_set.rules.filter(path__in={document.path for document in documents})
        .select_for_update(of=("self",))
        .select_related("current", "draft")
    )
    return {(rule.path, rule.document): rule for rule in rules}


def _newest_numbers(rules: list[Rule]) -> dict[int, int]:
    """The number of the newest version of each rule, drafts among them."""
    versions = RuleVersion.objects.filter(rule__in=rules).order_by()
    return dict(versions.values_list("rule").annotate(Max("number")))


def _current_sha256(rule: Rule) -> str:
    return rule.current.sha256 if rule.current else ""


def _was_edited(rule: Rule) -> bool:
    """Whether people published another text here after the last import."""
    return _current_sha256(rule) != rule.imported_sha256


def _edited_here(rule: Rule, newest: int) -> tuple[str, str]:
    number = rule.current.number if rule.current else 0
    return (
        rule.path,
        f"{rule.title} was edited here (version {number}) and its file has changed too: the file's text is "
        f"now version {newest + 1}, the edit is kept as version {number}.",
    )


def _has_draft(rule: Rule) -> tuple[str, str]:
    return (
        rule.path,
        f"{rule.title} has a draft here (version {rule.to_edit.number}) and its file has changed: the file's text "
        "is published, the draft is as it was. Bring over what the file changed before you publish the draft.",
    )


def _write(
    new: list[tuple[Rule, Document, DerivedRule]],
    changed: list[tuple[Rule, Document, DerivedRule]],
    numbers: dict[int, int],
    user: User | None,
) -> None:
    """Rules, their versions, and which version is current: in bulk, a few statements for the batch."""
    now = timezone.now()
    for rule, document, derived in new + changed:
        for name, value in derived.columns.items():
            setattr(rule, name, value)
        rule.imported_sha256 = document.sha256
        rule.updated_at = now
    Rule.objects.bulk_create([rule for rule, _, _ in new])
    Rule.objects.bulk_update([rule for rule, _, _ in changed], DERIVED_COLUMNS, batch_size=50)
    RuleVersion.objects.bulk_create(
        [_version(*entry, numbers.get(entry[0].pk, 0) + 1, user, now) for entry in new + changed]
    )
    latest = RuleVersion.objects.filter(rule=OuterRef("pk")).order_by("-number").values("pk")[:1]
    written = [rule.pk for rule, _, _ in new + changed]
    Rule.objects.filter(pk__in=written).update(current=Subquery(latest))


def _version(
    rule: Rule, document: Document, derived: DerivedRule, number: int, user: User | None, now: datetime
) -> RuleVersion:
    """The version that an imported document makes; it is published at once."""
    return RuleVersion(
        rule=rule,
        number=number,
        text=document.parsed.text,
        sha256=document.sha256,
        findings=derived.findings,
        author=user,
        comment="Imported",
        created_at=now,
    )
