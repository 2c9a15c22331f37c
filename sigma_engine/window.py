"""What a correlation asks of a stretch of time: data, read from a rule and evaluated by `correlation`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

OPERATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
COUNTING = ("event_count", "value_count")
NUMERIC = ("value_sum", "value_avg", "value_median", "value_min", "value_max")
TEMPORAL = ("temporal", "temporal_ordered")
TYPES = (*COUNTING, *TEMPORAL, *NUMERIC, "value_percentile")

_TIMESPAN = re.compile(r"(\d+)([smhdwMy])")
# Seconds of a month and a year as pySigma has them; the specification stops at days.
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "M": 2629746, "y": 31556952}


@dataclass(frozen=True)
class Bound:
    """One comparison of a window's value with a number; several must all hold."""

    operator: str
    number: float

    def holds(self, value: float) -> bool:
        """Whether `value` fulfils the comparison."""
        return {
            "gt": value > self.number,
            "gte": value >= self.number,
            "lt": value < self.number,
            "lte": value <= self.number,
            "eq": value == self.number,
            "neq": value != self.number,
        }[self.operator]

    def __str__(self) -> str:
        return f"{self.operator} {self.number:g}"


@dataclass(frozen=True)
class Window:
    """A correlation's question. `span` is in microseconds, None for the whole of the evidence.

    `aliases` maps a group-by name to the field of each rule, by that rule's name or id. `fields` are those
    whose values are counted or calculated; `percentile` is the p of a numeric percentile, None for a share.
    """

    type: str
    span: int | None
    group_by: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()
    fields: tuple[str, ...] = ()
    percentile: float | None = None
    aliases: dict[str, dict[str, str]] = field(default_factory=dict)

    def field_names(self) -> set[str]:
        """Every field that may have to be read of a member."""
        aliased = {name for by_rule in self.aliases.values() for name in by_rule.values()}
        return set(self.group_by) | set(self.fields) | aliased

    @property
    def only_grows(self) -> bool:
        """Whether more events can only help the answer. Where they can spoil it, a window that fails must not
        come true as its own tail, and is left as a whole (research/sigma.md section 3)."""
        grows = self.type in (*COUNTING, *TEMPORAL, "value_sum", "value_max")
        return grows and all(bound.operator in ("gt", "gte") for bound in self.bounds)


def parse_timespan(text: str) -> int | None:
    """Microseconds of a timespan such as `15m`; None when it is none."""
    match = _TIMESPAN.fullmatch(text.strip())
    return int(match[1]) * _SECONDS[match[2]] * 1_000_000 if match else None
