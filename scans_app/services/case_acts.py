"""The history of a case is written here, in the transaction of what it tells of."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from scans_app.models import Case, CaseAct


def record(
    case: Case | int, user: AbstractBaseUser | None, kind: str, *, count: int = 1, **facts: Any
) -> CaseAct:
    """Keep what somebody did. `facts` are JSON and what `scans_app.case_history` makes a sentence of."""
    case_pk = case if isinstance(case, int) else case.pk
    return CaseAct.objects.create(case_id=case_pk, author=user, kind=kind, count=count, facts=facts)
