"""Preflight: what a scan would run on which log sources, and what not, each with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser

import sigma_engine
from rules_app.models import EventModelVersion, Rule, RuleVersion
from rules_app.selection import Candidates, RuleSelection, load_event_model
from scans_app.models import Case, Evidence

EXAMPLES = 5
CORRELATIONS = "the hits of other rules"  # what correlations run on, where others have a log source


@dataclass(frozen=True, slots=True)
class SourceCount:
    """A log source of the model, the rules that would run on it, and the events of the evidence in it."""

    name: str
    rules: int
    events: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rules that will not run for one reason. `code` is broken, not_served, not_run or not_selected.

    `rules` are (rule pk, title, what is wrong); all of them, but none for not_selected.
    """

    code: str
    reason: str
    count: int
    rules: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def examples(self) -> list[tuple[int, str, str]]:
        """The first few rules, for a page."""
        return self.rules[:EXAMPLES]

    def to_json(self) -> dict[str, Any]:
        """As plain data for `Scan.rules_left_out`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a scan would do. `rules`, `events`, `bytes` are totals: a rule on two log sources counts once.

    `problems` are sentences: with any of them the scan would be refused. `versions` is what would run;
    `needed` runs beside it and gives no hits: what correlations refer to, and filters.
    """

    rules: int
    events: int
    bytes: int
    run: list[SourceCount]
    left_out: list[LeftOut]
    problems: list[str]
    versions: list[RuleVersion]
    needed: list[RuleVersion]


def preflight(
    case: Case,
    evidence: Sequence[Evidence],
    selection: RuleSelection,
    model_version: EventModelVersion,
    user: AbstractBaseUser,
) -> Preflight:
    """What the scan would run, on which log sources, and what not, with the reasons. Writes nothing.

    Raises sigma_engine.SelectionError for a selection that can't be read (a title regex, a filter lambda).
    """
    problems = list(_evidence_problems(case, evidence))
    if model_version.broken:
        problems.append(f"The model {model_version} is broken: choose another, or an earlier version of it.")
        return Preflight(0, 0, 0, [], [], problems, [], [])
    model = load_event_model(model_version)
    candidates = Candidates(selection, user)
    chosen = candidates.chosen()
    sorting = _sort_out(chosen, model)
    if not chosen:
        problems.append("No enabled rule fits this choice: choose more sets, levels or statuses.")
    elif not sorting.run:
        problems.append(f"None of the {len(chosen):,} chosen rules can run with the model {model_version}.")
    left_out = [group for group in (*sorting.left_out, _not_selected(chosen, selection, user)) if group.count]
    events = source_events(evidence, model)
    run = [
        SourceCount(name, count, events[name])
        for name, count in sorted(sorting.sources.items(), key=lambda item: (-events[item[0]], item[0]))
    ]
    return Preflight(
        rules=len(sorting.run),
        events=sum(file.events for file in evidence),
        bytes=sum(file.size for file in evidence),
        run=run,
        left_out=left_out,
        problems=problems,
        versions=sorting.run,
        needed=candidates.needed_by(sorting.run),
    )


def source_events(evidence: Iterable[Evidence], model: sigma_engine.Model) -> Counter[str]:
    """Events of the evidence by log source, by the catalogue: a source's `where` is not asked."""
    events: Counter[str] = Counter()
    for file in evidence:
        for channel, event_id, provider, count in file.counts:
            key = sigma_engine.EventKey(channel, event_id, provider)
            for name in {source.name for source in model.accepting(key, file.name)}:
                events[name] += count
    return events


@dataclass(slots=True)
class _Sorting:
    run: list[RuleVersion] = field(default_factory=list)
    sources: Counter[str] = field(default_factory=Counter)
    broken: list[RuleVersion] = field(default_factory=list)
    not_served: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def left_out(self) -> list[LeftOut]:
        return [
            LeftOut("broken", "The rule itself is broken", len(self.broken), _with_errors(self.broken)),
            LeftOut(
                "not_served",
                "The model has no events for the log source",
                len(self.not_served),
                self.not_served,
            ),
        ]


def _sort_out(versions: Iterable[RuleVersion], model: sigma_engine.Model) -> _Sorting:
    sorting = _Sorting()
    served: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for version in versions:
        rule = version.rule
        if rule.broken:
            sorting.broken.append(version)
            continue
        if not rule.has_logsource:
            sorting.run.append(version)
            sorting.sources[CORRELATIONS] += 1
            continue
        key = (rule.category, rule.product, rule.service)
        if key not in served:
            logsource = sigma_engine.Logsource(*(part or None for part in key))
            served[key] = tuple({source.name: None for source in model.sources_for(logsource)})
        if not served[key]:
            sorting.not_served.append((rule.pk, rule.title, rule.logsource))
            continue
        sorting.run.append(version)
        sorting.sources.update(served[key])
    return sorting


def _with_errors(versions: Sequence[RuleVersion]) -> list[tuple[int, str, str]]:
    """Broken rules with their first errors, as `LeftOut.rules`."""
    pks = [version.pk for version in versions]
    findings = dict(RuleVersion.objects.filter(pk__in=pks).values_list("pk", "findings"))
    return [(version.rule_id, version.rule.title, _first_error(findings[version.pk])) for version in versions]


def _first_error(findings: list[dict[str, Any]]) -> str:
    errors = (finding for finding in findings if finding["severity"] == "error")
    return next((f"line {error['line']}: {error['message']}" for error in errors), "")


def _not_selected(chosen: Sequence[RuleVersion], selection: RuleSelection, user: AbstractBaseUser) -> LeftOut:
    rules = Rule.objects.visible_to(user)
    if selection.sets:
        rules = rules.filter(rule_set__in=selection.sets)
    disabled = rules.filter(enabled=False).count()
    count = rules.count() - len(chosen)
    drafts = rules.filter(enabled=True, current=None).count()
    reason = "Outside this choice of rules" + (f", {disabled:,} of them switched off" if disabled else "")
    reason += f", {drafts:,} of them not published yet" if drafts else ""
    return LeftOut("not_selected", reason, max(count, 0))


def _evidence_problems(case: Case, evidence: Sequence[Evidence]) -> Iterable[str]:
    if not evidence:
        yield "No evidence is chosen: choose at least one file."
    if any(file.case_id != case.pk for file in evidence):
        yield "Evidence of another case can't be scanned here."
    waiting = sum(file.state in (Evidence.State.STORED, Evidence.State.CATALOGUING) for file in evidence)
    if waiting:
        yield f"{waiting:,} of the chosen files are still being catalogued: wait for them, or leave them out."
    refused = [file.name for file in evidence if file.state == Evidence.State.REFUSED]
    if refused:
        yield f"{refused[0]} was refused by the catalogue: leave it out."
