"""What a correlation, or a rule that counts, asks of a stretch of time, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sigma_engine.window import Bound, Window

_BOUNDS: Final = {
    "gt": "more than", "gte": "at least", "lt": "less than", "lte": "at most", "eq": "exactly", "neq": "not",
}  # fmt: skip
_CALCULATED: Final = {
    "value_sum": "the sum of",
    "value_avg": "the mean of",
    "value_median": "the median of",
    "value_min": "the smallest number of",
    "value_max": "the largest number of",
}
_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def window_words(window: Window, counted: str) -> str:
    """`within 5 minutes, for each Computer, the number of ... is at least 3`; `counted` names what is counted."""
    return ", ".join((*_frame(window), _question(window, counted)))


def alias_words(window: Window) -> list[str]:
    """For each alias of a group-by, which field of which rule it means."""
    return [
        f"`{alias}` is {joined([f'`{name}` of {rule}' for rule, name in fields.items()])}"
        for alias, fields in window.aliases.items()
    ]


def joined(texts: Sequence[str], word: str = "and") -> str:
    """`a, b and c`."""
    return f"{', '.join(texts[:-1])} {word} {texts[-1]}" if len(texts) > 1 else "".join(texts)


def span_words(micros: int | None) -> str:
    """A stretch of time: `5 minutes`, in the largest unit that leaves no rest."""
    if micros is None:
        return "the whole of the evidence"
    seconds = micros // 1_000_000
    size, name = next((unit for unit in _UNITS if seconds % unit[0] == 0), _UNITS[-1])
    count = seconds // size
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _frame(window: Window) -> tuple[str, ...]:
    span = f"within {span_words(window.span)}"
    if not window.group_by:
        return (span,)
    each = "for each" if len(window.group_by) == 1 else "for each combination of"
    return span, f"{each} {joined([f'`{name}`' for name in window.group_by])}"


def _question(window: Window, counted: str) -> str:
    fields = joined([f"`{name}`" for name in window.fields])
    bounds = joined([_bound(bound) for bound in window.bounds])
    match window.type:
        case "event_count":
            return f"the number of {counted} is {bounds}"
        case "value_count":
            return f"the number of different values of {fields} in {counted} is {bounds}"
        case "value_percentile" if window.percentile is None:
            return f"the share of one value of {fields} in {counted}, in percent, is {bounds}"
        case "value_percentile":
            return f"the percentile {window.percentile:g} of {fields} in {counted} is {bounds}"
        case "temporal" if window.bounds:
            return f"the number of rules with a hit, of {counted}, is {bounds}"
        case "temporal":
            return f"each of the rules {counted} has a hit"
        case "temporal_ordered":
            return f"each of the rules {counted} has a hit, in this order"
    return f"{_CALCULATED[window.type]} {fields} in {counted} is {bounds}"


def _bound(bound: Bound) -> str:
    number = f"{int(bound.number):,}" if bound.number == int(bound.number) else f"{bound.number:g}"
    return f"{_BOUNDS[bound.operator]} {number}"
