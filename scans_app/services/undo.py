"""Taking back the last verdicts of a person: each hit gets back what it had, unless somebody judged it since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from scans_app.models import Case, CaseAct, Hit, HitGroup, HitJudgement
from scans_app.services.case_acts import record
from scans_app.services.hit_groups import count_verdicts
from scans_app.services.review import batches_of

UNDO_MINUTES = 15
UNDONE = "These verdicts have been undone already."


class UndoRefused(Exception):
    """This can't be undone any more; the text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did: hits that have their verdict of before, and those left alone since they were judged anew."""

    restored: int = 0
    judged_since: int = 0

    def __add__(self, other: Undone) -> Undone:
        return Undone(self.restored + other.restored, self.judged_since + other.judged_since)


def undoable(case: Case, user: AbstractBaseUser | AnonymousUser) -> CaseAct | None:
    """The last verdicts that this person gave in the case within UNDO_MINUTES and did not take back yet.

    After an undo that is the act before it, so that several can be undone, the last first.
    """
    since = timezone.now() - timedelta(minutes=UNDO_MINUTES)
    acts = CaseAct.objects.filter(case=case, author=user.pk, kind=CaseAct.Kind.VERDICT, undone_at=None)
    return acts.filter(created_at__gte=since, count__gt=0).order_by("-pk").first()


def undo(act: CaseAct, user: AbstractBaseUser) -> Undone:
    """Give the hits of a person's act their verdicts of before. Raises UndoRefused for an act of somebody else, one
    that was undone, and one older than UNDO_MINUTES.

    Asked twice, or again after a server died, it goes on with what is left. History is added to, never changed.
    """
    if act.author_id != user.pk or act.kind != CaseAct.Kind.VERDICT:
        raise UndoRefused("Only your own verdicts can be undone.")
    if act.undone_at is not None:
        raise UndoRefused(UNDONE)
    if act.created_at < timezone.now() - timedelta(minutes=UNDO_MINUTES):
        raise UndoRefused(f"Verdicts can be undone for {UNDO_MINUTES} minutes. Judge the hits anew.")
    done = _restored(act).values("hit")
    left = HitJudgement.objects.filter(act=act, is_undo=False).exclude(hit__in=done)
    pks = list(left.order_by("pk").values_list("pk", flat=True))
    result = sum((_undo_batch(act, batch, user) for batch in batches_of(pks)), Undone())
    with transaction.atomic():
        if not CaseAct.objects.filter(pk=act.pk, undone_at=None).update(undone_at=timezone.now()):
            raise UndoRefused(UNDONE)
        restored = _restored(act).count()  # with what was restored before a server died
        since = HitJudgement.objects.filter(act=act, is_undo=False).count() - restored
        facts = {"verdict": act.verdict, "judged_since": since}
        record(act.case_id, user, CaseAct.Kind.UNDO, count=restored, **facts)
    return result


def _restored(act: CaseAct) -> QuerySet[HitJudgement]:
    return HitJudgement.objects.filter(act=act, is_undo=True)


@transaction.atomic
def _undo_batch(act: CaseAct, pks: list[int], user: AbstractBaseUser) -> Undone:
    given = {one.hit_id: one for one in HitJudgement.objects.filter(pk__in=pks)}
    hits = Hit.objects.select_for_update().filter(pk__in=given).order_by("pk")
    locked = list(hits.only("pk", "scan", "verdict", *HitGroup.KEYS))
    # Asked with the hits locked: the same undo, asked for twice at once, may have been here.
    done = set(_restored(act).filter(hit__in=given).values_list("hit", flat=True))
    changed = [hit for hit in locked if hit.pk not in done]
    # What was judged and undone since does not count: the hit is again as this act left it.
    standing = HitJudgement.objects.filter(hit__in=given, act__undone_at=None).order_by()
    newest = dict(standing.values_list("hit").annotate(newest=Max("pk")))
    restored = [
        hit for hit in changed if newest.get(hit.pk) == given[hit.pk].pk and hit.verdict == act.verdict
    ]
    for verdict in {given[hit.pk].before for hit in restored}:
        Hit.objects.filter(pk__in=[h.pk for h in restored if given[h.pk].before == verdict]).update(
            verdict=verdict
        )
    HitJudgement.objects.bulk_create(
        HitJudgement(
            hit_id=hit.pk,
            author=user,
            act=act,
            is_undo=True,
            verdict=given[hit.pk].before,
            before=hit.verdict,
        )
        for hit in restored
    )
    count_verdicts((hit, given[hit.pk].before) for hit in restored)
    return Undone(len(restored), len(changed) - len(restored))
