"""What people did in a case, a sentence each, paged by key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from scans_app.deletion_words import deletion_words
from scans_app.models import Case, CaseAct, Evidence, Hit, Scan
from scans_app.templatetags.display import counted, size

PAGE = 100


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One act: who, what, when, and the address of what it was about while that is there."""

    act: CaseAct
    text: str
    url: str


class CaseHistory:
    """The acts before `before` (a key), newest first. Without `with_single` those on one hit are left out: they stand
    on the hit's own notes."""

    def __init__(self, case: Case, *, before: int | None = None, with_single: bool = False, size: int = PAGE):
        acts = CaseAct.objects.filter(case=case).select_related("author").order_by("-pk")
        if before:
            acts = acts.filter(pk__lt=before)
        if not with_single:
            acts = acts.exclude(kind__in=CaseAct.ON_HITS, count__lte=1)
        found = list(acts[: size + 1])
        self.before = found[size - 1].pk if len(found) > size else None
        shown = found[:size]
        there = _there(case, shown)
        self.lines = [HistoryLine(act, _text(act), there.get(_target(act), "")) for act in shown]


def _text(act: CaseAct) -> str:
    return _TEXTS[act.kind](act)


def _verdict_word(act: CaseAct) -> str:
    return str(Hit.Verdict(act.verdict).label).lower()


def _member(act: CaseAct) -> str:
    name, role = act.facts["member"], act.facts["role"]
    return f"made {name} {role} of the case" if role else f"took {name} out of the case"


def _undo(act: CaseAct) -> str:
    since = act.facts.get("judged_since")
    left = f"; {since:,} judged since stayed" if since else ""
    return f"undid {counted(act.count, 'verdict,verdicts')} {_verdict_word(act)}{left}"


def _assignment(act: CaseAct) -> str:
    return f"assigned {counted(act.count, 'hit,hits')} to {act.facts['assignee'] or 'nobody'}"


def _star(act: CaseAct) -> str:
    hits = counted(act.count, "hit,hits")
    return f"starred {hits}" if act.facts["starred"] else f"took the stars of {hits} away"


def _deletion(act: CaseAct) -> str:
    return f"deleted {act.facts['name']}: {deletion_words(act.facts)}"


def _scan(act: CaseAct) -> str:
    rules, files = counted(act.facts["rules"], "rule,rules"), counted(act.facts["files"], "file,files")
    return f"started scan {act.facts['scan']} with {rules} over {files}"


_TEXTS: dict[str, Callable[[CaseAct], str]] = {
    CaseAct.Kind.CASE: lambda act: "made the case",
    CaseAct.Kind.MEMBER: _member,
    CaseAct.Kind.EVIDENCE: lambda act: f"added {act.facts['name']}, {size(act.facts['size'])}",
    CaseAct.Kind.SCAN: _scan,
    CaseAct.Kind.CANCEL: lambda act: f"cancelled scan {act.facts['scan']}",
    CaseAct.Kind.VERDICT: lambda act: f"judged {counted(act.count, 'hit,hits')} {_verdict_word(act)}",
    CaseAct.Kind.UNDO: _undo,
    CaseAct.Kind.ASSIGNMENT: _assignment,
    CaseAct.Kind.STAR: _star,
    CaseAct.Kind.DELETION: _deletion,
}


def _target(act: CaseAct) -> tuple[str, Any]:
    """What an act was about: its page and key."""
    if act.kind == CaseAct.Kind.EVIDENCE:
        return "cases:evidence_file", act.facts["evidence"]
    return "cases:scan", act.facts.get("scan")


def _there(case: Case, acts: list[CaseAct]) -> dict[tuple[str, Any], str]:
    """The addresses of those targets that are there still."""
    models: dict[str, QuerySet[Any]] = {
        "cases:evidence_file": Evidence.objects.of_case(case),
        "cases:scan": Scan.objects.of_case(case),
    }
    found = {}
    for page, rows in models.items():
        keys = {key for act in acts for name, key in [_target(act)] if name == page and key is not None}
        for pk in rows.filter(pk__in=keys).values_list("pk", flat=True) if keys else ():
            found[page, pk] = reverse(page, args=[case.pk, pk])
    return found
