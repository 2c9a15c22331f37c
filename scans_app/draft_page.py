"""A rule drafted from chosen events, as its page asks for it: which fields, asked how, and the text of that."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils import timezone

from rules_app.keys import read_key
from rules_app.selection import load_default_model
from rules_app.services.pins import PinSource
from scans_app.event_filters import EventClause, EventFilters
from scans_app.models import Case, Hit
from scans_app.services.pinning import EventMissing, pin_sources
from scans_app.services.raw_events import Place, each_event, files_of
from sigma_engine import Choice, Draft, DraftField, Logsource, Model, RuleHead, draft, event_key, write_rule

MOST_EVENTS = 50  # of a draft
MOST_COUNTED = 20_000  # events that are looked at to say how common a value is
SECONDS = 0.4  # of looking
SHOWN = 120  # characters of a value in a list of choices
_WORDS = {
    "": "is",
    "all": "has all of",
    "startswith": "starts with",
    "endswith": "ends with",
    "contains": "has",
}


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field with what is chosen for it: whether the draft takes it, and which way of asking."""

    number: int
    field: DraftField
    is_taken: bool
    chosen: int

    @property
    def options(self) -> list[tuple[int, str, bool]]:
        """Each way of asking as (number, words, chosen)."""
        return [
            (number, words_of(choice), number == self.chosen)
            for number, choice in enumerate(self.field.choices)
        ]


class DraftPage:
    """What the draft's page shows for the events and choices of a request."""

    def __init__(self, case: Case, sent: QueryDict, user: User) -> None:
        self.case = case
        self.sent = sent
        self._user = user
        self.problem = ""

    @cached_property
    def places(self) -> list[Place]:
        """The events that were chosen, the first MOST_EVENTS of them: `event` names them, or `hit` what hit them."""
        found = [place for text in self.sent.getlist("event") if (place := Place.read(text))]
        hits = [pk for text in self.sent.getlist("hit") if (pk := read_key(text))][:MOST_EVENTS]
        if hits:
            rows = Hit.objects.of_case(self.case).filter(pk__in=hits)
            found += [Place(*row) for row in rows.values_list("evidence", "chunk", "position")]
        return list(dict.fromkeys(found))[:MOST_EVENTS]

    @cached_property
    def sources(self) -> list[PinSource]:
        """The events, read from their files; none, and `problem` says why, when one cannot be read."""
        try:
            return pin_sources(self.case, self.places)
        except EventMissing as error:
            self.problem = str(error)
            return []

    @cached_property
    def model(self) -> Model | None:
        """The model by which log source and fields are named."""
        return load_default_model()

    @cached_property
    def draft(self) -> Draft | None:
        """What can be drafted; None without events or without a model."""
        if self.model is None:
            self.problem = (
                "The default model is broken or missing, so nothing says what the fields are called."
            )
            return None
        if not self.sources:
            return None
        return draft(
            [source.event for source in self.sources], [one.file_name for one in self.sources], self.model
        )

    @property
    def is_answered(self) -> bool:
        """Whether the request carries choices, or is the first one."""
        return "title" in self.sent

    @cached_property
    def rows(self) -> list[FieldRow]:
        """The fields, those that the draft would take first."""
        taken = set(self.sent.getlist("take"))
        rows = []
        for number, field in enumerate(self.draft.fields if self.draft else ()):
            is_taken = str(number) in taken if self.is_answered else field.is_ticked
            how = self.sent.get(f"how-{number}", "")
            chosen = int(how) if how in map(str, range(len(field.choices))) else 0
            rows.append(FieldRow(number, field, is_taken, chosen))
        return sorted(rows, key=lambda row: (not row.field.is_ticked, row.field.is_volatile))

    @property
    def title(self) -> str:
        """The rule's title as it was typed."""
        return self.sent.get("title", "")[:200]

    @cached_property
    def uid(self) -> str:
        """The rule's id: the same in every preview of one draft."""
        try:
            return str(uuid.UUID(self.sent.get("uid", "")))
        except ValueError:
            return str(uuid.uuid4())

    @cached_property
    def logsources(self) -> list[tuple[str, bool]]:
        """The log sources that take all the events, each with whether it is chosen."""
        names = [str(one) for one in self.draft.logsources] if self.draft else []
        chosen = self.sent.get("logsource", "")
        return [(name, name == (chosen if chosen in names else names[0])) for name in names]

    @property
    def logsource(self) -> Logsource:
        """The chosen log source; one of nothing when no source of the model takes all the events."""
        sources = self.draft.logsources if self.draft else ()
        chosen = next((name for name, is_chosen in self.logsources if is_chosen), "")
        return next((one for one in sources if str(one) == chosen), Logsource(product="windows"))

    @property
    def text(self) -> str:
        """The rule's text."""
        parts = (self.logsource.category, self.logsource.product, self.logsource.service)
        author = self._user.get_full_name() or self._user.get_username()
        head = RuleHead(self.title, self.uid, author, str(timezone.localdate()), parts)
        in_order = sorted((row for row in self.rows if row.is_taken), key=lambda row: row.number)
        return write_rule(head, [row.field.clause(row.chosen) for row in in_order])

    def counts(self) -> tuple[int, dict[int, int]]:
        """How many events of the same kinds were looked at in the case, and how many of them each field's chosen
        way of asking holds for, by the field's number."""
        holding: Counter[int] = Counter({row.number: 0 for row in self.rows})
        looked = 0
        for raw in each_event(files_of(self.case), self._same_kind(), SECONDS) if self.draft else ():
            looked += 1
            for row in self.rows:
                value = self.draft.read(row.field.name, raw.event, raw.file.name)
                holding[row.number] += row.field.choices[row.chosen].holds(value)
            if looked >= MOST_COUNTED:
                break
        return looked, dict(holding)

    def _same_kind(self) -> EventFilters:
        """The events with a channel and an event id of the chosen ones."""
        keys = [event_key(source.event) for source in self.sources]
        channels = tuple({key.channel.lower() or "(absent)" for key in keys})
        ids = tuple({"(absent)" if key.event_id == -1 else str(key.event_id) for key in keys})
        return EventFilters((EventClause("channel", channels), EventClause("event_id", ids)))


def words_of(choice: Choice) -> str:
    """A way of asking in words, its values cut to what a list has room for."""
    shown = ", ".join(_shown(value) for value in choice.values)
    return f"{_WORDS[choice.modifier]} {shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + '…'}"


def _shown(value: Any) -> str:
    if value is None:
        return "(null or absent)"
    return "(empty)" if value == "" else str(value)
