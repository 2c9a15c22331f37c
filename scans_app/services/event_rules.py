"""What would hit an event: the published rules that match it, and those that one clause kept from it.

The compiled library is kept in the process and in the engine's cache, which is asked by the texts of the rules before
any is parsed; a rule that changes is read again alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import User

from rules_app.event_values import field_value
from rules_app.models import EventModel, RuleVersion
from rules_app.selection import (
    RuleSelection,
    load_event_model,
    load_rule,
    placeholders_of_sets,
    resolve,
)
from scans_app.services.raw_events import RawEvent
from scans_app.services.scanners import UnreadRule
from sigma_engine import (
    ABSENT,
    AnyRule,
    Clause,
    CompiledSet,
    Filter,
    Model,
    RulesFinder,
    compile_rules,
    load_compiled,
    set_digest,
    store_compiled,
)

FOUND_SHOWN = 200  # characters


class NoRules(Exception):
    """There is nothing that an event could be held against, with the reason as a sentence."""


@dataclass(frozen=True, slots=True)
class Near:
    """A rule that one clause kept from the event. `alternatives` counts other clauses of which any would do as well,
    `having` those that are true."""

    version: RuleVersion
    clause: Clause
    alternatives: int
    having: int

    @property
    def found(self) -> str:
        """What the event has there."""
        value = self.clause.value
        if not self.clause.test.field:
            return "no such text" if not self.clause.truth else "the text is there"
        return "absent" if value is ABSENT else field_value(value).text[:FOUND_SHOWN]

    @property
    def written(self) -> str:
        """The clause in short."""
        values = [str(value.raw) for value in self.clause.test.values[:3]]
        more = len(self.clause.test.values) - len(values)
        return f"{self.clause.test}: {', '.join(values)}" + (f" and {more:,} more" if more else "")


@dataclass(frozen=True, slots=True)
class RulesOfEvent:
    """The answer for one event; `near_count` is of all, `near` holds the likeliest."""

    matched: list[RuleVersion]
    near: list[Near]
    tried: int
    rules: int
    near_count: int


@dataclass(slots=True)
class _Kept:
    """What this process has of its last answer: the finder, what it is made of, and the rules by version."""

    key: tuple[object, ...] = ()
    finder: RulesFinder | None = None
    rules: dict[int, AnyRule] = field(default_factory=dict)


_lock = threading.Lock()  # a scanner is for one thread at a time
_kept = _Kept()


def rules_of_event(raw: RawEvent, user: User) -> RulesOfEvent:
    """The rules that this person may see and scans of today would run, held against one event. Raises NoRules."""
    with _lock:
        finder, versions = _finder(user)
        found = finder.rules_for(raw.event, raw.file.name)
    return RulesOfEvent(
        matched=[versions[index] for index in found.matched],
        near=[
            Near(
                versions[one.index],
                one.failed[0],
                len(one.failed) - 1,
                len(one.having),
            )
            for one in found.near
        ],
        tried=found.tried,
        rules=len(versions),
        near_count=found.near_count,
    )


def _finder(user: User) -> tuple[RulesFinder, list[RuleVersion]]:
    default = EventModel.objects.default()
    if default is None or default.current is None:
        raise NoRules("There is no default model, so nothing says where events have their fields.")
    if default.current.broken:
        raise NoRules("The default model is broken: its findings say where.")
    versions = [version for version in resolve(RuleSelection(), user) if not version.rule.broken]
    if not versions:
        raise NoRules("The library has no published rule that could be run.")
    lists = placeholders_of_sets([version for version in versions if version.rule.placeholders])
    key = (default.current.pk, tuple(version.pk for version in versions), repr(sorted(lists.items())))
    if _kept.key != key or _kept.finder is None:
        compiled = _compiled(versions, lists, load_event_model(default.current))
        _kept.finder = RulesFinder(compiled)
        _kept.key = key
    return _kept.finder, versions


def _compiled(
    versions: Sequence[RuleVersion], lists: dict[int, dict[str, list[str]]], model: Model
) -> CompiledSet:
    """The library as one set: from the engine's cache, else compiled and put there."""
    digests = [
        UnreadRule(version.sha256) if _is_plain(version) else _read(version, lists) for version in versions
    ]
    known = load_compiled(set_digest(digests, model))
    if known is not None:
        # For the day when one of them changes; filters have changed the rules of a set, so those are read anew.
        changed = any(isinstance(rule, Filter) for rule in known.rules)
        _kept.rules = (
            {} if changed else {one.pk: rule for one, rule in zip(versions, known.rules, strict=True)}
        )
        return known
    _kept.rules = {version.pk: _read(version, lists) for version in versions}
    return store_compiled(compile_rules(list(_kept.rules.values()), model))


def _is_plain(version: RuleVersion) -> bool:
    """Whether the rule is its text alone: it asks for no placeholders."""
    return not version.rule.placeholders


def _read(version: RuleVersion, lists: dict[int, dict[str, list[str]]]) -> AnyRule:
    """The engine's rule of a version; one that asks for no placeholders always means the same."""
    if version.pk in _kept.rules and _is_plain(version):
        return _kept.rules[version.pk]
    return load_rule(version, lists.get(version.rule.rule_set_id, {}))
