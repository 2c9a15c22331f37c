"""The filters of the hits page: read from a URL, shown as chips, applied to a queryset, written back.

State lives in the URL, so that a view can be sent to a colleague. A parameter is a field and a value
(`computer=WKS-014`), repeated values are alternatives, the prefix `not.` turns a filter round, and
`event.EventData.Image` names a field of the event itself. What cannot be used is not dropped in silence:
it is in `problems`, a sentence each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict

from rules_app.event_values import NOTHINGS
from rules_app.keys import read_key
from scans_app.event_values import event_field_is
from scans_app.mark_filters import MARKS, ME, marked_keys
from scans_app.models import Hit, HitGroup, Scan
from sigma_engine import LEVELS, level_rank

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOT = "not."
EVENT = "event."
EVENT_ROOTS = ("EventData", "UserData", "System", "Message")
VERDICTS = {
    "unjudged": "",
    "true_positive": "true_positive",
    "benign": "benign",
    "false_positive": "false_positive",
    "unsure": "unsure",
}


def _level(text: str) -> int:
    if text == "none":
        return 0
    if text not in LEVELS:
        raise ValueError(f"levels are {', '.join(LEVELS)} and none")
    return level_rank(text)


def _number(text: str) -> int:
    number = read_key(text.removeprefix("-"))
    if number is None:
        raise ValueError("a whole number is needed")
    return -number if text.startswith("-") else number


def _event_id(text: str) -> int:
    return -1 if text == NOTHINGS["absent"] else _number(text)


def _text(text: str) -> str:
    return "" if text == NOTHINGS["absent"] else text


def _verdict(text: str) -> str:
    if text not in VERDICTS:
        raise ValueError(f"verdicts are {', '.join(VERDICTS)}")
    return VERDICTS[text]


#: Parameter -> (column of the hit, the word on the chip, how its text is read).
COLUMNS: dict[str, tuple[str, str, Callable[[str], Any]]] = {
    "level": ("level", "level", _level),
    "rule": ("rule_id", "rule", _number),
    "title": ("title", "rule title", str),
    "computer": ("computer", "computer", _text),
    "channel": ("channel", "channel", _text),
    "event_id": ("event_code", "event id", _event_id),
    "user": ("user", "user", _text),
    "verdict": ("verdict", "verdict", _verdict),
    "evidence": ("evidence_id", "evidence", _number),
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One filter: a parameter and the values of which one must hold (or none, when `negated`)."""

    param: str
    values: tuple[str, ...]
    negated: bool = False

    @property
    def name(self) -> str:
        """The parameter as it stands in the URL."""
        return f"{NOT}{self.param}" if self.negated else self.param

    @property
    def word(self) -> str:
        """The field as people read it."""
        if self.param == "q":
            return "text"
        return COLUMNS[self.param][1] if self.param in COLUMNS else self.param.removeprefix(EVENT)

    @property
    def column(self) -> str:
        """The column of the hit that it is about, "" for a text and a field of the event."""
        return COLUMNS[self.param][0] if self.param in COLUMNS else ""

    def to_q(self) -> Q:
        """The condition on hits. Raises ValueError when a value cannot be read."""
        if self.param == "q":
            condition = _any(_text_is(value) for value in self.values)
        elif self.param in COLUMNS:
            column, _, read = COLUMNS[self.param]
            condition = Q(**{f"{column}__in": [read(value) for value in self.values]})
        elif self.param in MARKS:
            condition = MARKS[self.param](self.values)
        else:
            path = self.param.removeprefix(EVENT)
            condition = _any(event_field_is(path, value) for value in self.values)
        return ~condition if self.negated else condition


def _any(conditions: Iterable[Q]) -> Q:
    result = Q()
    for condition in conditions:
        result |= condition
    return result


def _text_is(text: str) -> Q:
    return (
        Q(title__icontains=text)
        | Q(details__icontains=text)
        | Q(computer__icontains=text)
        | Q(user__icontains=text)
    )


@dataclass(frozen=True, slots=True)
class HitFilters:
    """What a hits URL asks for, apart from its scan, sort, stack and open row."""

    clauses: tuple[Clause, ...] = ()
    time_from: int | None = None
    time_to: int | None = None
    problems: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def from_query(cls, query: QueryDict) -> HitFilters:
        """Read a query string. Never raises: what cannot be read is named in `problems`."""
        problems: list[str] = []
        clauses: list[Clause] = []
        for name in query:
            clause = _clause(name, query.getlist(name))
            if clause is None:
                continue
            try:
                clause.to_q()
            except ValueError as error:
                shown = ", ".join(clause.values)
                problems.append(f"The filter {clause.word} = {shown} was left out: {error}.")
            else:
                clauses.append(clause)
        times = {name: _time(query.get(name, ""), name, problems) for name in ("from", "to")}
        return cls(tuple(clauses), times["from"], times["to"], tuple(problems))

    def __bool__(self) -> bool:
        return bool(self.clauses) or self.time_from is not None or self.time_to is not None

    def apply(self, hits: QuerySet[Any]) -> QuerySet[Any]:
        """`hits` narrowed to what every filter lets through."""
        for clause in self.clauses:
            hits = hits.filter(clause.to_q())
        if self.time_from is not None:
            hits = hits.filter(time__gte=self.time_from)
        if self.time_to is not None:
            hits = hits.filter(time__lt=self.time_to)
        return hits

    @property
    def known_to_groups(self) -> bool:
        """Whether all filters are on what groups of hits know: their columns and verdicts, no time, text or field of
        the event."""
        timed = self.time_from is not None or self.time_to is not None
        return not timed and all(c.param == "verdict" or c.column in HitGroup.KEYS for c in self.clauses)

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdicts that the filters let through."""
        kept = Hit.Verdict.values
        for clause in self.clauses:
            if clause.param == "verdict":
                named = {_verdict(value) for value in clause.values}
                kept = [verdict for verdict in kept if (verdict in named) != clause.negated]
        return tuple(kept)

    @property
    def names_verdicts(self) -> bool:
        """Whether a filter is on verdicts."""
        return any(clause.param == "verdict" for clause in self.clauses)

    def marked(self, scan: Scan) -> list[QuerySet[Any, int]]:
        """Keys of hits of a scan that filters are on: sets which each hold all that pass."""
        keys = [marked_keys(one.param, one.values, scan) for one in self.clauses if not one.negated]
        return [marked for marked in keys if marked is not None]

    @property
    def slow(self) -> HitFilters:
        """The filters that no index answers: texts, and fields of the event."""
        slow = tuple(c for c in self.clauses if c.param == "q" or c.param.startswith(EVENT))
        return HitFilters(slow)

    def without(self, *params: str) -> HitFilters:
        """The same filters without those of these parameters; "time" is from and to."""
        clauses = tuple(clause for clause in self.clauses if clause.param not in params)
        times = (None, None) if "time" in params else (self.time_from, self.time_to)
        return HitFilters(clauses, *times)

    def values_of(self, param: str) -> tuple[str, ...]:
        """The values that `param` is filtered to, () when it is not."""
        return tuple(v for c in self.clauses if c.param == param and not c.negated for v in c.values)


def _clause(name: str, values: list[str]) -> Clause | None:
    param = name.removeprefix(NOT)
    known = (
        param in COLUMNS
        or param in MARKS
        or param == "q"
        or (param.startswith(EVENT) and len(param) > len(EVENT))
    )
    kept = tuple(dict.fromkeys(value for value in values if value or param.startswith(EVENT)))
    return Clause(param, kept, name.startswith(NOT)) if known and kept else None


def _time(text: str, name: str, problems: list[str]) -> int | None:
    if not text:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        problems.append(f"The filter {name} = {text} was left out: {error}.")
        return None


def parse_time(text: str) -> int:
    """Microseconds since the epoch from an ISO 8601 time, UTC unless it says otherwise.

    Raises ValueError with what a time looks like."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError("a time looks like 2024-03-12T14:30 (UTC)") from None
    return to_micros(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)


def to_micros(moment: datetime) -> int:
    """An aware time as microseconds since the epoch, exact."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """Microseconds since the epoch as an aware time in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def with_query(
    query: QueryDict, changes: Mapping[str, str | list[str] | None], *, keep_page: bool = False
) -> str:
    """A query string with parameters set (a text or a list) or dropped (None).

    The page's key is dropped too unless `keep_page`: it belongs to one order of one set of hits.
    """
    result = query.copy()
    for name in () if keep_page else ("after", "before"):
        result.pop(name, None)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        else:
            result.setlist(name, value if isinstance(value, list) else [value])
    return "?" + result.urlencode()


def settled(query: QueryDict, user_name: str) -> str | None:
    """The page's own address for what a form of it typed, None when the address is settled already.

    `add`, `value` and `how` are one more filter; `field` is a field of the event to stack by. Who asks stands in an
    address by name.
    """
    if ME in query.getlist("assignee"):
        names = [user_name if name == ME else name for name in query.getlist("assignee")]
        return with_query(query, {"assignee": names})
    if not ("add" in query or "field" in query):
        return None
    added, typed = query.get("add", "").strip(), query.get("field", "").strip()
    changes: dict[str, str | list[str] | None] = dict.fromkeys(("add", "value", "how", "field"), None)
    if added:
        prefix = NOT if query.get("how") == "not" else ""
        name = f"{prefix}{field_param(added)}"
        changes[name] = [*query.getlist(name), query.get("value", "")]
    if typed:
        changes["stack"] = field_param(typed)
    return with_query(query, changes)


def field_param(typed: str) -> str:
    """The parameter of a field as people type it: a column's name, or a path; `Image` is EventData.Image."""
    name = typed.lower().replace(" ", "_")
    if name in COLUMNS or name in MARKS:
        return name
    path = typed.removeprefix(EVENT)
    known = path.split(".")[0].split("[")[0] in EVENT_ROOTS
    return f"{EVENT}{path}" if known else f"{EVENT}EventData.{path}"
