"""What is around a correlation's window: when it was fulfilled, and why the next events are not in it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from sigma_engine.correlation_parts import FellOut, GroupKey, Groups, Lane, Plan, Point
from sigma_engine.window_value import WindowValue

LOOKED_AT = 1_000  # points beside a window, for each reason: the nearest ones are what explains


class Surroundings:
    """All points of a plan, in order of time, to be asked what is beside a window of it."""

    def __init__(self, plan: Plan, points: Sequence[Point], groups: Groups) -> None:
        self._plan = plan
        self._points = points
        self._groups = groups
        self._times: dict[GroupKey | None, list[int]] = {}

    def lane(self, inside: Sequence[Point]) -> Lane:
        """What is around the window that holds these points, at least one."""
        return Lane(self._reached(inside), self.fell_out(inside))

    def fell_out(self, inside: Sequence[Point]) -> tuple[FellOut, ...]:
        """The next event that is not in the window for each reason that there is, in order of time."""
        found = [
            *self._too_late(inside),
            *self._of_another_group(inside),
            *self._out_of_order(inside),
        ]
        return tuple(sorted(found, key=lambda out: (out.member.time, out.member.order)))

    def _reached(self, inside: Sequence[Point]) -> int:
        if self._plan.window.type == "temporal_ordered":
            return inside[-1].time
        value = WindowValue(self._plan.window, self._plan.rules)
        for point in inside:
            value.add(point)
            if value.answer() is not None:
                return point.time
        return inside[-1].time

    def _too_late(self, inside: Sequence[Point]) -> Iterator[FellOut]:
        end = self._end(inside)
        if end is None:
            return
        of_group = self._groups[inside[0].key]
        place = bisect_right(self._times_of(inside[0].key), end)
        if place < len(of_group):
            yield self._out("time", of_group[place], of_group[place].time - end)

    def _of_another_group(self, inside: Sequence[Point]) -> Iterator[FellOut]:
        for point in self._between(self._points, None, inside):
            if point.key != inside[0].key:
                yield self._out("key", point)
                return

    def _out_of_order(self, inside: Sequence[Point]) -> Iterator[FellOut]:
        if self._plan.window.type != "temporal_ordered":
            return
        taken = {id(point) for point in inside}
        for point in self._between(self._groups[inside[0].key], inside[0].key, inside):
            if id(point) not in taken:
                yield self._out("order", point)
                return

    def _between(
        self, points: Sequence[Point], key: GroupKey | None, inside: Sequence[Point]
    ) -> Iterator[Point]:
        """The first of `points`, which are those of a key or all, from the window's first moment to its end."""
        end = self._end(inside)
        start = bisect_left(self._times_of(key), inside[0].time)
        for point in points[start : start + LOOKED_AT]:
            if end is not None and point.time > end:
                return
            yield point

    def _end(self, inside: Sequence[Point]) -> int | None:
        """The last moment that the window could hold."""
        span = self._plan.window.span
        return None if span is None else inside[0].time + span

    def _times_of(self, key: GroupKey | None) -> list[int]:
        times = self._times.get(key)
        if times is None:
            points = self._points if key is None else self._groups[key]
            times = self._times[key] = [point.time for point in points]
        return times

    def _out(self, reason: str, point: Point, late: int = 0) -> FellOut:
        return FellOut(reason, point.members[-1], self._plan.group(point.key), late)
