"""The filters of the hits page as chips: what each lets through, in words, and the address of the page without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rules_app.event_values import NOTHINGS
from rules_app.models import Rule
from scans_app.hit_filters import Clause, HitFilters
from scans_app.models import Case, Evidence
from scans_app.templatetags.display import event_time

Url = Callable[..., str]  # the address of the page with parameters dropped (None)
Names = dict[tuple[str, str], str]  # (parameter, value) -> what people call it


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter as the page shows it, with the address of the page without it."""

    word: str
    negated: bool
    text: str
    drop: str

    @property
    def verb(self) -> str:
        """What stands between the field and its value; a span of time says "from" and "before" itself."""
        return "" if self.word == "time" else "is not" if self.negated else "is"


def filter_chips(filters: HitFilters, case: Case, url: Url) -> list[Chip]:
    """The chips of filters on hits of a case in the order of their address, the span of time last."""
    names = _names(filters, case)
    chips = [
        Chip(clause.word, clause.negated, _text(clause, names), url(**{clause.name: None}))
        for clause in filters.clauses
    ]
    start, end = filters.time_from, filters.time_to
    if start is not None or end is not None:
        first = f"from {event_time(start)}" if start is not None else ""
        last = f"before {event_time(end)}" if end is not None else ""
        drop = url(**{"from": None, "to": None})
        chips.append(Chip(word="time", negated=False, text=f"{first} {last}".strip(), drop=drop))
    return chips


def _text(clause: Clause, names: Names) -> str:
    return ", ".join(names.get((clause.param, value), _shown(clause, value)) for value in clause.values)


def _shown(clause: Clause, value: str) -> str:
    if clause.param == "verdict":
        return value.replace("_", " ")
    return NOTHINGS["empty"] if value == "" else value


def _names(filters: HitFilters, case: Case) -> Names:
    """What people call the rules and files that the filters name by key."""
    keys = {
        param: [int(value) for one in filters.clauses if one.param == param for value in one.values]
        for param in ("rule", "evidence")
    }
    rules = Rule.objects.filter(pk__in=keys["rule"]).values_list("pk", "title") if keys["rule"] else ()
    files = Evidence.objects.of_case(case).filter(pk__in=keys["evidence"])
    named = files.values_list("pk", "name") if keys["evidence"] else ()
    return {("rule", str(pk)): title for pk, title in rules} | {
        ("evidence", str(pk)): name for pk, name in named
    }
