"""Which events a compiled set can match, told by their keys alone: what a scan may pass over without reading.

A rule is asked in three values: an event's channel, event id and provider are known from its key, everything
else is unknown. Only what is false whatever the rest of the event says is passed over. A source's `where` may say
yes, and a rule that adds to its events (`vql`) may match any event of its sources.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sigma_engine.compiler import CompiledSet
from sigma_engine.condition import And, Not, Of, Ref, Tree
from sigma_engine.detection import FieldTest, Group, Value
from sigma_engine.events import EventKey
from sigma_engine.mapping import ORIGIN_FALLBACK
from sigma_engine.model import Mapping, Model, Source
from sigma_engine.patterns import AnyTest, CompareTest, NumberTest, TextPattern, ValueTest, holds
from sigma_engine.rule import Rule
from sigma_engine.values import ABSENT

Truth = bool | None  # None: the key does not tell
Answers = dict[str, tuple[object, ...]]

_MAX_KEYS: Final = 10_000  # keys are the evidence's text, which could invent them without end
_PATHS: Final = {
    ("System", "EventID", "Value"): "EventID",
    ("System", "Channel"): "Channel",
    ("System", "Provider", "Name"): "Provider_Name",
}


class WantedKeys:
    """Which keys the rules of a compiled set can match in a file of this name. The answers are remembered."""

    def __init__(self, compiled: CompiledSet, file_name: str = "") -> None:
        self._model, self._file_name = compiled.model, file_name
        self._rules: dict[int, list[Rule]] = {}  # by source
        for _, rule in compiled.detection_rules():
            for source in self._model.sources_for(rule.logsource):
                self._rules.setdefault(id(source), []).append(rule)
        self._known: dict[EventKey, bool] = {}

    def wants(self, key: EventKey) -> bool:
        """Whether a rule may match an event of this key; False only when none can, whatever else it holds."""
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MAX_KEYS:
                self._known.clear()
            known = self._known[key] = self._ask(key)
        return known

    def _ask(self, key: EventKey) -> bool:
        accepted = self._model.accepting(key, self._file_name)
        if not any(id(source) in self._rules for source in accepted):
            return False
        asked = _Asked(self._model, accepted, key)
        rules = (rule for source in accepted for rule in self._rules.get(id(source), ()))
        return any(asked.may_match(rule) for rule in rules)


class _Asked:
    """Rules asked about one key."""

    def __init__(self, model: Model, accepted: tuple[Source, ...], key: EventKey) -> None:
        self._model, self._accepted = model, accepted
        self._answers = _answers(key)

    def may_match(self, rule: Rule) -> bool:
        if rule.vql is not None or not self._answers:
            return True
        return _any(self._tree(condition.tree, rule) for condition in rule.conditions) is not False

    def _tree(self, tree: Tree, rule: Rule) -> Truth:
        if isinstance(tree, Ref):
            return self._part(rule.selections[tree.name].root)
        if isinstance(tree, Of):
            parts = (self._part(rule.selections[name].root) for name in tree.names)
            return _all(parts) if tree.quantifier == "all" else _any(parts)
        if isinstance(tree, Not):
            return _not(self._tree(tree.child, rule))
        children = (self._tree(child, rule) for child in tree.children)
        return _all(children) if isinstance(tree, And) else _any(children)

    def _part(self, part: FieldTest | Group) -> Truth:
        if isinstance(part, FieldTest):
            return self._field_test(part)
        children = (self._part(child) for child in part.children)
        return _all(children) if part.kind == "all" else _any(children)

    def _field_test(self, test: FieldTest) -> Truth:
        held = self._answers.get(self._named(test.field))
        if held is None:
            return None
        values = (_value(value, held) for value in test.values)
        truth = _all(values) if test.every else _any(values)
        return _not(truth) if test.negated else truth

    def _named(self, field: str) -> str:
        """What part of the key a rule's field reads; "" for none, or where that hangs on a `where`."""
        if not field or any(source.where is not None and field in source.fields for source in self._accepted):
            return ""
        mapping: Mapping = self._model.mapping(field, self._accepted)
        if mapping.path is not None:
            return _PATHS.get(mapping.path, "")
        return field if mapping.origin == ORIGIN_FALLBACK and field in _PATHS.values() else ""


def _answers(key: EventKey) -> Answers:
    """What the parts of a key may be in the event: it reads an id as number or text, and a provider's name from
    two places. A part that is empty may be anything; nothing is known of an event without any."""
    parts: Answers = {}
    if key.channel:
        parts["Channel"] = (key.channel,)
    if key.event_id != -1:
        parts["EventID"] = (key.event_id, str(key.event_id), ABSENT)
    if key.provider:
        parts["Provider_Name"] = (key.provider, ABSENT)
    return parts


def _value(value: Value, held: tuple[object, ...]) -> Truth:
    tests = value.test.tests if isinstance(value.test, AnyTest) else (value.test,)
    return _any(_test(test, held) for test in tests)


def _test(test: ValueTest, held: tuple[object, ...]) -> Truth:
    """A test of all that a part may be: known when all agree. What runs patterns of users is not asked."""
    if not isinstance(test, TextPattern | NumberTest | CompareTest):
        return None
    found = {holds(test, value) for value in held}
    return found.pop() if len(found) == 1 else None


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _any(truths: Iterable[Truth]) -> Truth:
    found = set(truths)
    return True if True in found else (None if None in found else False)


def _all(truths: Iterable[Truth]) -> Truth:
    found = set(truths)
    return False if False in found else (None if None in found else True)
