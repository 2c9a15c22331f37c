"""What a funnel says: of each rule how far its events came, of each log source what it holds and what rules missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Final

from sigma_engine.compiler import CompiledSet
from sigma_engine.funnel import Count, Funnel, Kind, KindCounts, Place
from sigma_engine.funnel_questions import ANY, LOOSE, SELECTION, TAKEN_BY, UNFILTERED, Question, Questions
from sigma_engine.rule import Rule

NEAR_NAMES: Final = 3  # names of events that are shown beside a field that was never found
_NAMES_COMPARED: Final = 300  # the most frequent


@dataclass(frozen=True)
class RuleFunnel:
    """How far the events came with one rule; every number is a count of events.

    `of_source` are those of its log source, `fields` how many of these have each field it asks for, `fields_present`
    those that have all it needs (see docs/semantics.md), `selections` how many make each selection true,
    `any_selection` those that make one outside `not` true, `unfiltered` those that would be hits without what the
    condition excludes (None where it excludes nothing), `taken_by` how many of these each excluding selection took,
    `condition` those that the rule matches. `loose` counts what would match if values were compared more loosely, by
    how; `case@1` in the second test alone of those that case changes. `first` is the first event in which a
    selection (by name), or a loosening, came true.
    """

    index: int
    of_source: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    fields_present: int = 0
    selections: dict[str, int] = field(default_factory=dict)
    any_selection: int = 0
    unfiltered: int | None = None
    taken_by: dict[str, int] = field(default_factory=dict)
    condition: int = 0
    loose: dict[str, int] = field(default_factory=dict)
    first: dict[str, Place] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The counts as plain data, without the index."""
        return {
            "of_source": self.of_source,
            "fields": self.fields,
            "fields_present": self.fields_present,
            "selections": self.selections,
            "any_selection": self.any_selection,
            "unfiltered": self.unfiltered,
            "taken_by": self.taken_by,
            "condition": self.condition,
            "loose": self.loose,
            "first": {name: list(place) for name, place in self.first.items()},
        }


@dataclass(frozen=True)
class MissingField:
    """A field that rules asked for in a log source and that no event of it has.

    `mapping` is the lambda that found nothing, "" where no mapping names the field. `near` are names that the events
    do have, the most alike first, with how many events have them.
    """

    source: str
    field: str
    rules: int
    events: int
    mapping: str
    near: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class FailedLambda:
    """A lambda that reached a bound: of which field (or `where of NAME`), why, on how many events, and the first."""

    source: str
    field: str
    why: str
    events: int
    first: Place


@dataclass(frozen=True)
class SourceFunnel:
    """A log source: its events, the rules that ran on it, and how many of its events have each field name, the most
    frequent first. `unnamed` counts what lay beyond the names that are kept."""

    name: str
    events: int
    rules: int
    names: dict[str, int]
    unnamed: int


class FunnelReport:
    """A funnel read for one compiled set."""

    def __init__(self, compiled: CompiledSet, questions: Questions, funnel: Funnel) -> None:
        self.compiled, self.questions, self.funnel = compiled, questions, funnel
        model = compiled.model
        places = {id(source): place for place, source in enumerate(model.sources)}
        by_place: dict[int, list[Kind]] = {}
        for kind in funnel.kinds:
            for place in kind:
                by_place.setdefault(place, []).append(kind)
        self._by_source: dict[str, list[Kind]] = {}
        for place, source in enumerate(model.sources):
            kinds = self._by_source.setdefault(source.name, [])
            kinds += [kind for kind in by_place.get(place, ()) if kind not in kinds]
        self._kinds_of: dict[int, list[Kind]] = {}
        for index, rule in compiled.detection_rules():
            found = [
                kind
                for one in model.sources_for(rule.logsource)
                for kind in by_place.get(places[id(one)], ())
            ]
            self._kinds_of[index] = list(dict.fromkeys(found))

    def rule(self, index: int) -> RuleFunnel:
        """The funnel of a detection rule that ran."""
        asked = self.questions.asked[index]
        kinds = [self.funnel.kinds[kind] for kind in self._kinds_of[index]]
        of_source = sum(one.events for one in kinds)
        about = {question: _sum(kinds, number) for question, number in asked.about.items()}
        selections = {q.name: one for q, one in about.items() if q.kind == SELECTION}
        loose = {q.name: one for q, one in about.items() if q.kind == LOOSE}
        condition = _sum(kinds, index)
        unfiltered = about.get(Question(UNFILTERED, ""))
        return RuleFunnel(
            index,
            of_source,
            {name: _events(_sum(kinds, number)) for name, number in asked.fields.items()},
            of_source if asked.together is None else _events(_sum(kinds, asked.together)),
            {name: _events(one) for name, one in selections.items()},
            self._any_selection(index, about),
            None if unfiltered is None else _events(unfiltered),
            {q.name: _events(one) for q, one in about.items() if q.kind == TAKEN_BY},
            _events(condition),
            {name: _events(one) for name, one in loose.items()},
            {name: one.first for name, one in (selections | loose).items() if one.events},
        )

    def _any_selection(self, index: int, about: dict[Question, Count]) -> int:
        rule = self.compiled.rules[index]
        assert isinstance(rule, Rule)
        if Question(ANY, "") in about:
            return _events(about[Question(ANY, "")])
        alone = self.questions.outside_not[index]
        return _events(about[Question(SELECTION, alone[0])]) if alone else 0

    def rules_on(self, source: str) -> list[int]:
        """The detection rules that run on the log source of that name."""
        return [index for index in self._kinds_of if source in self.compiled.served[index]]

    def sources(self) -> list[SourceFunnel]:
        """Every log source that a rule runs on or that has events, the one with the most events first."""
        rules = Counter(name for index in self._kinds_of for name in self.compiled.served[index])
        found = []
        for name, kinds in self._by_source.items():
            counts = [self.funnel.kinds[kind] for kind in kinds]
            events = sum(one.events for one in counts)
            if events or rules[name]:
                unnamed = sum(one.unnamed for one in counts)
                found.append(SourceFunnel(name, events, rules[name], self._names(kinds), unnamed))
        return sorted(found, key=lambda one: (-one.events, one.name))

    def names_of_rule(self, index: int) -> dict[str, int]:
        """The field names of the events that a rule was asked of, the most frequent first."""
        return self._names(self._kinds_of[index])

    def kinds_with(self, names: set[str]) -> dict[str, int]:
        """The log sources whose events have all these field names, and how many events have the rarest of them."""
        found = {}
        for source in self.sources():
            if names <= source.names.keys():
                found[source.name] = min(source.names[name] for name in names)
        return found

    def _names(self, kinds: list[Kind]) -> dict[str, int]:
        names: Counter[str] = Counter()
        for kind in kinds:
            names.update(self.funnel.kinds[kind].names)
        return dict(sorted(names.items(), key=lambda item: (-item[1], item[0])))

    def missing_fields(self) -> Iterator[MissingField]:
        """Fields that rules asked for and that no event of a log source has, those that most rules want first."""
        for source in self.sources():
            kinds = self._by_source[source.name]
            counts = [self.funnel.kinds[kind] for kind in kinds]
            wanted: Counter[str] = Counter()
            for index in self.rules_on(source.name) if source.events else ():
                wanted.update(
                    name
                    for name, number in self.questions.asked[index].fields.items()
                    if not any(number in one.answers for one in counts)
                )
            for name, rules in sorted(wanted.items(), key=lambda item: (-item[1], item[0])):
                mapping = self.mapping_text(name, kinds[0])
                yield MissingField(
                    source.name, name, rules, source.events, mapping, near_names(name, source.names)
                )

    def mapping_text(self, name: str, kind: Kind) -> str:
        """The lambda by which a field is looked up in events of a kind, "" where no mapping names it."""
        sources = self.compiled.model.sources
        return self.compiled.model.mapping(name, tuple(sources[place] for place in kind)).text

    def mapping_of_rule(self, index: int, name: str) -> str:
        """The lambda by which a rule's field is looked up in the first kind of its events that has one."""
        return next(filter(None, (self.mapping_text(name, kind) for kind in self._kinds_of[index])), "")

    def failed_lambdas(self) -> list[FailedLambda]:
        """The lambdas that reached a bound, those that failed most often first."""
        sources = self.compiled.model.sources
        found = [
            FailedLambda(sources[kind[0]].name if kind else "", name, why, one.events, one.first)
            for kind, counts in self.funnel.kinds.items()
            for (name, why), one in counts.failed.items()
        ]
        return sorted(found, key=lambda one: (-one.events, one.source, one.field, one.first))


def near_names(name: str, names: dict[str, int], limit: int = NEAR_NAMES) -> tuple[tuple[str, int], ...]:
    """The names that events have which are most like `name`, with their counts of events."""

    def likeness(other: str) -> tuple[float, int, str]:
        return (-alike(name, other), -names[other], other)

    return tuple(
        (other, names[other]) for other in sorted(list(names)[:_NAMES_COMPARED], key=likeness)[:limit]
    )


def alike(name: str, other: str) -> float:
    """How alike two field names are, case ignored: 0.0 to 1.0."""
    return SequenceMatcher(None, name.lower(), other.lower()).ratio()


def _sum(kinds: list[KindCounts], number: int) -> Count:
    found = [kind.answers[number] for kind in kinds if number in kind.answers]
    if not found:
        return Count(0, Place("", 0, 0))
    return Count(sum(one.events for one in found), min(one.first for one in found))


def _events(count: Count) -> int:
    return count.events
