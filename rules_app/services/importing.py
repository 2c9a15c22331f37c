"""Importing rule files into a set: every document becomes a rule, and nothing is lost on the way.

A rule's identity in its set is its path and the number of its document in that file. Whether an import
changes a rule is asked of the text that was imported last, not of the current one, so that importing the
same files again leaves alone what people edited here since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count

from rules_app.models import RuleSet
from rules_app.selection import load_default_model
from rules_app.services.import_batches import Document, write_batch
from rules_app.services.placeholders import derive_anew
from rules_app.services.rule_files import FileRefused, FoundFile, decode_rule_file
from rules_app.services.versions import text_sha256
from sigma_engine import Placeholders, parse_rules

BATCH_DOCUMENTS = 250  # about three rows written for each: a transaction stays under 1,000
MAX_DOCUMENTS = 1000  # in one file


@dataclass
class ImportReport:
    """What became of an import. `refused` and `notices` are (path, sentence).

    `created`, `updated` and `unchanged` count rules and add up to all documents that were read; `broken`
    says how many of them are kept but can't run.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    broken: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class _Batch:
    """Documents that are written together, and the files that were refused while they were gathered."""

    documents: list[Document] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    files_done: int = 0


def import_rules(
    files: Iterable[FoundFile],
    rule_set: RuleSet,
    user: User | None,
    *,
    report: ImportReport | None = None,
    skip: int = 0,
    batch_done: Callable[[ImportReport, int], None] = lambda report, files_done: None,
) -> ImportReport:
    """Bring files into a set and say what became of each.

    A file that can't be read as text is refused with a sentence; a document that is no valid rule is kept
    and counts as broken. `batch_done` is given the report and the number of files done, inside the
    transaction that wrote them; with that report and number as `skip` an interrupted import goes on. When the
    set's placeholders change meanwhile, the rules that ask for them are derived anew at the end.
    """
    report = report or ImportReport()
    model = load_default_model()
    placeholders = RuleSet.objects.values_list("placeholders", flat=True).get(pk=rule_set.pk)
    for batch in _batches(files, skip, placeholders):
        with transaction.atomic():
            outcome = write_batch(batch.documents, rule_set, user, model)
            report.created += outcome.created
            report.updated += outcome.updated
            report.unchanged += outcome.unchanged
            report.broken += outcome.broken
            report.notices += outcome.notices
            report.refused += batch.refused
            batch_done(report, batch.files_done)
    derive_anew(rule_set)
    report.notices += _same_ids(rule_set)
    return report


def _batches(files: Iterable[FoundFile], skip: int, placeholders: Placeholders) -> Iterator[_Batch]:
    """The files' documents in batches. A file is never cut in two: its documents share a transaction."""
    batch = _Batch(files_done=skip)
    paths: set[str] = set()
    for position, found in enumerate(files):
        repeated = found.path in paths
        paths.add(found.path)
        if position < skip:
            continue
        try:
            documents = _documents(found, placeholders, repeated=repeated)
        except FileRefused as refused:
            batch.refused.append((refused.path, refused.sentence))
            documents = []
        if len(batch.documents) + len(documents) > BATCH_DOCUMENTS:
            yield batch
            batch = _Batch(files_done=batch.files_done)
        batch.documents += documents
        batch.files_done += 1
    yield batch


def _documents(found: FoundFile, placeholders: Placeholders, *, repeated: bool) -> list[Document]:
    """The documents of one file. Raises FileRefused when nothing of it can be kept as a rule."""
    if found.refused:
        raise FileRefused(found.path, found.refused)
    if repeated:
        raise FileRefused(found.path, "A file of this path came earlier in this import; that one was read.")
    parsed = parse_rules(decode_rule_file(found.path, found.content), placeholders)
    if not parsed:
        raise FileRefused(found.path, "The file is empty: it holds no YAML document.")
    if len(parsed) > MAX_DOCUMENTS:
        raise FileRefused(
            found.path, f"The file has {len(parsed):,} documents; at most {MAX_DOCUMENTS:,} are read."
        )
    return [
        Document(found.path, number, document, text_sha256(document.text))
        for number, document in enumerate(parsed)
    ]


def _same_ids(rule_set: RuleSet) -> list[tuple[str, str]]:
    """A notice for each rule whose id another rule of the set has too."""
    shared = (
        rule_set.rules.exclude(rule_uid="")
        .values("rule_uid")
        .annotate(rules=Count("pk"))
        .filter(rules__gt=1)
        .values("rule_uid")
    )
    places: dict[str, list[str]] = {}
    found = rule_set.rules.filter(rule_uid__in=shared).order_by("path", "document")
    for uid, path, document in found.values_list("rule_uid", "path", "document"):
        places.setdefault(uid, []).append(f"{path}, document {document + 1}" if document else path)
    return [
        (names[0], f"Its id {uid} is also that of {'; '.join(names[1:4])}. All {len(names)} rules are kept.")
        for uid, names in places.items()
    ]
