"""A correlation's window as it is drawn: a strip for each rule, on one axis of time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

WIDTH = 720  # of a strip, in units of its drawing
MARK = 5  # of a mark or a line
BEYOND = 0.25  # of what is shown: how far after it events are at their true place
CORNER = 0.2  # of the window: where its events fill less, they are shown larger

WORDS = {
    "gt": "more than",
    "gte": "at least",
    "lt": "fewer than",
    "lte": "at most",
    "eq": "exactly",
    "neq": "other than",
}
MEASURES = {
    "event_count": "events",
    "value_count": "distinct values",
    "temporal": "of its rules",
    "temporal_ordered": "of its rules, in order",
    "value_sum": "as the sum",
    "value_avg": "as the average",
    "value_median": "as the median",
    "value_min": "as the smallest value",
    "value_max": "as the largest value",
    "value_percentile": "as the percentile",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """An event on a strip: where it is drawn, and whether it is in the window."""

    x: float
    event: dict[str, Any]
    inside: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """The events of one rule."""

    title: str
    marks: list[Mark]

    @property
    def inside(self) -> int:
        """How many of them are in the window."""
        return sum(mark.inside for mark in self.marks)


class Lane:
    """A window to be shown. `row` is a `services.lane_rows` row; `members` are its events, in order of time."""

    def __init__(self, row: dict[str, Any], members: list[dict[str, Any]]) -> None:
        self.row = row
        self.members = members

    @cached_property
    def strips(self) -> list[Strip]:
        """A strip for each rule that it refers to, in their order, then for any other that has events here."""
        events = [(member, True) for member in self.members] + [(out, False) for out in self.fell_out]
        titles = dict.fromkeys([*self.row["rules"], *(event["rule"] for event, _inside in events)])
        return [
            Strip(
                title,
                [
                    Mark(self._x(event["time"]), event, inside)
                    for event, inside in events
                    if event["rule"] == title
                ],
            )
            for title in titles
        ]

    @property
    def fell_out(self) -> list[dict[str, Any]]:
        """The next events that are not in the window, each with its `reason`; `late_seconds` after its end."""
        return [{**out, "late_seconds": out["late"] / 1e6} for out in self.row["fell_out"]]

    @property
    def first(self) -> int:
        """The time of the window's first event."""
        return int(self.members[0]["time"])

    @property
    def end(self) -> int | None:
        """The last moment that the window could hold; None without a timespan."""
        return None if self.row["span"] is None else self.first + int(self.row["span"])

    @property
    def seconds(self) -> float | None:
        """The length that the rule gives the window."""
        return None if self.row["span"] is None else self.row["span"] / 1e6

    @property
    def end_x(self) -> float | None:
        """Where the window ends."""
        return None if self.end is None else self._x(self.end)

    @property
    def reached_x(self) -> float | None:
        """Where it was fulfilled."""
        return None if self.row["reached"] is None else self._x(self.row["reached"])

    @property
    def asked(self) -> str:
        """What the correlation asks for, in words."""
        measure = MEASURES[self.row["type"]]
        if not self.row["asked"]:
            return f"all {len(self.row['rules'])} {measure}"
        bounds = " and ".join(f"{WORDS[operator]} {number:g}" for operator, number in self.row["asked"])
        return f"{bounds} {measure}"

    @property
    def value(self) -> str:
        """What there was."""
        value = self.row["value"]
        return "nothing to measure" if value is None else f"{value:g}"

    def _x(self, time: int) -> float:
        start, end = self._range
        return round(min(1.0, max(0.0, (time - start) / (end - start))) * (WIDTH - MARK), 1)

    @property
    def last_shown(self) -> int:
        """The time at the right edge."""
        return self._range[1]

    @property
    def ends_beyond(self) -> bool:
        """Whether the window ends after the right edge."""
        return self.end is not None and self.end > self.last_shown

    @cached_property
    def _range(self) -> tuple[int, int]:
        """The axis: from the first event to the window's end and a little beyond, or, where its events fill but a
        corner of it, to a little beyond the last of them. What is later stands at the edge."""
        last = max(int(member["time"]) for member in self.members)
        length = max(last - self.first, 1)
        if self.end is None:
            last = max(last, *(int(out["time"]) for out in self.fell_out), self.first + 1)
        elif length < CORNER * self.row["span"]:
            last = self.first + round(length * (1 + BEYOND))
        else:
            last = round(self.end + BEYOND * self.row["span"])
        return self.first, max(last, self.first + 1)
