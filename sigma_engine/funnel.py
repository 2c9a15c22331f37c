"""The funnel of a debug scan: how many events came how far with each rule, counted sparsely.

Events are counted by the set of log sources that accept them (their kind), and within a kind by what was true of
them: a number is kept for each question that was true at all, never one for each rule and event. Funnels add up, in
any order, whatever pieces the evidence was cut into.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sigma_engine.events import Record
from sigma_engine.failed_lambdas import failed_lambdas
from sigma_engine.field_names import field_names
from sigma_engine.funnel_questions import Questions
from sigma_engine.log_source import Source
from sigma_engine.model import Model

MAX_NAMES: Final = 1_000  # field names kept of a kind of event: a hostile log could invent them without end
MAX_NAME_LENGTH: Final = 200
MAX_FAILED: Final = 200  # failed lambdas kept of a kind

Kind = tuple[
    int, ...
]  # places in `model.sources` of the sources that accept an event, the most specific first


class Place(NamedTuple):
    """An event's identity; `evidence` as the scan was told it."""

    evidence: str
    chunk: int
    position: int


@dataclass(slots=True)
class Count:
    """How many events, and the first of them in order of evidence, chunk and position."""

    events: int
    first: Place

    def add(self, events: int, first: Place) -> None:
        """Counts more events, of which the first is at a place."""
        self.events += events
        if first < self.first:
            self.first = first


@dataclass(slots=True)
class KindCounts:
    """The events of one kind: `answers` by the number of a question (or rule), `names` by field name, `failed` by the
    field (or `where`) whose lambda reached a bound, and the sentence of that."""

    events: int = 0
    answers: dict[int, Count] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    failed: dict[tuple[str, str], Count] = field(default_factory=dict)
    unnamed: int = 0  # field names beyond MAX_NAMES


@dataclass
class Funnel:
    """What was counted so far, by kind of event."""

    kinds: dict[Kind, KindCounts] = field(default_factory=dict)

    @property
    def events(self) -> int:
        """All events that were looked at."""
        return sum(counts.events for counts in self.kinds.values())

    def of(self, kind: Kind) -> KindCounts:
        """The counts of a kind, empty ones if it is new."""
        return self.kinds.setdefault(kind, KindCounts())

    def add(self, other: Funnel) -> None:
        """Adds what another counted, of other events of the same set and model."""
        for kind, counts in other.kinds.items():
            mine = self.of(kind)
            mine.events += counts.events
            mine.unnamed += counts.unnamed
            _add_counts(mine.answers, counts.answers)
            _add_names(mine, counts.names)
            _add_counts(mine.failed, counts.failed, MAX_FAILED)

    def to_json(self) -> list[Any]:
        """As plain data in an order of its own: the same counts give the same bytes."""
        return [
            [
                list(kind),
                counts.events,
                [[number, one.events, *one.first] for number, one in sorted(counts.answers.items())],
                sorted(counts.names.items()),
                [[*which, one.events, *one.first] for which, one in sorted(counts.failed.items())],
                counts.unnamed,
            ]
            for kind, counts in sorted(self.kinds.items())
        ]

    @classmethod
    def from_json(cls, data: Iterable[Any]) -> Funnel:
        """The funnel of what `to_json` gave."""
        return cls(
            {
                tuple(kind): KindCounts(
                    events,
                    {number: Count(count, Place(*place)) for number, count, *place in answers},
                    dict(names),
                    {(name, why): Count(count, Place(*place)) for name, why, count, *place in failed},
                    unnamed,
                )
                for kind, events, answers, names, failed, unnamed in data
            }
        )


def _add_counts(mine: dict[Any, Count], more: dict[Any, Count], limit: int | None = None) -> None:
    for key, count in more.items():
        if (known := mine.get(key)) is not None:
            known.add(count.events, count.first)
        elif limit is None or len(mine) < limit:
            mine[key] = Count(count.events, count.first)


def _add_later(mine: dict[Any, Count], keys: Iterable[Any], one: Count) -> None:
    """Counts the events of `one` under each key; they come behind those that were counted there before."""
    for key in keys:
        known = mine.get(key)
        if known is None:
            mine[key] = Count(one.events, one.first)
        else:
            known.events += one.events


def _add_names(mine: KindCounts, names: dict[str, int]) -> None:
    for name, events in names.items():
        if name in mine.names:
            mine.names[name] += events
        elif len(mine.names) < MAX_NAMES:
            mine.names[name] = events
        else:
            mine.unnamed += events


class ChunkFunnel:
    """Counts the events of one chunk, by distinct sets of what is true of them."""

    def __init__(self, questions: Questions, model: Model, evidence: str, chunk: int) -> None:
        self._questions, self._model = questions, model
        self._evidence, self._chunk = evidence, chunk
        self._true: dict[tuple[tuple[Source, ...], tuple[int, ...]], list[int]] = {}
        self._names: Counter[tuple[tuple[Source, ...], tuple[str, ...]]] = Counter()
        self._seen: list[tuple[tuple[Source, ...], Record]] = []

    def see(self, accepted: tuple[Source, ...], matched: tuple[int, ...], record: Record) -> tuple[int, ...]:
        """Counts one event: the sources that accept it, and the numbers of all that is true of it, ascending.
        Gives the rules among these."""
        seen = self._true.get((accepted, matched))
        if seen is None:
            self._true[accepted, matched] = [1, record.position]
        else:
            seen[0] += 1
        self._names[accepted, field_names(record.event)] += 1
        self._seen.append((accepted, record))
        return self._questions.rules_of(matched)

    def count(self) -> Funnel:
        """The funnel of the chunk."""
        funnel = Funnel()
        places = {id(source): place for place, source in enumerate(self._model.sources)}
        present: dict[tuple[Kind, tuple[int, ...]], Count] = {}
        for (accepted, matched), (events, position) in self._true.items():
            kind = tuple(places[id(source)] for source in accepted)
            counts = funnel.of(kind)
            counts.events += events
            one = Count(events, Place(self._evidence, self._chunk, position))
            fields, numbers = self._questions.split(matched)
            _add_later(counts.answers, numbers, one)
            _add_later(present, [(kind, fields)], one)
        for (kind, fields), one in present.items():
            _add_later(funnel.of(kind).answers, (*fields, *self._questions.together_of(fields)), one)
        for (accepted, names), events in self._names.items():
            shown = {name[:MAX_NAME_LENGTH]: events for name in names}
            _add_names(funnel.of(tuple(places[id(source)] for source in accepted)), shown)
        self._count_failed(funnel, places)
        return funnel

    def _count_failed(self, funnel: Funnel, places: dict[int, int]) -> None:
        """Looks again for lambdas that reached a bound, once any of the model did in this process: nearly never."""
        if not self._questions.lambdas_failed():
            return
        for accepted, record in self._seen:
            place = Place(self._evidence, self._chunk, record.position)
            failed = {which: Count(1, place) for which in failed_lambdas(self._model, accepted, record.event)}
            counts = funnel.of(tuple(places[id(source)] for source in accepted))
            _add_counts(counts.failed, failed, MAX_FAILED)
