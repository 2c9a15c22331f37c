"""The functions of the lambda language: one table, name -> what it takes and does.

Names, arguments and meaning are VQL's (docs.velociraptor.app, VQL reference). A null or absent input gives
`ABSENT`, so that a field computed from a field that the event lacks is absent too. Regexes are RE2's and
case-insensitive. Whatever makes text or lists charges the run for it.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from sigma_engine import lambda_text as texts
from sigma_engine import lambda_values as values
from sigma_engine.lambda_values import LambdaError, Run
from sigma_engine.values import ABSENT

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WINDOWS_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Function:
    """One function: `call(run, arguments)` with the evaluated arguments by name.

    `lambdas` are the arguments that are lambdas, given as `value -> value`; `regexes` those whose literal
    text is checked when the lambda is compiled; `takes_any` says that arguments may have any name (`dict`).
    """

    name: str
    call: Callable[[Run, dict[str, Any]], Any]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    lambdas: frozenset[str] = frozenset()
    regexes: frozenset[str] = frozenset()
    takes_any: bool = False


def _is_null(value: Any) -> bool:
    return value is None or value is ABSENT


# Structures


def _get(run: Run, arguments: dict[str, Any]) -> Any:
    default = arguments.get("default", ABSENT)
    key = arguments.get("member", arguments.get("field"))
    if _is_null(key):
        return default
    value = _reach(arguments["item"], key, is_path="member" in arguments)
    return default if value is ABSENT else value


def _reach(item: Any, key: Any, *, is_path: bool) -> Any:
    if isinstance(item, list) and isinstance(key, int) and not isinstance(key, bool):
        return values.item_at(item, key)
    name = values.text_of(key)
    value = values.member(item, name)
    if value is not ABSENT or not is_path or "." not in name:
        return value
    for part in name.split("."):
        is_index = isinstance(item, list) and part.isascii() and part.isdigit() and len(part) < 10
        item = values.item_at(item, int(part)) if is_index else values.member(item, part)
    return item


def _dict(run: Run, arguments: dict[str, Any]) -> Any:
    run.charge(len(arguments))
    return {key: values.known(value) for key, value in arguments.items()}


def _array(run: Run, arguments: dict[str, Any]) -> Any:
    run.charge(len(arguments))
    return [values.known(value) for value in arguments.values()]


def _items(run: Run, arguments: dict[str, Any]) -> Any:
    item = arguments["item"]
    if not isinstance(item, dict):
        return ABSENT
    run.charge(len(item))
    return [{"_key": key, "_value": value} for key, value in item.items()]


def _len(run: Run, arguments: dict[str, Any]) -> Any:
    value = arguments["list"]
    return len(value) if isinstance(value, list | dict | str) else 0


def _slice(run: Run, arguments: dict[str, Any]) -> Any:
    return _cut(run, arguments["list"] if isinstance(arguments["list"], list) else ABSENT, arguments)


def _substr(run: Run, arguments: dict[str, Any]) -> Any:
    text = arguments["str"]
    return _cut(run, ABSENT if _is_null(text) else run.text(text), arguments)


def _cut(run: Run, value: Any, arguments: dict[str, Any]) -> Any:
    if value is ABSENT:
        return ABSENT
    result = value[_whole(arguments.get("start")) : _whole(arguments.get("end"))]
    run.charge(len(result))
    return result


def _whole(value: Any) -> int | None:
    number = values.number_of(value)
    return int(number) if number is not None and math.isfinite(number) else None


def _chosen(run: Run, arguments: dict[str, Any]) -> Iterator[tuple[Any, bool]]:
    """The items of a list argument, each with whether the `condition` and the `regex` hold for it."""
    items = arguments.get("list", arguments.get("items"))
    condition, regex = arguments.get("condition", arguments.get("filter")), arguments.get("regex")
    patterns = [] if _is_null(regex) else regex if isinstance(regex, list) else [regex]
    for item in items if isinstance(items, list) else [] if _is_null(items) else [items]:
        run.step()
        wanted = not patterns or any(values.regex_match(run, item, pattern) for pattern in patterns)
        if wanted and condition is not None:
            wanted = bool(condition(item))
        elif not patterns and condition is None:
            wanted = bool(item)
        yield item, wanted


def _filter(run: Run, arguments: dict[str, Any]) -> Any:
    result = [item for item, wanted in _chosen(run, arguments) if wanted]
    run.charge(len(result))
    return result


def _any(run: Run, arguments: dict[str, Any]) -> Any:
    return any(wanted for _, wanted in _chosen(run, arguments))


def _all(run: Run, arguments: dict[str, Any]) -> Any:
    return all(wanted for _, wanted in _chosen(run, arguments))


# Numbers, JSON and times


def _int(run: Run, arguments: dict[str, Any]) -> Any:
    value = arguments.get("int")
    number = int(value) if isinstance(value, bool) else values.number_of(value)
    if number is None or number != number or abs(number) >= 1 << 64:
        return ABSENT if _is_null(value) else None
    return int(number)


def _str(run: Run, arguments: dict[str, Any]) -> Any:
    value = arguments["str"]
    return ABSENT if _is_null(value) else run.text(value)


def _serialize(run: Run, arguments: dict[str, Any]) -> Any:
    form = arguments.get("format", "json")
    if form not in ("json", "jsonl"):
        raise LambdaError(f"serialize() writes `json` only, not `{values.text_of(form)[:40]}`.")
    item = arguments["item"]
    if _is_null(item) or isinstance(item, str):
        return ABSENT if _is_null(item) else item
    text = values.json_of(item)
    run.charge(len(text))
    return text


def _parse_json(run: Run, arguments: dict[str, Any]) -> Any:
    data = arguments["data"]
    if not isinstance(data, str):
        return ABSENT
    run.charge(len(data))
    try:
        return orjson.loads(data)
    except ValueError:
        return None


def _base64decode(run: Run, arguments: dict[str, Any]) -> Any:
    text = arguments["string"]
    if not isinstance(text, str):
        return ABSENT
    run.charge(len(text))
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def _timestamp(run: Run, arguments: dict[str, Any]) -> Any:
    moment = _moment(arguments)
    if not isinstance(moment, datetime):
        return moment
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _moment(arguments: dict[str, Any]) -> Any:
    if "string" in arguments:
        return _read_moment(arguments["string"])
    ticks, seconds = (values.number_of(arguments.get(key)) for key in ("winfiletime", "epoch"))
    try:
        if ticks is not None:
            return _WINDOWS_EPOCH + timedelta(microseconds=ticks / 10)
        if seconds is None:
            return ABSENT
        while math.isfinite(seconds) and abs(seconds) > 1e11:  # milli-, micro- or nanoseconds
            seconds = seconds / 1000
        return _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return None


def _read_moment(text: Any) -> Any:
    if not isinstance(text, str):
        return ABSENT
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _never(run: Run, arguments: dict[str, Any]) -> Any:
    raise AssertionError("if() is compiled in place, since only one of its branches runs")


_LAMBDAS = frozenset({"condition", "filter"})
_REGEX = frozenset({"regex"})

_TABLE = (
    Function("if", _never, ("condition", "then"), ("else",)),
    Function("get", _get, ("item",), ("member", "field", "default")),
    Function("dict", _dict, takes_any=True),
    Function("array", _array, takes_any=True),
    Function("items", _items, ("item",)),
    Function("len", _len, ("list",)),
    Function("slice", _slice, ("list",), ("start", "end")),
    Function("substr", _substr, ("str",), ("start", "end")),
    Function("filter", _filter, ("list",), ("condition", "regex"), _LAMBDAS, _REGEX),
    Function("any", _any, ("items",), ("filter", "regex"), _LAMBDAS, _REGEX),
    Function("all", _all, ("items",), ("filter", "regex"), _LAMBDAS, _REGEX),
    Function("int", _int, ("int",)),
    Function("str", _str, ("str",)),
    Function("serialize", _serialize, ("item",), ("format",)),
    Function("parse_json", _parse_json, ("data",)),
    Function("base64decode", _base64decode, ("string",)),
    Function("timestamp", _timestamp, (), ("epoch", "string", "winfiletime")),
    Function("lowcase", texts.lowcase, ("string",)),
    Function("upcase", texts.upcase, ("string",)),
    Function("format", texts.format_text, ("format",), ("args",)),
    Function("join", texts.join, ("array",), ("sep", "prefix")),
    Function("split", texts.split, ("string",), ("sep", "sep_string"), regexes=frozenset({"sep"})),
    Function("strip", texts.strip, ("string",), ("prefix", "suffix")),
    Function("regex_replace", texts.regex_replace, ("source", "re", "replace"), regexes=frozenset({"re"})),
    Function("parse_string_with_regex", texts.parse_string_with_regex, ("string", "regex"), regexes=_REGEX),
    Function("basename", texts.basename, ("path",), ("sep",)),
    Function("dirname", texts.dirname, ("path",), ("sep",)),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _TABLE}

_LIVE = "it reads the machine on which it runs, and a scan reads events only"
_UNSTEADY = "the same scan must give the same answer tomorrow"
REFUSED: dict[str, str] = {
    **dict.fromkeys(("process_tracker_get", "process_tracker_callchain", "pslist", "netstat"), _LIVE),
    **dict.fromkeys(("stat", "hash", "host", "info", "glob", "read_file", "authenticode"), _LIVE),
    **dict.fromkeys(("now", "rand", "sleep", "environ", "getpid"), _UNSTEADY),
    **dict.fromkeys(("execve", "http_client", "query", "eval", "upload", "log"), "a lambda has no effects"),
}
