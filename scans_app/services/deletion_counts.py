"""What a deletion takes with it, in numbers: said before, and what its progress is measured by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from django.db.models import OuterRef, Subquery, Sum

from scans_app.models import (
    Case,
    Event,
    Evidence,
    EvidenceChunk,
    Hit,
    HitAssignment,
    HitComment,
    HitStar,
    Scan,
)
from scans_app.models.hits import event_pk


@dataclass(frozen=True, slots=True)
class DeletionCounts:
    """How many of each kind of thing go. `stored` are the events kept with hits, `size` the bytes on disk."""

    scans: int = 0
    hits: int = 0
    judged: int = 0
    comments: int = 0
    stars: int = 0
    assignments: int = 0
    files: int = 0
    events: int = 0
    size: int = 0
    stored: int = 0
    chunks: int = 0

    def __add__(self, other: DeletionCounts) -> DeletionCounts:
        return DeletionCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def rows(self) -> int:
        """What the progress counts: rows that there may be many of."""
        return self.hits + self.stored + self.chunks

    def facts(self) -> dict[str, int]:
        """What is said of it afterwards: the numbers that are not 0."""
        names = ("scans", "hits", "judged", "comments", "files", "events", "size")
        return {name: number for name in names if (number := getattr(self, name))}


def count_scans(pks: Sequence[int]) -> DeletionCounts:
    """What goes with these scans. Nothing here reads the hits that nobody judged."""
    judged = Hit.objects.filter(scan__in=list(pks), verdict__in=[one for one in Hit.Verdict.values if one])
    return DeletionCounts(
        scans=len(pks),
        hits=Scan.objects.filter(pk__in=list(pks)).aggregate(n=Sum("hits"))["n"] or 0,
        judged=judged.order_by().count(),
        comments=_comments(pks),
        stars=HitStar.objects.filter(scan__in=list(pks)).count(),
        assignments=HitAssignment.objects.filter(scan__in=list(pks)).count(),
    )


def _comments(pks: Sequence[int]) -> int:
    # From the comments to their hits: a join would look for comments of each hit of a large scan.
    scan = Hit.objects.filter(pk=OuterRef("hit")).values("scan")
    return HitComment.objects.annotate(of=Subquery(scan)).filter(of__in=list(pks)).count()


def count_files(files: Sequence[Evidence]) -> DeletionCounts:
    """What goes with these files, without the scans that read them."""
    return DeletionCounts(
        files=len(files),
        events=sum(file.events for file in files),
        size=sum(file.size for file in files),
        stored=sum(_stored(file) for file in files),
        chunks=EvidenceChunk.objects.filter(evidence__in=files).count(),
    )


def count_case(case: Case) -> DeletionCounts:
    """What goes with a case."""
    scans = list(Scan.objects.filter(case=case).values_list("pk", flat=True))
    return count_scans(scans) + count_files(list(Evidence.objects.filter(case=case)))


def _stored(file: Evidence) -> int:
    return Event.objects.filter(pk__range=(event_pk(file.pk, 0, 0), event_pk(file.pk + 1, 0, 0) - 1)).count()
