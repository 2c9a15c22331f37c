"""The events page as its URL asks for it: which files, which filters, which page, around which event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Max, Q
from django.http import QueryDict
from django.urls import reverse

from rules_app.event_values import FieldValue, event_sections
from rules_app.models import Rule
from scans_app.event_filters import COLUMNS, EventFilters
from scans_app.hit_browser import COMMON_FIELDS
from scans_app.hit_filters import EVENT, NOT, with_query
from scans_app.models import Case, Evidence
from scans_app.services.raw_events import (
    EventPage,
    Place,
    RawEvent,
    events_before,
    files_of,
    find_event,
    page_after,
    page_around,
    page_before,
)
from scans_app.templatetags.display import event_time
from sigma_engine import EvidenceError, field_rank

FIELDS_SHOWN = 12  # of an event in the list
TEXT_SHOWN = 160  # characters of one of them
LINKED = 1_000  # characters; a longer value would make an address that servers refuse
#: Fields of the event that have a filter of their own: the catalogue answers it.
COLUMN_FIELDS = {
    "System.Computer": "computer",
    "System.Channel": "channel",
    "System.EventID.Value": "event_id",
    "System.Provider.Name": "provider",
}
Viewer = AbstractBaseUser | AnonymousUser
OWN_RULES = 15
PAGE_KEYS = ("after", "before", "around", "stay")


@dataclass(frozen=True, slots=True)
class EventChip:
    """One filter as the page shows it, with the address of the page without it."""

    word: str
    verb: str
    negated: bool
    text: str
    drop: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event of the list: its first fields, and whether it is the one that the page is around."""

    raw: RawEvent
    fields: list[FieldValue]
    is_marked: bool

    @property
    def where(self) -> str:
        """Its place as forms and addresses carry it."""
        return str(self.raw.place)


class EventBrowser:
    """What one events URL shows: of one file of a case, or of all."""

    def __init__(self, case: Case, query: QueryDict, chosen: Evidence | None, user: Viewer) -> None:
        self.case = case
        self.query = query
        self.chosen = chosen
        self._user = user
        self.filters = EventFilters.from_query(query)
        self._problems = list(self.filters.problems)

    @cached_property
    def files(self) -> list[Evidence]:
        """The files whose events are shown, in order."""
        return files_of(self.case, self.chosen)

    @property
    def problems(self) -> list[str]:
        """What of the address could not be used and what of the evidence not be read, a sentence each."""
        return [*self._problems, *self.page.unreadable]

    @property
    def url(self) -> str:
        """The page's address without a query."""
        if self.chosen is None:
            return reverse("cases:case_events", args=[self.case.pk])
        return reverse("cases:events", args=[self.case.pk, self.chosen.pk])

    @cached_property
    def around(self) -> RawEvent | None:
        """The event that the page is around, if the URL names one."""
        text = self.query.get("around", "")
        if not text:
            return None
        if self.chosen and text.count(":") == 1:
            text = f"{self.chosen.pk}:{text}"
        place = Place.read(text)
        file = next((file for file in self.files if place and file.pk == place.evidence), None)
        found = find_event_quietly(file, place) if file and place else None
        if found is None:
            self._problems.append("There is no event at the place around which events were asked for.")
        return found

    @cached_property
    def page(self) -> EventPage:
        """The events of this page."""
        if self.around is not None:
            return page_around(self.files, self.filters, self.around)
        bounds = {name: Place.read(self.query[name]) for name in ("after", "before") if self.query.get(name)}
        if None in bounds.values():
            self._problems.append("This page's key is none of ours; it is the first page.")
        if before := bounds.get("before"):
            return page_before(self.files, self.filters, before)
        return page_after(self.files, self.filters, bounds.get("after"))

    @cached_property
    def rows(self) -> list[EventRow]:
        """The events of this page as the list shows them."""
        marked = self.around.place if self.around else None
        return [EventRow(raw, first_fields(raw.event), raw.place == marked) for raw in self.page.rows]

    # --- how far it looked

    @cached_property
    def total(self) -> int:
        """The events of these files."""
        return events_before(self.files, None)

    @cached_property
    def looked_from(self) -> int:
        """How many events lie before what this page looked at."""
        return events_before(self.files, self.page.first) if self.page.first else 0

    @cached_property
    def looked_to(self) -> int:
        """How many events lie before the end of what this page looked at."""
        return events_before(self.files, self.page.last)

    @property
    def looked(self) -> int:
        """How many events this page looked at, or passed over because the catalogue rules them out."""
        return self.looked_to - self.looked_from

    @property
    def backwards(self) -> bool:
        """Whether the page was read towards the start."""
        return "before" in self.query and self.around is None

    # --- addresses

    @property
    def state(self) -> list[tuple[str, list[str]]]:
        """The URL's parameters for the hidden fields of a form."""
        return [(name, values) for name, values in self.query.lists() if name not in PAGE_KEYS]

    def address(self, **changes: str | None) -> str:
        """The page's query with parameters set or dropped, and on the first page unless they say otherwise."""
        return with_query(self.query, {**dict.fromkeys(PAGE_KEYS), **changes})

    @property
    def after_url(self) -> str:
        """The page behind this one, "" at the end."""
        return self.address(after=str(self.page.last)) if self.page.last else ""

    @property
    def goes_on(self) -> bool:
        """Whether the page goes on by itself: it ran out of time and has nothing to show, and nobody said to stay."""
        return self.page.out_of_time and not self.rows and bool(self.go_on_url) and "stay" not in self.query

    @property
    def go_on_url(self) -> str:
        """Where the look goes on in its own direction."""
        return self.before_url if self.backwards else self.after_url

    @property
    def stay_url(self) -> str:
        """This page, which then does not go on by itself."""
        return with_query(self.query, {"stay": "1"}, keep_page=True)

    @property
    def before_url(self) -> str:
        """The page before this one, "" at the start."""
        return self.address(before=str(self.page.first)) if self.looked_from else ""

    @property
    def whole_url(self) -> str:
        """The page without any filter."""
        return self.url

    @cached_property
    def chips(self) -> list[EventChip]:
        """The filters in the order of the URL."""
        names = dict(self.query.lists())
        chips = [
            EventChip(
                clause.word,
                clause.verb,
                clause.negated,
                ", ".join(value or "(empty)" for value in names[clause.name] if value or clause.param != "q"),
                self.address(**{clause.name: None}),
            )
            for clause in self.filters.clauses
        ]
        start, end = self.filters.time_from, self.filters.time_to
        if start is not None or end is not None:
            first = f"from {event_time(start)}" if start is not None else ""
            last = f"before {event_time(end)}" if end is not None else ""
            drop = self.address(**{"from": None, "to": None})
            chips.append(EventChip("time", "", negated=False, text=f"{first} {last}".strip(), drop=drop))
        return chips

    @cached_property
    def own_rules(self) -> list[Rule]:
        """The rules that this person wrote at last: those that events are likely to be picked for."""
        mine = Q(versions__author=self._user.pk)
        rules = Rule.objects.visible_to(self._user).filter(mine)
        return list(rules.annotate(saved=Max("versions__pk", filter=mine)).order_by("-saved")[:OWN_RULES])

    @property
    def filter_names(self) -> list[str]:
        """What the filter form suggests."""
        return [*COLUMNS, *COMMON_FIELDS]

    @property
    def channels(self) -> list[str]:
        """The channels of these files, by name."""
        return sorted({name for file in self.files for name, _ in file.channels if name})

    def only_url(self, param: str, value: str) -> str:
        """This page narrowed to one value."""
        base = self.address(**{param: None, f"{NOT}{param}": None})
        return f"{base}{'' if base == '?' else '&'}{urlencode({param: value})}"

    def not_url(self, param: str, value: str) -> str:
        """This page without the events that have one value."""
        base = self.address()
        return f"{base}{'' if base == '?' else '&'}{urlencode({NOT + param: value})}"


def find_event_quietly(file: Evidence, place: Place) -> RawEvent | None:
    """The event at a place of a file; None also when the file cannot be read."""
    try:
        return find_event(file, place.chunk, place.position)
    except (EvidenceError, OSError):
        return None


def first_fields(event: dict[str, Any]) -> list[FieldValue]:
    """What a list shows of an event: the first fields that are about what happened and hold something."""
    fields: Iterator[FieldValue] = (
        field for title, fields in event_sections(event) if title != "System" for field in fields
    )
    held = [field for field in fields if not field.nothing and field.text != "-"]
    return sorted(held, key=lambda field: field_rank(field.name))[:FIELDS_SHOWN]


def field_param(path: str) -> str:
    """The filter of a field of an event, by its path."""
    return COLUMN_FIELDS.get(path, f"{EVENT}{path}")
