"""Correlations: windows over the hits of other rules, evaluated after all events were seen.

Members are sorted by time, channel and identity first, so the answer does not depend on how the evidence was cut
or in which order it was read. Windows slide, their edges are inclusive, and one hit is given for each disjoint
window (research/sigma.md section 3, column RULING).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sigma_engine.chain import Chains
from sigma_engine.correlation_parts import (
    CorrelationHit,
    Groups,
    Member,
    NearestWindow,
    Plan,
    Point,
    Reference,
)
from sigma_engine.lane import Surroundings
from sigma_engine.nearest_window import nearest_window
from sigma_engine.window import Window
from sigma_engine.window_value import WindowValue

MAX_POINTS = 1_000_000  # that one correlation looks at; beyond them it is cut short, and says so


@dataclass
class Correlated:
    """All hits in order, for each correlation that was cut short how many members it left out, and for each that has
    no hit the window that came nearest."""

    hits: list[CorrelationHit]
    truncated: dict[int, int]
    nearest: dict[int, NearestWindow]


def correlate(plans: Sequence[Plan], members: Iterable[Member]) -> Correlated:
    """The hits of all correlations; `plans` come in an order in which each follows those it refers to."""
    by_rule: dict[int, list[Member]] = {}
    for member in members:
        by_rule.setdefault(member.rule_index, []).append(member)
    hits: dict[int, list[CorrelationHit]] = {}
    truncated: dict[int, int] = {}
    nearest: dict[int, NearestWindow] = {}
    for plan in plans:
        points, left_out = _points(plan, by_rule, hits)
        if left_out:
            truncated[plan.rule_index] = left_out
        groups = _groups(points)
        hits[plan.rule_index] = _hits(plan, points, groups)
        if not hits[plan.rule_index]:
            nearest[plan.rule_index] = nearest_window(plan, points, groups)
    found = [hit for of_plan in hits.values() for hit in of_plan]
    found.sort(key=lambda hit: (hit.last.time, hit.last.order, hit.rule_index))
    return Correlated(found, truncated, nearest)


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
    return Point(time, members[-1].order, reference.index, key, values, members)


def _aliased(name: str, reference: Reference, window: Window) -> str:
    """The field of a group-by name in one rule; a rule that the alias does not list has the name itself."""
    fields = window.aliases.get(name, {})
    return next((fields[known] for known in reference.names if known in fields), name)


def _groups(points: list[Point]) -> Groups:
    groups: Groups = {}
    for point in points:
        groups.setdefault(point.key, []).append(point)
    return groups


def _hits(plan: Plan, points: list[Point], groups: Groups) -> list[CorrelationHit]:
    find = _ordered_windows if plan.window.type == "temporal_ordered" else _sliding_windows
    surroundings = Surroundings(plan, points, groups)
    return [
        _hit(plan, value, inside, surroundings)
        for of_group in groups.values()
        for value, inside in find(plan, of_group)
    ]


def _hit(plan: Plan, value: float, inside: Sequence[Point], surroundings: Surroundings) -> CorrelationHit:
    members = {(member.order, member.time): member for point in inside for member in point.members}
    ordered = tuple(sorted(members.values(), key=lambda member: (member.time, member.order)))
    return CorrelationHit(
        plan.rule_index, plan.group(inside[0].key), value, ordered, surroundings.lane(inside)
    )


def _sliding_windows(plan: Plan, points: list[Point]) -> Iterator[tuple[float, Sequence[Point]]]:
    """Each disjoint window of at most the span that fulfils the question: always the longest from its start."""
    window = plan.window
    value = WindowValue(window, plan.rules)
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
    chains = Chains(plan, points)
    start = 0
    while start < len(points):
        chain = chains.from_point(start)
        if chains.is_whole(chain):
            yield float(len(chain)), [points[index] for index in chain]
            start = max(chain) + 1
        else:
            start += 1
