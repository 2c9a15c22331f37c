"""The funnels of a debug scan, as rows: of those never tried before it starts, of every other rule when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import sigma_engine
from rules_app.models import Rule
from rules_app.selection import RuleSelection
from scans_app.models import Scan, ScanFunnel, ScanSources
from scans_app.services.correlating import CorrelationRows
from scans_app.services.event_rows import FrozenRule, clean_event, clean_text
from scans_app.services.scanners import load_scan
from scans_app.services.unit_funnels import add_up_units

SENTENCE_KEPT = 2_000
NAMES_KEPT = 300  # of a log source, the most frequent
MISSING_KEPT = 2_000
ROWS_A_STATEMENT = 200


@dataclass
class FunnelRows:
    """What is written when a debug scan ends; nothing for others."""

    rules: list[ScanFunnel] = field(default_factory=list)
    sources: ScanSources | None = None


def funnel_rows(scan: Scan, correlated: CorrelationRows) -> FunnelRows:
    """The rows of a debug scan whose units are all done; the same for the same scan. Writes nothing."""
    if not scan.debug:
        return FunnelRows()
    loaded = load_scan(scan)
    assert loaded.questions is not None
    report = sigma_engine.FunnelReport(loaded.compiled, loaded.questions, add_up_units(scan))
    rules = [_of_rule(scan, report, index, loaded.rules[index]) for index in loaded.questions.asked]
    rules += [
        _of_correlation(scan, report, plan, loaded.rules[plan.rule_index], correlated)
        for plan in loaded.compiled.correlations.plans
        if plan.rule_index not in loaded.questions.asked
    ]
    return FunnelRows(rules, _sources(scan, report))


def write_funnels(rows: FunnelRows) -> None:
    """Writes the rows, inside the transaction that ends the scan."""
    ScanFunnel.objects.bulk_create(rows.rules, batch_size=ROWS_A_STATEMENT)
    if rows.sources is not None:
        rows.sources.save(force_insert=True)


def _of_rule(scan: Scan, report: sigma_engine.FunnelReport, index: int, frozen: FrozenRule) -> ScanFunnel:
    funnel = report.rule(index)
    cause = sigma_engine.why_silent_rule(report, funnel)
    rule = report.compiled.rules[index]
    counts = funnel.to_dict()
    if cause.example is not None:
        counts["example"] = list(cause.example)
    return ScanFunnel(
        scan=scan,
        rule_id=frozen.rule_pk,
        rule_version_id=frozen.version_pk,
        title=frozen.title,
        level=frozen.level,
        logsource=str(rule.logsource) if isinstance(rule, sigma_engine.Rule) else "",
        stopped_at=cause.stopped_at,
        cause=cause.code,
        sentence=clean_text(cause.sentence, SENTENCE_KEPT),
        line=cause.line,
        of_source=funnel.of_source,
        fields_present=funnel.fields_present,
        any_selection=funnel.any_selection,
        condition=funnel.condition,
        counts=clean_event(counts),
    )


def _of_correlation(
    scan: Scan,
    report: sigma_engine.FunnelReport,
    plan: sigma_engine.Plan,
    frozen: FrozenRule,
    correlated: CorrelationRows,
) -> ScanFunnel:
    """A correlation counts matches of its rules, and its hits."""
    hits = correlated.counts.get(plan.rule_index, 0)
    cause = correlated.nearest.get(plan.rule_index, {}).get("cause", "")
    asked = report.questions.asked
    matches = sum(report.rule(one.index).condition for one in plan.references if one.index in asked)
    return ScanFunnel(
        scan=scan,
        rule_id=frozen.rule_pk,
        rule_version_id=frozen.version_pk,
        title=frozen.title,
        level=frozen.level,
        stopped_at=ScanFunnel.Stop.HIT if hits else ScanFunnel.Stop.CORRELATION,
        cause="hit" if hits else "correlation",
        sentence=clean_text(cause, SENTENCE_KEPT),
        of_source=matches,
        fields_present=matches,
        any_selection=matches,
        condition=hits,
        counts={"matches": matches, "hits": hits},
    )


def _sources(scan: Scan, report: sigma_engine.FunnelReport) -> ScanSources:
    return ScanSources(
        scan=scan,
        events=report.funnel.events,
        sources=[
            {
                "name": source.name,
                "events": source.events,
                "rules": source.rules,
                "names": [[clean_text(name), n] for name, n in list(source.names.items())[:NAMES_KEPT]],
                "unnamed": source.unnamed + max(len(source.names) - NAMES_KEPT, 0),
            }
            for source in report.sources()
        ],
        missing_fields=[_cleaned(asdict(one)) for one in islice(report.missing_fields(), MISSING_KEPT)],
        failed_lambdas=[_cleaned(asdict(one)) for one in report.failed_lambdas()],
    )


def _cleaned(value: Any) -> Any:
    """Data whose texts any database takes."""
    if isinstance(value, dict):
        return {name: _cleaned(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(one) for one in value]
    return clean_text(value) if isinstance(value, str) else value


def never_tried_rows(scan: Scan, left_out: list[dict[str, Any]], ran: set[int]) -> Iterator[ScanFunnel]:
    """A row for each rule that the scan does not run: `left_out` as in `Scan.rules_left_out`, `ran` the rules (by
    key) that it does, and all others of the library with what leaves them out."""
    sentences = {pk: (group["code"], reason) for group in left_out for pk, _title, reason in group["rules"]}
    chosen = RuleSelection.from_json(scan.selection)
    rules = Rule.objects.select_related("current", "rule_set").defer(
        "rule_set__placeholders", "current__text"
    )
    for rule in rules.exclude(pk__in=ran).order_by("pk").iterator(chunk_size=500):
        code, sentence = sentences.get(rule.pk) or _why_not_chosen(rule, chosen)
        if code == ScanFunnel.Stop.NOT_SERVED:
            sentence = f"The model {scan.model_version} has no log source for `{rule.logsource}`."
        yield ScanFunnel(
            scan=scan,
            rule=rule,
            rule_version=rule.current,
            title=rule.title,
            level=rule.level,
            logsource=rule.logsource if rule.has_logsource else "",
            stopped_at=code,
            cause=code,
            sentence=clean_text(sentence, SENTENCE_KEPT),
        )


def _why_not_chosen(rule: Rule, chosen: RuleSelection) -> tuple[str, str]:
    """Why the choice of a scan leaves a rule out: the first reason there is."""
    if rule.current is None:
        return ScanFunnel.Stop.UNPUBLISHED, "Only a draft of it exists: scans run published rules."
    if not rule.enabled:
        return ScanFunnel.Stop.DISABLED, "It is switched off in the library."
    words = "The choice of this scan leaves it out"
    if chosen.sets and rule.rule_set_id not in chosen.sets:
        return ScanFunnel.Stop.NOT_SELECTED, f"{words}: its set {rule.rule_set.name} was not chosen."
    if chosen.levels and rule.level_name not in chosen.levels:
        level = rule.level_name or "not given"
        return (
            ScanFunnel.Stop.NOT_SELECTED,
            f"{words}: its level is {level}, it ran {_listed(chosen.levels)}.",
        )
    if chosen.statuses and rule.status not in chosen.statuses:
        status = rule.status or "not given"
        return (
            ScanFunnel.Stop.NOT_SELECTED,
            f"{words}: its status is {status}, it ran {_listed(chosen.statuses)}.",
        )
    return ScanFunnel.Stop.NOT_SELECTED, f"{words}: its tags, title or filter do not fit."


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)
