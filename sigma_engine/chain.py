"""Chains of matches in the order that an ordered correlation wants them in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from sigma_engine.correlation_parts import Plan, Point


class Chains:
    """The chains in one group's points, which are in order of time."""

    def __init__(self, plan: Plan, points: Sequence[Point]) -> None:
        self._references = plan.references
        self._span = plan.window.span
        self._points = points
        self._times: dict[int, list[tuple[int, int]]] = {}
        for index, point in enumerate(points):
            self._times.setdefault(point.rule_index, []).append((point.time, index))

    def from_point(self, start: int) -> list[int]:
        """Indexes of the earliest chain that begins with the point at `start`, as far as it goes within the span.

        Of points at one moment any order will do. Empty when the point is no match of the first rule.
        """
        first = self._points[start]
        if first.rule_index != self._references[0].index:
            return []
        chain = [start]
        for reference in self._references[1:]:
            of_rule = self._times.get(reference.index, [])
            place = bisect_left(of_rule, (self._points[chain[-1]].time, -1))
            while place < len(of_rule) and of_rule[place][1] in chain:
                place += 1  # a rule that is named twice wants two matches
            if place == len(of_rule) or not self._in_span(of_rule[place][0] - first.time):
                break
            chain.append(of_rule[place][1])
        return chain

    def is_whole(self, chain: list[int]) -> bool:
        """Whether a chain has a match for every rule."""
        return len(chain) == len(self._references)

    def _in_span(self, length: int) -> bool:
        return self._span is None or length <= self._span
