"""What people say of hits: verdicts, each with its history, and comments."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F

from scans_app.models import Case, CaseAct, Hit, HitComment, HitGroup, HitJudgement
from scans_app.services.case_acts import record
from scans_app.services.hit_groups import count_verdicts

BATCH = 500  # rows a transaction, so that no write holds the database for long
COMMENT_LIMIT = 64 * 1024  # characters


def judge(hits: Iterable[Hit], verdict: str, user: AbstractBaseUser) -> int:
    """Give each of the hits a verdict ("" takes it back); how many changed.

    The hits are those of one case. A hit that has this verdict already is left alone. Each change is kept in its
    history with its author, and all of them as one act, which `services.undo` can take back.
    Raises ValueError for a word that is no verdict.
    """
    if verdict not in Hit.Verdict.values:
        words = ", ".join(filter(None, Hit.Verdict.values))
        raise ValueError(f"{verdict!r} is no verdict: choose one of {words}.")
    pks = list(dict.fromkeys(hit.pk for hit in hits))
    case = Case.objects.filter(scans__hit_rows__in=pks[:1]).first()
    if case is None:
        return 0
    act = record(case, user, CaseAct.Kind.VERDICT, count=0, verdict=verdict)
    changed = sum(_judge_batch(act, batch, user) for batch in batches_of(pks))
    if not changed:
        act.delete()
    return changed


def batches_of(pks: list[int]) -> list[list[int]]:
    """The keys cut into what one transaction writes."""
    return [pks[start : start + BATCH] for start in range(0, len(pks), BATCH)]


@transaction.atomic
def _judge_batch(act: CaseAct, pks: list[int], user: AbstractBaseUser) -> int:
    verdict = act.verdict
    changing = Hit.objects.select_for_update().filter(pk__in=pks).exclude(verdict=verdict).order_by("pk")
    changed = list(changing.only("pk", "scan", "verdict", *HitGroup.KEYS))
    Hit.objects.filter(pk__in=[hit.pk for hit in changed]).update(verdict=verdict)
    HitJudgement.objects.bulk_create(
        HitJudgement(hit_id=hit.pk, author=user, act=act, verdict=verdict, before=hit.verdict)
        for hit in changed
    )
    CaseAct.objects.filter(pk=act.pk).update(count=F("count") + len(changed))
    count_verdicts((hit, verdict) for hit in changed)
    return len(changed)


def comment(hit: Hit, text: str, user: AbstractBaseUser) -> HitComment:
    """Write a comment. Raises ValueError for one that is empty or longer than COMMENT_LIMIT characters."""
    text = text.strip()
    if not text:
        raise ValueError("The comment is empty.")
    if len(text) > COMMENT_LIMIT:
        raise ValueError(f"The comment has {len(text):,} characters; {COMMENT_LIMIT:,} fit.")
    return HitComment.objects.create(hit=hit, author=user, text=text)
