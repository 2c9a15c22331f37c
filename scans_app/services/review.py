"""What people say of hits: verdicts, each with its history, and comments."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from scans_app.models import Hit, HitComment, HitGroup, HitJudgement
from scans_app.services.hit_groups import count_verdicts

BATCH = 500  # rows a transaction, so that no write holds the database for long
COMMENT_LIMIT = 64 * 1024  # characters


def judge(hits: Iterable[Hit], verdict: str, user: AbstractBaseUser) -> int:
    """Give each of the hits a verdict ("" takes it back); how many changed.

    A hit that has this verdict already is left alone. Each change is kept in its history with its author.
    Raises ValueError for a word that is no verdict.
    """
    if verdict not in Hit.Verdict.values:
        words = ", ".join(filter(None, Hit.Verdict.values))
        raise ValueError(f"{verdict!r} is no verdict: choose one of {words}.")
    pks = list(dict.fromkeys(hit.pk for hit in hits))
    batches = [pks[start : start + BATCH] for start in range(0, len(pks), BATCH)]
    return sum(_judge_batch(batch, verdict, user) for batch in batches)


@transaction.atomic
def _judge_batch(pks: list[int], verdict: str, user: AbstractBaseUser) -> int:
    changing = Hit.objects.select_for_update().filter(pk__in=pks).exclude(verdict=verdict).order_by("pk")
    changed = list(changing.only("pk", "scan", "verdict", *HitGroup.KEYS))
    Hit.objects.filter(pk__in=[hit.pk for hit in changed]).update(verdict=verdict)
    HitJudgement.objects.bulk_create(
        HitJudgement(hit_id=hit.pk, author=user, verdict=verdict) for hit in changed
    )
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
