"""A rule in words, made from the tree that is matched: what it asks of an event, as nested sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sigma_engine.condition import And, Not, Of, Ref, Tree
from sigma_engine.detection import Condition, FieldTest, Group, Selection
from sigma_engine.rule import AnyRule, Correlation, Filter, Logsource, Rule
from sigma_engine.value_words import ValueWords, value_words
from sigma_engine.window_words import alias_words, joined, window_words

ALL, ANY, NONE, NOT_ALL = (
    "all of these are true",
    "any of these is true",
    "none of these is true",
    "not all of these are true",
)


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence or a part of one. What stands in the rule is between backticks in `text`.

    `values` are what it lists (as they are, or between backticks), `parts` what it is made of, each in words.
    `selection` is the name of the selection that it comes from, "" inside of one; `line` counts in the rule's text, 0
    for what stands nowhere.
    """

    text: str
    values: tuple[str, ...] = ()
    parts: tuple[Words, ...] = ()
    selection: str = ""
    line: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As plain data: keys as above, those that say nothing left out."""
        kept: dict[str, Any] = {"text": self.text}
        if self.values:
            kept["values"] = list(self.values)
        if self.parts:
            kept["parts"] = [part.to_dict() for part in self.parts]
        if self.selection:
            kept["selection"] = self.selection
        return kept


def in_words(rule: AnyRule) -> list[Words]:
    """What a rule, correlation or filter asks, in the order in which it is asked."""
    if isinstance(rule, Correlation):
        return _correlation(rule)
    if isinstance(rule, Filter):
        return _filter(rule)
    return _rule(rule)


def event_words(logsource: Logsource) -> str:
    """`a process creation event from windows`, or `any event` for an open log source."""
    if not (logsource.category or logsource.product or logsource.service):
        return "any event"
    name = f"{logsource.category.replace('_', ' ')} event" if logsource.category else "event"
    article = "an" if name[0].lower() in "aeiou" else "a"
    origin = f" from {logsource.product}" if logsource.product else ""
    service = f", service {logsource.service}" if logsource.service else ""
    return f"{article} {name}{origin}{service}"


def _rule(rule: Rule) -> list[Words]:
    said = []
    if rule.vql is not None:
        said.append(Words("Before it is asked, the event gets what the lambda under `vql` gives."))
    asked = _any_of(_conditions(rule.conditions, rule.selections))
    said.append(_sentence(f"Matches {event_words(rule.logsource)} where", asked))
    if rule.aggregation is not None:
        window = window_words(rule.aggregation, "matching events")
        said.append(Words(f"Counts what matches, and hits when, {window}."))
    if rule.enrichment is not None:
        said.append(Words("With a hit is shown what the lambda under `enrichment` gives."))
    return said


def _filter(rule: Filter) -> list[Words]:
    where = event_words(rule.logsource)
    about = f"every rule about {where}" if "any" in rule.rules else _named(rule.rules)
    if not rule.rules:
        about = "no rule: it names none"
    asked = _all_of(_conditions(rule.conditions, rule.selections))
    they = "it is" if len(rule.rules) == 1 else "they are"
    ending = "" if "any" in rule.rules or not rule.rules else f", where {they} about {where},"
    return [_sentence(f"Adds to {about}{ending} that", asked)]


def _correlation(rule: Correlation) -> list[Words]:
    named = joined([f"`{one}`" for one in rule.rules])
    counted = named if rule.window.type.startswith("temporal") else f"hits of {named}"
    said = [Words(f"Hits when, {window_words(rule.window, counted)}.", line=rule.line)]
    said += [Words(f"In what it groups by, {alias}.") for alias in alias_words(rule.window)]
    own = "are shown as well" if rule.generate else "are not shown by themselves"
    return [*said, Words(f"The hits of the rules that it counts {own}.")]


def _named(references: Sequence[str]) -> str:
    what = "the rule" if len(references) == 1 else "the rules"
    return f"{what} {joined([f'`{one}`' for one in references])}"


def _sentence(start: str, asked: Words) -> Words:
    """A sentence that ends in a condition; one without parts of its own becomes its only part."""
    if asked.parts and not asked.selection and asked.text in (ALL, ANY, NONE, NOT_ALL):
        return Words(f"{start} {asked.text}:", parts=asked.parts)
    return Words(f"{start} this is true:", parts=(asked,))


def _conditions(conditions: Iterable[Condition], selections: dict[str, Selection]) -> list[Words]:
    return [_tree(condition.tree, selections) for condition in conditions]


def _tree(tree: Tree, selections: dict[str, Selection]) -> Words:
    if isinstance(tree, Ref):
        return _selection(selections[tree.name])
    if isinstance(tree, Of):
        named = [_selection(selections[name]) for name in tree.names]
        return _all_of(named) if tree.quantifier == "all" else _any_of(named)
    if isinstance(tree, Not):
        return _not(_tree(tree.child, selections))
    children = [_tree(child, selections) for child in tree.children]
    return _all_of(children) if isinstance(tree, And) else _any_of(children)


def _selection(selection: Selection) -> Words:
    said = _part(selection.root)
    return Words(said.text, said.values, said.parts, selection.name, selection.line)


def _part(part: FieldTest | Group) -> Words:
    if isinstance(part, FieldTest):
        return _field_test(part)
    children = [_part(child) for child in part.children]
    return _all_of(children) if part.kind == "all" else _any_of(children)


def _all_of(parts: Sequence[Words]) -> Words:
    return parts[0] if len(parts) == 1 else Words(ALL, parts=tuple(parts))


def _any_of(parts: Sequence[Words]) -> Words:
    return parts[0] if len(parts) == 1 else Words(ANY, parts=tuple(parts))


def _not(said: Words) -> Words:
    """The opposite of what was said; a selection stays a part of its own, with its name."""
    if said.selection or said.text not in (ALL, ANY):
        return Words("this is not true", parts=(said,))
    return Words(NONE if said.text == ANY else NOT_ALL, parts=said.parts)


def _field_test(test: FieldTest) -> Words:
    """A field with its values: those that are asked alike stand in one list."""
    subject = f"`{test.field}`" if test.field else "a value of the event"
    said = [value_words(value, test.modifiers) for value in test.values]
    if test.every and (not test.field or any(len(alternatives) > 1 for alternatives in said)):
        # Each keyword may stand in another value of the event.
        whole = _all_of([_listed(subject, alternatives, test.line, every=False) for alternatives in said])
    else:
        flat = [one for alternatives in said for one in alternatives]
        if test.negated and test.field and len({one.kind for one in flat}) == 1:
            return _one_list(subject, flat, test.line, every=test.every, negated=True)
        whole = _listed(subject, flat, test.line, every=test.every)
    return _not(whole) if test.negated else whole


def _listed(subject: str, said: Sequence[ValueWords], line: int, *, every: bool) -> Words:
    """Values of one field, of which any (`every`: all) has to hold."""
    kinds: dict[Any, list[ValueWords]] = {}
    for one in said:
        kinds.setdefault(one.kind, []).append(one)
    parts = [_one_list(subject, alike, line, every=every, negated=False) for alike in kinds.values()]
    return _all_of(parts) if every else _any_of(parts)


def _one_list(subject: str, alike: Sequence[ValueWords], line: int, *, every: bool, negated: bool) -> Words:
    """Values of one kind, as a sentence or as a list behind one."""
    first = alike[0]
    notes = f" ({'; '.join(first.notes)})" if first.notes else ""
    shown = tuple(dict.fromkeys(one.shown for one in alike if one.shown))
    if len(shown) < 2:
        verb = first.opposite if negated else first.verb
        return Words(" ".join(filter(None, (subject, verb, first.nouns[0], *shown))) + notes, line=line)
    verb, word = first.verb, "all of" if every else "any of"
    if negated:
        verb, word = (first.opposite, "all of") if every else (first.verb, "none of")
    return Words(" ".join(filter(None, (subject, verb, word, first.nouns[1]))) + notes, shown, line=line)
