"""The stack of the hits page: one field's values with counts, in words, each with the link that narrows to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from rules_app.event_values import NOTHINGS
from scans_app.event_values import path_steps
from scans_app.hit_filters import EVENT
from scans_app.models import Evidence, Hit
from scans_app.services.grouped_hits import GroupedHits
from scans_app.services.stacks import STACK_COLUMNS, StackRow, stack
from scans_app.templatetags.display import event_time
from sigma_engine import LEVELS

WORDS = {"title": "rule title", "event_id": "event id", "evidence": "evidence file"}


def can_stack(field: str) -> bool:
    """Whether hits can be stacked by it: a column of theirs, or `event.` and a path."""
    path = field.removeprefix(EVENT)
    return field in STACK_COLUMNS or (path != field and bool(path_steps(path)))


@dataclass(frozen=True)
class HitStack:
    """`hits` by `field`, "common" or "rare" first; `groups` are theirs, where there are any. `mark` names what kept
    counts are kept under."""

    hits: QuerySet[Hit]
    groups: GroupedHits | None
    field: str
    order: str
    mark: str
    chosen: tuple[str, ...]
    only_url: Callable[[str, Any], str]

    @property
    def word(self) -> str:
        """The field as people read it."""
        return _word(self.field)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What a person can choose; the field of the event that is chosen now is among them."""
        fields = [*STACK_COLUMNS, *([self.field] if self.field.startswith(EVENT) else [])]
        return [(field, _word(field)) for field in fields]

    @cached_property
    def counted(self) -> list[StackRow]:
        """The values with their counts, as the service gives them."""
        return stack(self.hits, self.field, groups=self.groups, order=self.order, mark=self.mark)

    @property
    def highest(self) -> int:
        """The count of the largest value, which fills its bar."""
        return max((row.count for row in self.counted), default=0)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The values for the page."""
        return [self._row(row) for row in self.counted]

    def _row(self, row: StackRow) -> dict[str, Any]:
        nothing = self._nothing(row)
        text = NOTHINGS[nothing] if nothing else self._text(row)
        return {
            "label": nothing or self._label(row, text),
            "nothing": nothing,
            "url": self.only_url(self.field, text),
            "chosen": text in self.chosen,
            "level": row.level,
            "count": row.count,
            "judged": row.judged,
            "unjudged": row.count - row.judged,
            "computers": row.computers,
            "first_time": row.first_time,
            "last_time": row.last_time,
            **_days(row.first_time, row.last_time),
        }

    def _nothing(self, row: StackRow) -> str:
        """Which kind of nothing a value is; a column knows only that the event has none."""
        none = self.field in ("computer", "channel", "user") and row.value == ""
        return row.nothing or ("absent" if none or (self.field == "event_id" and row.value == -1) else "")

    def _text(self, row: StackRow) -> str:
        """A value as its filter reads it."""
        if self.field == "level":
            return LEVELS[row.value - 1] if row.value else "none"
        return row.value or "unjudged" if self.field == "verdict" else str(row.value)

    def _label(self, row: StackRow, text: str) -> str:
        if self.field == "evidence":
            return self._file_names.get(row.value, text)
        if self.field == "rule":
            return row.label
        return text.replace("_", " ") if self.field == "verdict" else text

    @cached_property
    def _file_names(self) -> dict[int, str]:
        files = Evidence.objects.filter(pk__in=[row.value for row in self.counted])
        return dict(files.values_list("pk", "name"))


def _word(field: str) -> str:
    return WORDS.get(field, field.removeprefix(EVENT).removeprefix("EventData."))


def _days(first: int, last: int) -> dict[str, str]:
    """From when to when, as short as it stays clear: a day and two times, or two days."""
    day, clock = "%-d %b %Y", "%H:%M"
    if event_time(first, day) == event_time(last, day):
        start, end = event_time(first, clock), event_time(last, clock)
        return {"first_day": f"{event_time(first, day)} {start}", "last_day": end if end != start else ""}
    return {"first_day": event_time(first, day), "last_day": event_time(last, day)}
