"""Near misses of one rule over many events: which single clause failed, how often, and what was there instead.

Counts add up, so the events may be looked at in pieces. What is kept is bounded: the most frequent values of a clause,
a few examples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from sigma_engine.correlation_parts import member_text
from sigma_engine.events import Record
from sigma_engine.model import Model
from sigma_engine.near_misses import Clause, RuleClauses
from sigma_engine.routing import Router, is_tried
from sigma_engine.rule import Rule
from sigma_engine.values import ABSENT

MAX_VALUES = 1_000  # told apart for each clause; others are counted together
MAX_LENGTH = 512  # characters of a value
EXAMPLES = 3  # events kept for each value
WANTED_SHOWN = 5  # values of a clause


@dataclass(slots=True)
class HeldValue:
    """How many events held a value, and the first of them."""

    events: int = 0
    examples: list[list[Any]] = field(default_factory=list)


@dataclass
class FailedClause:
    """A clause that alone kept events out.

    `wanted` are its first values as written. `truth` is what it was: a true one stands in the way, as a filter does.
    `values` are the texts that its field held, None for events without it, with how many events held them and a few of
    these as [evidence, chunk, position]; `others` counts the events with values beyond `MAX_VALUES`.
    """

    selection: str
    number: int
    label: str
    wanted: list[str]
    line: int
    truth: bool
    events: int = 0
    others: int = 0
    values: dict[str | None, HeldValue] = field(default_factory=dict)

    def count(self, value: str | None, place: list[Any]) -> None:
        """One more event that failed by this clause with this value."""
        self.events += 1
        if value not in self.values and len(self.values) >= MAX_VALUES:
            self.others += 1
            return
        held = self.values.setdefault(value, HeldValue())
        held.events += 1
        if len(held.examples) < EXAMPLES:
            held.examples.append(place)

    def frequent(self) -> list[tuple[str | None, HeldValue]]:
        """The values, those of most events first."""
        return sorted(self.values.items(), key=lambda item: (-item[1].events, item[0] or ""))

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON, `values` as [value, events, examples], frequent ones first; `from_dict` reads it."""
        return {
            "selection": self.selection,
            "number": self.number,
            "label": self.label,
            "wanted": self.wanted,
            "line": self.line,
            "truth": self.truth,
            "events": self.events,
            "others": self.others,
            "values": [[value, held.events, held.examples] for value, held in self.frequent()],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """A clause from what `to_dict` gave."""
        values = {value: HeldValue(events, examples) for value, events, examples in data["values"]}
        return cls(**{**data, "values": values})


class NearTally:
    """Counts the near misses of one rule. `looked_at`, `tried` and `near` count events.

    `kept` are the clauses that earlier pieces gave, as dictionaries, to go on from; their events are not counted.
    """

    def __init__(self, rule: Rule, model: Model, kept: Iterable[dict[str, Any]] = ()) -> None:
        self._rule, self._model = rule, model
        self._clauses = RuleClauses(rule, model)
        clauses = [FailedClause.from_dict(clause) for clause in kept]
        self._failed = {(clause.selection, clause.number): clause for clause in clauses}
        self._routers: dict[str, Router] = {}
        self.looked_at = self.tried = self.near = 0

    def look(self, records: Iterable[Record], file_name: str, evidence: Any) -> None:
        """Looks at the events of a file; `evidence` is how examples name it."""
        router = self._routers.setdefault(file_name, Router(self._model, file_name))
        for record in records:
            self.looked_at += 1
            accepted = router.accepted(record.event)
            if not is_tried(self._rule, self._model, accepted):
                continue
            self.tried += 1
            failed = self._clauses.failed(record.event, accepted)
            self.near += bool(failed)
            for clause in failed:
                self._of(clause).count(_shown(clause), [evidence, record.chunk, record.position])

    def failed(self) -> list[FailedClause]:
        """The clauses that failed, those of most events first."""
        return sorted(self._failed.values(), key=lambda one: (-one.events, one.selection, one.number))

    def _of(self, clause: Clause) -> FailedClause:
        known = self._failed.get(clause.key)
        if known is None:
            known = self._failed[clause.key] = FailedClause(
                clause.selection,
                clause.number,
                str(clause.test),
                [str(value.raw) for value in clause.test.values[:WANTED_SHOWN]],
                clause.test.line,
                clause.truth,
            )
        return known


def _shown(clause: Clause) -> str | None:
    """What the clause's field held, as text; None for absent."""
    if clause.value is ABSENT:
        return None
    if clause.value is None:
        return "" if not clause.test.field else "null"
    return (member_text(clause.value) or "")[:MAX_LENGTH]
