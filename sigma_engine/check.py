"""All findings of a rule: its own, and those that come of running it under a model."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from sigma_engine.compiler import not_served
from sigma_engine.detection import FieldTest, Group, fields_of
from sigma_engine.events import EventKey
from sigma_engine.findings import Finding, Scope, Severity
from sigma_engine.model import Model, Source
from sigma_engine.patterns import AnyTest, FieldRefTest, NullTest
from sigma_engine.rule import ParsedRule, Rule


def check_rule(parsed: ParsedRule, model: Model | None) -> list[Finding]:
    """The findings of a rule, by line. Of severity error exactly when scans leave it out under this model.

    Without a model only the rule's own findings are told.
    """
    findings = list(parsed.findings)
    if isinstance(parsed.rule, Rule) and model is not None:
        findings += _against(parsed.rule, model)
    return sorted(findings, key=lambda finding: (finding.line, finding.column))


def fields_used(rule: Rule) -> dict[str, FieldTest]:
    """Every field that a rule reads, with the first test that names it; referenced fields too."""
    fields: dict[str, FieldTest] = {}
    for selection in rule.selections.values():
        for test in fields_of(selection.root):
            names = [test.field] if test.field else []
            for value in test.values:
                tests = value.test.tests if isinstance(value.test, AnyTest) else (value.test,)
                names += [one.field for one in tests if isinstance(one, FieldRefTest)]
            for name in names:
                fields.setdefault(name, test)
    return fields


def _against(rule: Rule, model: Model) -> list[Finding]:
    sources = model.sources_for(rule.logsource)
    if not sources:
        return [not_served(rule, model)]
    kinds = {source: sources_of_its_events(source, model) for source in sources}
    findings = []
    used = fields_used(rule)
    for field, test in used.items():
        lacking = [
            source
            for source, accepted in kinds.items()
            if model.mapping(field, accepted).origin == "fallback"
        ]
        if len(lacking) == len(sources):
            findings.append(_unmapped(field, test, model, kinds, used))
        elif lacking and rule.logsource.category and _matters(field, rule):
            findings.append(_not_everywhere(field, test, lacking))
    return findings


def _matters(field: str, rule: Rule) -> bool:
    """Whether an event without the field decides a selection: it cannot be true, or a test for null always is."""
    return any(
        not _may_hold_without(field, selection.root)
        or any(
            test.field == field and any(isinstance(value.test, NullTest) for value in test.values)
            for test in fields_of(selection.root)
        )
        for selection in rule.selections.values()
    )


def _may_hold_without(field: str, part: FieldTest | Group) -> bool:
    if isinstance(part, FieldTest):
        return part.field != field or part.negated
    holds = [_may_hold_without(field, child) for child in part.children]
    return all(holds) if part.kind == "all" else any(holds)


def sources_of_its_events(source: Source, model: Model) -> tuple[Source, ...]:
    """All the sources that take an event which this one takes: what a field means is decided among them."""
    channel = source.channels[0] if source.channels else ""
    key = EventKey(
        channel.rstrip("*"),
        source.event_ids[0] if source.event_ids else -1,
        source.providers[0].rstrip("*") if source.providers else "",
    )
    return tuple(dict.fromkeys((source, *model.accepting(key, source.files[0] if source.files else ""))))


def _unmapped(
    field: str,
    test: FieldTest,
    model: Model,
    kinds: dict[Source, tuple[Source, ...]],
    used: Collection[str],
) -> Finding:
    """A field that none of the sources knows; one that the rule tests already is not what was meant."""
    message = f"The model `{model.name}` has no mapping for `{field}`; it is looked up by that very name."
    hint = "Check its spelling against an event, or map it in the model."
    known = set(model.fields).union(*(one.fields for accepted in kinds.values() for one in accepted))
    close = get_close_matches(field, sorted(known.difference(used)), 1, 0.8)
    if close:
        hint = f"Did you mean `{close[0]}`?"
    elif any(field in source.fields for source in model.sources):
        hint = "The model maps it for other log sources."
    return Finding("field_unmapped", Severity.INFO, message, hint, test.line, test.column, Scope.MODEL)


def _not_everywhere(field: str, test: FieldTest, lacking: list[Source]) -> Finding:
    """Such as OriginalFileName, which Sysmon writes and Security 4688 does not."""
    events = ", ".join(events_of(source) for source in lacking)
    message = (
        f"`{field}` is no field of {events}: there it is absent, and only a test for null is true of it."
    )
    return Finding("field_not_in_source", Severity.INFO, message, "", test.line, test.column, Scope.MODEL)


def events_of(source: Source) -> str:
    """The events of a source as a person names them: `Security 4688`."""
    channel = source.channels[0] if source.channels else source.name
    ids = " ".join(map(str, source.event_ids[:5]))
    return f"{channel} {ids}".strip()
