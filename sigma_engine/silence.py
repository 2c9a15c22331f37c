"""Why a rule was silent in a scan: its funnel read as one named cause, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from sigma_engine.condition import And, Not, Of, Ref, Tree
from sigma_engine.detection import FieldTest, Group, fields_of
from sigma_engine.funnel import Place
from sigma_engine.funnel_questions import loose_tests, needed_fields
from sigma_engine.funnel_report import FunnelReport, RuleFunnel, alike, near_names
from sigma_engine.log_source import Source
from sigma_engine.loosened import LOOSENINGS, loosened
from sigma_engine.mapping import ROUTE
from sigma_engine.model import Model
from sigma_engine.patterns import AnyTest, ExistsTest, NullTest
from sigma_engine.rule import Rule

# Where a rule stopped, in the order of the funnel.
HIT: Final = "hit"
NO_EVENTS: Final = "no_events"
FIELD: Final = "field"
SELECTION_FALSE: Final = "selection"
FILTER: Final = "filter"
CONDITION_FALSE: Final = "condition"

ALIKE: Final = 0.75  # from here on a name is taken for a misspelling of another
_NAMED: Final = 3  # things that a sentence lists


@dataclass(frozen=True)
class Cause:
    """Why a rule gave no hit. `stopped_at` is the stage of the funnel, `code` the cause, `sentence` says it.

    Codes: `hit`, `no_events`, `field_typo`, `field_unmapped`, `field_absent`, the loosenings (`case`, `type`,
    `escape`, `empty`, `space`), `no_value`, `filter`, `never_together`. `line` is the place in the rule, 0 when there
    is none; `example` the first event that shows it.
    """

    stopped_at: str
    code: str
    sentence: str
    line: int = 0
    example: Place | None = None


def why_silent_rule(report: FunnelReport, funnel: RuleFunnel) -> Cause:
    """The cause of one detection rule that ran; code `hit` when it matched."""
    rule = report.compiled.rules[funnel.index]
    assert isinstance(rule, Rule)
    if funnel.condition:
        return Cause(HIT, "hit", f"It matched {_counted(funnel.condition)}.")
    if not funnel.of_source:
        return _no_events(report, rule)
    if funnel.unfiltered:
        return _filtered(rule, funnel, funnel.unfiltered)
    for name in LOOSENINGS:
        if funnel.loose.get(name):
            return _loose(rule, funnel, name)
    absent = {name for name in needed_fields(rule) if not funnel.fields[name]}
    if not any(_may_hold(condition.tree, rule, absent) for condition in rule.conditions):
        return _field_absent(report, rule, funnel, absent)
    return _no_value(report, rule, funnel)


def _no_events(report: FunnelReport, rule: Rule) -> Cause:
    sources = report.compiled.model.sources_for(rule.logsource)
    kinds = list(dict.fromkeys(map(takes, sources)))
    wanted = " or ".join((*kinds[:_NAMED], *(["others"] if len(kinds) > _NAMED else [])))
    events = _counted(report.funnel.events)
    sentence = f"None of {events} is of its log source `{rule.logsource}`, which takes {wanted}."
    needed = _names_in_events(rule, report.compiled.model, sources)
    elsewhere = report.kinds_with(needed) if needed else {}
    if elsewhere:
        name, count = max(elsewhere.items(), key=lambda item: (item[1], -item[0].count("*"), item[0]))
        fields = ", ".join(f"`{field}`" for field in sorted(needed)[:_NAMED])
        sentence += (
            f" {_counted(count)} of the log source `{name}` have {fields}: is the rule's `logsource` right?"
        )
    return Cause(NO_EVENTS, "no_events", sentence, rule.logsource.line)


def _names_in_events(rule: Rule, model: Model, sources: tuple[Source, ...]) -> set[str]:
    """The names under which the events of another log source would have the fields that a rule needs, as far as
    that can be told; those of `System` are in all events and tell nothing."""
    names = set()
    for field in needed_fields(rule):
        path = model.mapping(field, sources).path or (field,)
        if path[0] != "System" and field not in ROUTE:
            names.add(path[-1])
    return names


def takes(source: Source) -> str:
    """The events that a log source takes, in a few words."""
    parts = [
        *(f"channel {name}" for name in source.channels[:_NAMED]),
        *(f"provider {name}" for name in source.providers[:_NAMED]),
        *(f"files {name}" for name in source.files[:_NAMED]),
    ]
    if source.event_ids:
        shown = ", ".join(map(str, source.event_ids[:_NAMED]))
        parts.append(f"event id {shown}{' and others' if len(source.event_ids) > _NAMED else ''}")
    if source.where is not None:
        parts.append("and asks each event")
    return " ".join(parts) or "any event"


def _filtered(rule: Rule, funnel: RuleFunnel, events: int) -> Cause:
    takers = sorted(funnel.taken_by.items(), key=lambda item: -item[1])
    shown = ", ".join(f"`{name}` took {count:,}" for name, count in takers[:_NAMED] if count)
    would, all_of = ("would be a hit", "it") if events == 1 else ("would be hits", "all of them")
    sentence = f"{_counted(events)} {would}, and what the condition excludes took {all_of}: {shown}."
    name = takers[0][0] if takers else ""
    line = rule.selections[name].line if name else rule.conditions[0].line
    return Cause(FILTER, "filter", sentence, line, funnel.first.get(name))


_LOOSE_WORDS: Final = {
    "case": "if case did not count: {test} wants it exactly so",
    "type": "if the types were alike: {test} and the events write one number in different ways",
    "quotes": "without the quotes: {test} is text, and the events write the same number in another way",
    "escape": "if `*` and `?` were wild: in {test} the backslash before it makes it a plain character",
    "empty": "if null, the empty text and `-` were one: {test} asks for another of the three",
    "space": "without the spaces at the ends of {test}",
}


def _loose(rule: Rule, funnel: RuleFunnel, name: str) -> Cause:
    test, raw, line = _loose_test(rule, funnel, name)
    words = _LOOSE_WORDS["quotes" if name == "type" and isinstance(raw, str) else name]
    sentence = f"It would match {_counted(funnel.loose[name])} {words.format(test=f'`{test}`')}."
    return Cause(SELECTION_FALSE, name, sentence, line, funnel.first.get(name))


def _loose_test(rule: Rule, funnel: RuleFunnel, name: str) -> tuple[str, Any, int]:
    """The test that a loosening alone makes match, else the first that it changes: as written, its value, its line."""
    tests = loose_tests(rule, name)
    alone = (test for place, test in enumerate(tests) if funnel.loose.get(f"{name}@{place}"))
    test = next(alone, tests[0])
    value = next(value for value in test.values if loosened(replace(test, values=(value,)), name) is not None)
    return f"{test}: {value.raw}", value.raw, value.line


def _may_hold(tree: Tree, rule: Rule, absent: set[str]) -> bool:
    """Whether a condition may be true of an event without these fields, whatever it excludes."""
    if isinstance(tree, Not):
        return True
    if isinstance(tree, Ref):
        return _part_may_hold(rule.selections[tree.name].root, absent)
    if isinstance(tree, Of):
        parts = [_part_may_hold(rule.selections[name].root, absent) for name in tree.names]
        return all(parts) if tree.quantifier == "all" else any(parts)
    children = [_may_hold(child, rule, absent) for child in tree.children]
    return all(children) if isinstance(tree, And) else any(children)


def _part_may_hold(part: FieldTest | Group, absent: set[str]) -> bool:
    if isinstance(part, FieldTest):
        return part.field not in absent or part.negated or any(map(_takes_absent, part.values))
    children = [_part_may_hold(child, absent) for child in part.children]
    return all(children) if part.kind == "all" else any(children)


def _takes_absent(value: object) -> bool:
    test = getattr(value, "test", value)
    if isinstance(test, AnyTest):
        return any(map(_takes_absent, test.tests))
    return isinstance(test, NullTest) or (isinstance(test, ExistsTest) and not test.wanted)


def _field_absent(report: FunnelReport, rule: Rule, funnel: RuleFunnel, absent: set[str]) -> Cause:
    """Names the field that is most telling: one that is misspelt, else unmapped, else mapped to nothing."""
    names = report.names_of_rule(funnel.index)
    causes = [_absent(report, rule, funnel, name, names) for name in sorted(absent)]
    order = ("field_typo", "field_unmapped", "field_absent")
    cause = min(causes, key=lambda one: order.index(one.code))
    if len(absent) > 1:
        others = ", ".join(f"`{name}`" for name in sorted(absent) if f"`{name}`" not in cause.sentence)
        return Cause(
            cause.stopped_at,
            cause.code,
            f"{cause.sentence} Absent too: {others}." if others else cause.sentence,
            cause.line,
        )
    return cause


def _absent(report: FunnelReport, rule: Rule, funnel: RuleFunnel, name: str, names: dict[str, int]) -> Cause:
    line = next(
        test.line
        for one in rule.selections.values()
        for test in fields_of(one.root)
        if name in (test.field, *(getattr(value.test, "field", "") for value in test.values))
    )
    sentence = f"`{name}` is in none of the {_counted(funnel.of_source)} of its log source."
    mapping = report.mapping_of_rule(funnel.index, name)
    if mapping:
        return Cause(FIELD, "field_absent", f"{sentence} Its mapping `{mapping}` finds nothing there.", line)
    known = {one: names.get(one, 0) for one in (*names, *_mapped(report, funnel.index))}
    near = near_names(name, known)
    if near and alike(name, near[0][0]) >= ALIKE:
        close, events = near[0]
        told = f"{_counted(events)} of its log source have it" if events else "the model knows that field"
        return Cause(FIELD, "field_typo", f"{sentence} Did you mean `{close}`? {told}.", line)
    shown = ", ".join(f"`{other}`" for other, _ in near_names(name, names, 5))
    has = f" The events have {shown}." if shown else ""
    return Cause(FIELD, "field_unmapped", f"{sentence} The model has no mapping for it.{has}", line)


def _mapped(report: FunnelReport, index: int) -> list[str]:
    """The fields that the model maps in the log sources of a rule."""
    rule = report.compiled.rules[index]
    assert isinstance(rule, Rule)
    model = report.compiled.model
    return [*(name for one in model.sources_for(rule.logsource) for name in one.fields), *model.fields]


def _no_value(report: FunnelReport, rule: Rule, funnel: RuleFunnel) -> Cause:
    asked = report.questions.outside_not[funnel.index]
    false = [name for name in asked if not funnel.selections[name]]
    if not false:
        shown = ", ".join(f"`{name}` in {funnel.selections[name]:,}" for name in asked[:_NAMED])
        sentence = (
            f"Each of its selections was true somewhere, never in one event as the condition wants: {shown}."
        )
        return Cause(CONDITION_FALSE, "never_together", sentence, rule.conditions[0].line)
    shown = ", ".join(f"`{name}`" for name in false[:_NAMED])
    more = f" and {len(false) - _NAMED:,} more" if len(false) > _NAMED else ""
    verb = "was" if len(false) == 1 else "were"
    sentence = f"{shown}{more} {verb} true in none of the {_counted(funnel.of_source)} of its log source."
    there = [name for name in needed_fields(rule) if funnel.fields[name]]
    if there:
        shown = ", ".join(f"`{name}` is in {funnel.fields[name]:,}" for name in there[:_NAMED])
        sentence += f" {shown}: no value matched."
    return Cause(SELECTION_FALSE, "no_value", sentence, rule.selections[false[0]].line)


def _counted(events: int) -> str:
    return f"{events:,} event{'' if events == 1 else 's'}"
