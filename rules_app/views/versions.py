"""What the version pages of rules and of models have in common."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from rules_app.keys import read_key
from rules_app.models import EventModelVersion, RuleVersion
from rules_app.text_views import code_lines, count_findings, diff_lines

Version = RuleVersion | EventModelVersion


def version_context(shown: Version, others: QuerySet, against: str) -> dict[str, Any]:
    """A version as it was, and what it changed against version `against`, else against the one before it."""
    base = others.filter(number=read_key(against) or shown.number - 1).first()
    return {
        "version": shown,
        "others": others,
        "base": base,
        "diff": diff_lines(base.text, shown.text) if base else [],
        "lines": code_lines(shown.text, shown.findings),
        "counts": count_findings(shown.findings),
    }
