"""The funnel of a scan as one JSON document: what `scan --debug FILE` writes. Its shape is in docs/semantics.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from sigma_engine.compiler import ENGINE_VERSION
from sigma_engine.correlation_parts import NearestWindow
from sigma_engine.funnel_report import FunnelReport
from sigma_engine.nearest_window import why_silent
from sigma_engine.rule import AnyRule
from sigma_engine.silence import why_silent_rule

FORMAT: Final = "sigma funnel 1"


@dataclass(frozen=True)
class NeverTried:
    """A rule that was asked of no event. `code` is `broken`, `not_served`, `not_run`, `not_selected` or `disabled`."""

    id: str
    title: str
    level: str
    code: str
    sentence: str


def funnel_document(
    report: FunnelReport,
    never_tried: Iterable[NeverTried],
    correlation_hits: Mapping[int, int],
    nearest: Mapping[int, NearestWindow],
) -> dict[str, Any]:
    """The document; `correlation_hits` and `nearest` (of those without a hit) are by the index of the correlation."""
    compiled = report.compiled
    titles = [rule.title for rule in compiled.rules]
    rules = [_rule(report, index) for index in report.questions.asked]
    for plan in compiled.correlations.plans:
        hits = correlation_hits.get(plan.rule_index, 0)
        why = why_silent(plan, nearest[plan.rule_index], titles) if plan.rule_index in nearest else ""
        one = {"hits": hits, "stopped_at": "hit" if hits else "correlation", "cause": "", "sentence": why}
        rules.append(_named(compiled.rules[plan.rule_index]) | {"correlation": True} | one)
    return {
        "format": FORMAT,
        "engine": ENGINE_VERSION,
        "model": compiled.model.name,
        "events": report.funnel.events,
        "rules": rules,
        "never_tried": [asdict(one) for one in never_tried],
        "log_sources": [asdict(source) for source in report.sources()],
        "missing_fields": [asdict(one) for one in report.missing_fields()],
        "failed_lambdas": [asdict(one) | {"first": list(one.first)} for one in report.failed_lambdas()],
    }


def _rule(report: FunnelReport, index: int) -> dict[str, Any]:
    funnel = report.rule(index)
    cause = why_silent_rule(report, funnel)
    return {
        **_named(report.compiled.rules[index]),
        "log_sources": list(report.compiled.served[index]),
        **funnel.to_dict(),
        "stopped_at": cause.stopped_at,
        "cause": cause.code,
        "sentence": cause.sentence,
        "line": cause.line,
        "example": list(cause.example) if cause.example else None,
    }


def _named(rule: AnyRule) -> dict[str, Any]:
    return {"id": rule.id, "title": rule.title, "level": rule.level, "status": rule.status}
