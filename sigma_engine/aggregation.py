"""Legacy aggregations, `SEARCH | count(Field) by Other > 5`: read as the window that a correlation would ask for."""

from __future__ import annotations

import re

from sigma_engine.condition import ConditionError
from sigma_engine.window import Bound, Window

_AGGREGATION = re.compile(
    r"(?P<function>\w+)\s*\(\s*(?P<field>[\w.\-]*)\s*\)"
    r"(?:\s+by\s+(?P<by>[\w.\-]+(?:\s*,\s*[\w.\-]+)*))?"
    r"\s*(?P<operator>==|=|<=|>=|<|>)\s*(?P<number>-?\d+(?:\.\d+)?)\s*",
    re.IGNORECASE,
)
_OPERATORS = {"==": "eq", "=": "eq", "<=": "lte", ">=": "gte", "<": "lt", ">": "gt"}
_FUNCTIONS = {"sum": "value_sum", "avg": "value_avg", "min": "value_min", "max": "value_max"}


def split_aggregation(text: str) -> tuple[str, str, int]:
    """(search, aggregation, offset of the aggregation) of a legacy condition `SEARCH | count() > 5`."""
    search, bar, rest = text.partition("|")
    return search, rest if bar else "", len(search) + 1


def parse_aggregation(text: str, offset: int, span: int | None) -> Window:
    """The window that a legacy aggregation asks for, over `span` microseconds or the whole of the evidence.

    `count`, `min`, `max`, `avg` and `sum` as correlations have them (research/sigma.md section 2). Raises
    ConditionError for anything else, `near` by name.
    """
    if text.strip().lower().startswith("near"):
        raise ConditionError(
            "aggregation_near", "`near` is not run.", offset, "Write a correlation of type `temporal`."
        )
    match = _AGGREGATION.fullmatch(text.strip())
    if match is None:
        hint = "Write `| count(Field) by Other > 5`."
        raise ConditionError("aggregation_syntax", "This aggregation cannot be read.", offset, hint)
    function, field = match["function"].lower(), match["field"]
    if function == "count":
        kind = "value_count" if field else "event_count"
    elif function in _FUNCTIONS and field:
        kind = _FUNCTIONS[function]
    else:
        known = ", ".join(("count", *_FUNCTIONS))
        raise ConditionError(
            "aggregation_function", f"`{function}` cannot be used so.", offset, f"There are: {known}."
        )
    group_by = tuple(name.strip() for name in match["by"].split(",")) if match["by"] else ()
    bound = Bound(_OPERATORS[match["operator"]], float(match["number"]))
    return Window(kind, span, group_by, (bound,), (field,) if field else ())
