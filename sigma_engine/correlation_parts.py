"""What correlations are made of: matches of base rules, points in a window, plans, and hits over many events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from sigma_engine.values import ABSENT, value_texts
from sigma_engine.window import Window

GroupKey = tuple[str | None, ...]  # the text of each group-by name, None where the event has none


class Member(NamedTuple):
    """A match of a base rule, with what correlations need of its event; plain data, to be kept in a file.

    `time` is microseconds since the epoch. `values` are the texts of the fields that correlations read, None
    where the event has none.
    """

    time: int
    channel: str
    evidence: str
    chunk: int
    position: int
    rule_index: int
    computer: str
    event_id: int | None
    record_id: int | None
    values: dict[str, str | None]

    @property
    def order(self) -> tuple[str, str, int, int]:
        """By which members of one moment are in order: channel, then identity."""
        return (self.channel, self.evidence, self.chunk, self.position)


def member_text(value: Any) -> str | None:
    """The text by which an event's value is grouped and counted: None for absent and null, JSON for a list or map."""
    if value is ABSENT or value is None:
        return None
    if isinstance(value, list | dict):
        return orjson.dumps(value, default=str).decode()
    return next(iter(value_texts(value)), None)


@dataclass(frozen=True)
class FellOut:
    """An event that nearly was in a window.

    `reason` is `time` (its group is the same; it came `late` microseconds after the window's end), `key` (it came in
    time, for another `group`) or `order` (its group and time fit, but it was not its rule's turn).
    """

    reason: str
    member: Member
    group: dict[str, str | None]
    late: int = 0


@dataclass(frozen=True)
class Lane:
    """What is around a window: when it was first fulfilled, in microseconds, and at most one event for each reason
    why the next one fell out."""

    reached: int
    fell_out: tuple[FellOut, ...] = ()


@dataclass(frozen=True)
class CorrelationHit:
    """One window that fulfilled a correlation. `members` are in order of time; `value` is what was compared.

    `group` holds the text of each group-by name, None where the members lack the field; `lane` is what is around it.
    """

    rule_index: int
    group: dict[str, str | None]
    value: float
    members: tuple[Member, ...]
    lane: Lane

    @property
    def last(self) -> Member:
        """The member that completed the window; the hit has its time."""
        return self.members[-1]

    def details(self) -> str:
        """The hit in one line."""
        parts = [f"Count: {self.value:g}", *(f"{name}: {text or '-'}" for name, text in self.group.items())]
        return " ¦ ".join(parts)


@dataclass(frozen=True)
class Reference:
    """One rule that a correlation refers to: its index in the set, and the names it goes by in aliases."""

    index: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A correlation ready to run: its own index in the set, what it refers to, in order, and its window."""

    rule_index: int
    references: tuple[Reference, ...]
    window: Window

    @property
    def rules(self) -> int:
        """How many rules it refers to, each counted once."""
        return len({reference.index for reference in self.references})

    def group(self, key: GroupKey) -> dict[str, str | None]:
        """A key by its group-by names."""
        return dict(zip(self.window.group_by, key, strict=True))


@dataclass(frozen=True, slots=True)
class Point:
    """What a window holds: a base match, or the hit of another correlation at its last event's time."""

    time: int
    order: tuple[str, str, int, int]
    rule_index: int
    key: GroupKey
    values: tuple[str | None, ...]
    members: tuple[Member, ...]


Groups = dict[GroupKey, list[Point]]  # of a plan's points, in order of time


@dataclass(frozen=True)
class NearestWindow:
    """Why a correlation has no hit: the window that came nearest, and what kept the matches apart.

    `points` matches fell into `groups` groups. `value` is what the nearest window amounts to (None where nothing was
    there to measure), `members` are its events, at most 50. `missing` are the rules (indexes) that it wants and that
    have no match; `lacking` the group-by names that no match has; `ungrouped` the value that a window over all groups
    would have, None where that would not fulfil the correlation either.
    """

    rule_index: int
    points: int
    groups: int
    value: float | None = None
    group: dict[str, str | None] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
    fell_out: tuple[FellOut, ...] = ()
    missing: tuple[int, ...] = ()
    lacking: tuple[str, ...] = ()
    ungrouped: float | None = None
