"""What a sliding window's events amount to, kept up to date as points enter and leave it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from fractions import Fraction
from typing import Protocol

from sigma_engine.patterns import to_number
from sigma_engine.window import Window

Values = tuple[str | None, ...]

LARGEST = 1e100  # what is larger measures nothing, and a sum of such would be no number any more


class HasValues(Protocol):
    """A point in a window: the rule that it is a match of, and the texts of the window's fields."""

    @property
    def rule_index(self) -> int: ...

    @property
    def values(self) -> Values: ...


class WindowValue:
    """The value that a correlation compares, over the points that are in the window now."""

    def __init__(self, window: Window, rules: int) -> None:
        self._window = window
        self._rules = rules  # a temporal correlation without a condition wants them all
        self._size = 0
        self._distinct: Counter[int | Values] = Counter()
        self._numbers: list[int | float] = []
        self._sum = Fraction(0)
        self._is_numeric = window.type not in ("event_count", "value_count", "temporal") and not self.is_share

    @property
    def is_share(self) -> bool:
        """Whether the question is about each value's share of all (`value_percentile` without a percentile)."""
        return self._window.type == "value_percentile" and self._window.percentile is None

    def add(self, point: HasValues) -> None:
        """A point enters the window."""
        self._size += 1
        if self._is_numeric:
            for number in _numbers(point):
                insort(self._numbers, number)
                self._sum += Fraction(number)
        elif (mark := self._mark(point)) is not None:
            self._distinct[mark] += 1

    def drop(self, point: HasValues) -> None:
        """A point leaves the window."""
        self._size -= 1
        if self._is_numeric:
            for number in _numbers(point):
                del self._numbers[bisect_left(self._numbers, number)]
                self._sum -= Fraction(number)
        elif (mark := self._mark(point)) is not None:
            self._distinct[mark] -= 1
            if not self._distinct[mark]:
                del self._distinct[mark]

    def _mark(self, point: HasValues) -> int | Values | None:
        """What is told apart: rules for a temporal correlation, else values; a missing value is no value."""
        if self._window.type == "temporal":
            return point.rule_index
        return None if None in point.values else point.values

    def answer(self) -> float | None:
        """The value, when it is what the correlation asks for; else None."""
        value = self.value()
        if value is None:
            return None
        if self._window.type == "temporal" and not self._window.bounds:
            return value if value >= self._rules else None
        return value if self._fits(value) else None

    def shares(self) -> dict[Values, float]:
        """The values whose share in percent is what the correlation asks for."""
        total = sum(self._distinct.values())
        shares = {
            mark: 100 * count / total for mark, count in self._distinct.items() if isinstance(mark, tuple)
        }
        return {mark: share for mark, share in shares.items() if self._fits(share)}

    def _fits(self, value: float) -> bool:
        return all(bound.holds(value) for bound in self._window.bounds)

    def value(self) -> float | None:
        """What the window amounts to now; None where there is no number in it to calculate with."""
        if self._window.type == "event_count":
            return float(self._size)
        if not self._is_numeric:
            return float(len(self._distinct))
        return self._calculated() if self._numbers else None

    def _calculated(self) -> float:
        match self._window.type:
            case "value_sum":
                return float(self._sum)
            case "value_avg":
                return float(self._sum / len(self._numbers))
            case "value_min":
                return float(self._numbers[0])
            case "value_max":
                return float(self._numbers[-1])
            case "value_median":
                return self._percentile(50)
        assert self._window.percentile is not None
        return self._percentile(self._window.percentile)

    def _percentile(self, p: float) -> float:
        """The p-th percentile, linear between its neighbours; the 50th is the median."""
        place = (len(self._numbers) - 1) * p / 100
        low = int(place)
        high = min(low + 1, len(self._numbers) - 1)
        return float(self._numbers[low] + (self._numbers[high] - self._numbers[low]) * (place - low))


def _numbers(point: HasValues) -> list[int | float]:
    found = [to_number(text) for text in point.values]
    return [number for number in found if number is not None and abs(number) <= LARGEST]
