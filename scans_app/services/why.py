"""Why a rule did or did not match the event of a hit: the engine's explanation, with what the scan ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from rules_app.models import EventModelVersion, RuleVersion
from rules_app.selection import load_event_model, load_rule
from scans_app.models import Hit, Scan
from scans_app.services.placeholders import lists_for_asking
from sigma_engine import Filter, Rule, explain, filtered


@dataclass(frozen=True, slots=True)
class Why:
    """An explanation (`sigma_engine.Explanation.to_dict`), or the sentence that says why there is none."""

    version: RuleVersion
    model_version: EventModelVersion
    tree: dict[str, Any] | None
    problem: str = ""


def explain_hit(hit: Hit, version: RuleVersion | None = None) -> Why:
    """Explain the rule version that made the hit, or another, on the hit's event, with what the scan ran with.

    Writes nothing. A broken rule or model is an answer, not an exception: its `problem` says so.
    """
    version = version or hit.rule_version
    model_version = hit.scan.model_version
    try:
        rule = load_rule(version, lists_for_asking(hit.scan, version))
        model = load_event_model(model_version)
    except ValueError as error:
        return Why(version, model_version, None, f"There is nothing to explain: {error}.")
    if not isinstance(rule, Rule):
        problem = (
            "This rule is about the hits of other rules: the events that it counted are listed under Event."
        )
        return Why(version, model_version, None, problem)
    rule = filtered(rule, _filters(hit.scan))
    tree = explain(rule, model, hit.event.data, hit.evidence.name).to_dict()
    return Why(version, model_version, tree)


def _filters(scan: Scan) -> list[Filter]:
    """The global filters that the scan ran with: they decide about every rule that they name."""
    about_others = Q(rule_version__text__startswith="filter:") | Q(rule_version__text__contains="\nfilter:")
    rows = scan.rules.filter(about_others).select_related("rule_version__rule__rule_set")
    rules = [load_rule(row.rule_version, lists_for_asking(scan, row.rule_version)) for row in rows]
    return [rule for rule in rules if isinstance(rule, Filter)]
