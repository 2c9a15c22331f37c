"""Correlations: windows over the hits of other rules, evaluated after all events were seen.

Members are sorted by time, channel and identity first, so the answer does not depend on how the evidence was cut
or in which order it was read. Windows slide, their edges are inclusive, and one hit is given for each disjoint
window (research/sigma.md section 3, column RULING).
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from sigma_engine.values import ABSENT, value_texts
from sigma_engine.window import Window
from sigma_engine.window_value import WindowValue

MAX_POINTS = 1_000_000  # that one correlation looks at; beyond them it is cut short, and says so


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


def member_text(value: Any) -> str | None:
    """The text by which an event's value is grouped and counted: None for absent and null, JSON for a list or map."""
    if value is ABSENT or value is None:
        return None
    if isinstance(value, list | dict):
        return orjson.dumps(value, default=str).decode()
    return next(iter(value_texts(value)), None)


@dataclass(frozen=True)
class CorrelationHit:
    """One window that fulfilled a correlation. `members` are in order of time; `value` is what was compared.

    `group` holds the text of each group-by name, None where the members lack the field.
    """

    rule_index: int
    group: dict[str, str | None]
    value: float
    members: tuple[Member, ...]

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


@dataclass
class Correlated:
    """All hits in order, and for each correlation that was cut short how many members it left out."""

    hits: list[CorrelationHit]
    truncated: dict[int, int]


@dataclass(frozen=True, slots=True)
class Point:
    """What a window holds: a base match, or the hit of another correlation at its last event's time."""

    time: int
    order: tuple[str, str, int, int]
    rule_index: int
    key: tuple[str | None, ...]
    values: tuple[str | None, ...]
    members: tuple[Member, ...]


def correlate(plans: Sequence[Plan], members: Iterable[Member]) -> Correlated:
    """The hits of all correlations; `plans` come in an order in which each follows those it refers to."""
    by_rule: dict[int, list[Member]] = {}
    for member in members:
        by_rule.setdefault(member.rule_index, []).append(member)
    hits: dict[int, list[CorrelationHit]] = {}
    truncated: dict[int, int] = {}
    for plan in plans:
        points, left_out = _points(plan, by_rule, hits)
        if left_out:
            truncated[plan.rule_index] = left_out
        hits[plan.rule_index] = _hits(plan, points)
    found = [hit for of_plan in hits.values() for hit in of_plan]
    found.sort(key=lambda hit: (hit.last.time, _order(hit.last), hit.rule_index))
    return Correlated(found, truncated)


def _order(member: Member) -> tuple[str, str, int, int]:
    return (member.channel, member.evidence, member.chunk, member.position)


def _points(
    plan: Plan, by_rule: dict[int, list[Member]], hits: dict[int, list[CorrelationHit]]
) -> tuple[list[Point], int]:
    """The first `MAX_POINTS` points of a plan in order of time, and how many there are beyond them."""
    total = 0

    def counted() -> Iterator[Point]:
        nonlocal total
        for reference in {reference.index: reference for reference in plan.references}.values():
            for point in _points_of(reference, plan.window, by_rule, hits):
                total += 1
                yield point

    points = heapq.nsmallest(
        MAX_POINTS, counted(), key=lambda point: (point.time, point.order, point.rule_index)
    )
    return points, max(0, total - MAX_POINTS)


def _points_of(
    reference: Reference,
    window: Window,
    by_rule: dict[int, list[Member]],
    hits: dict[int, list[CorrelationHit]],
) -> Iterator[Point]:
    if reference.index not in hits:
        for member in by_rule.get(reference.index, ()):
            yield _point(member.time, reference, window, member, (member,))
        return
    for hit in hits[reference.index]:
        # One virtual event for each distinct set of values: the outer rule groups by its own names only.
        seen = set()
        for member in hit.members:
            point = _point(hit.last.time, reference, window, member, hit.members)
            if (point.key, point.values) not in seen:
                seen.add((point.key, point.values))
                yield point


def _point(
    time: int, reference: Reference, window: Window, member: Member, members: tuple[Member, ...]
) -> Point:
    key = tuple(member.values.get(_aliased(name, reference, window)) for name in window.group_by)
    values = tuple(member.values.get(name) for name in window.fields)
    return Point(time, _order(members[-1]), reference.index, key, values, members)


def _aliased(name: str, reference: Reference, window: Window) -> str:
    """The field of a group-by name in one rule; a rule that the alias does not list has the name itself."""
    fields = window.aliases.get(name, {})
    return next((fields[known] for known in reference.names if known in fields), name)


def _hits(plan: Plan, points: list[Point]) -> list[CorrelationHit]:
    groups: dict[tuple[str | None, ...], list[Point]] = {}
    for point in points:
        groups.setdefault(point.key, []).append(point)
    find = _ordered_windows if plan.window.type == "temporal_ordered" else _sliding_windows
    return [
        _hit(plan, key, value, inside)
        for key, of_group in groups.items()
        for value, inside in find(plan, of_group)
    ]


def _hit(plan: Plan, key: tuple[str | None, ...], value: float, inside: Sequence[Point]) -> CorrelationHit:
    members = {(_order(member), member.time): member for point in inside for member in point.members}
    ordered = tuple(sorted(members.values(), key=lambda member: (member.time, _order(member))))
    group = dict(zip(plan.window.group_by, key, strict=True))
    return CorrelationHit(plan.rule_index, group, value, ordered)


def _sliding_windows(plan: Plan, points: list[Point]) -> Iterator[tuple[float, Sequence[Point]]]:
    """Each disjoint window of at most the span that fulfils the question: always the longest from its start."""
    window = plan.window
    value = WindowValue(window, len({reference.index for reference in plan.references}))
    start = end = 0
    while start < len(points):
        while end < len(points) and (
            window.span is None or points[end].time - points[start].time <= window.span
        ):
            value.add(points[end])
            end += 1
        found = (
            list(_answers(value, points[start:end])) if value.is_share else _answer(value, points, start, end)
        )
        yield from found
        leave = end if found or not window.only_grows else start + 1
        for point in points[start:leave]:
            value.drop(point)
        start = leave


def _answer(
    value: WindowValue, points: list[Point], start: int, end: int
) -> list[tuple[float, Sequence[Point]]]:
    answer = value.answer()
    return [] if answer is None else [(answer, points[start:end])]


def _answers(value: WindowValue, inside: list[Point]) -> Iterator[tuple[float, Sequence[Point]]]:
    for values, share in value.shares().items():
        yield share, [point for point in inside if point.values == values]


def _ordered_windows(plan: Plan, points: list[Point]) -> Iterator[tuple[float, Sequence[Point]]]:
    """Each disjoint chain of the rules in their order, each at the time of the one before or later."""
    span = plan.window.span
    times: dict[int, list[tuple[int, int]]] = {}
    for index, point in enumerate(points):
        times.setdefault(point.rule_index, []).append((point.time, index))
    start = 0
    while start < len(points):
        chain = _chain(plan.references, points, times, start)
        if chain and (span is None or points[chain[-1]].time - points[chain[0]].time <= span):
            yield float(len(chain)), [points[index] for index in chain]
            start = max(chain) + 1
        else:
            start += 1


def _chain(
    references: Sequence[Reference],
    points: list[Point],
    times: dict[int, list[tuple[int, int]]],
    start: int,
) -> list[int]:
    """Indexes of the earliest chain that begins with the point at `start`; empty when there is none.

    Of points at one moment any order will do.
    """
    if points[start].rule_index != references[0].index:
        return []
    chain = [start]
    for reference in references[1:]:
        of_rule = times.get(reference.index, [])
        place = bisect_left(of_rule, (points[chain[-1]].time, -1))
        while place < len(of_rule) and of_rule[place][1] in chain:
            place += 1  # a rule that is named twice wants two matches
        if place == len(of_rule):
            return []
        chain.append(of_rule[place][1])
    return chain
