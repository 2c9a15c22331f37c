"""Pinning events to a rule, or to the one that is about to be written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Length
from django.utils import timezone

from rules_app.models import PinnedEvent, Rule, RuleTest

MAX_PINS = 500  # of a rule, and as many tests: they are read at every change of its text
LARGEST_PINS = 8 * 1024 * 1024  # characters of all pins of a rule, and of all its tests
LARGEST_EVENT = 256 * 1024  # characters of its JSON
MAX_OF_PERSON = 5_000  # events that a person pinned to all rules, or made tests of any
LARGEST_OF_PERSON = 64 * 1024 * 1024  # characters of them
RULES_NAMED = 3  # of those that most is pinned to


class PinError(ValueError):
    """Events that cannot be pinned; the message is a sentence for the person who tried."""


@dataclass(frozen=True, slots=True)
class PinSource:
    """An event in the engine's shape, the name of its file, and where it comes from (see `CopiedEvent`)."""

    event: dict[str, Any]
    file_name: str
    origin: dict[str, Any]

    def columns(self) -> dict[str, Any]:
        """The copy as columns of `CopiedEvent`. Raises PinError for an event that is too large."""
        text = json.dumps(self.event, separators=(",", ":"), sort_keys=False)
        if len(text) > LARGEST_EVENT:
            raise PinError(
                f"An event of {len(text):,} characters is too large to be kept with a rule: at most "
                f"{LARGEST_EVENT:,} are."
            )
        name = self.file_name[:500]
        digest = hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()
        return {"event_text": text, "file_name": name, "sha256": digest, "origin": self.origin}


def pins_of(user: User, rule: Rule | None) -> list[PinnedEvent]:
    """What this person pinned to a rule, or without one, in the order of pinning."""
    return list(PinnedEvent.objects.filter(owner=user, rule=rule))


def pin_events(user: User, rule: Rule | None, sources: Sequence[PinSource]) -> list[PinnedEvent]:
    """Pin events for a person, all or none; those that are pinned already stay as they are.

    Returns the pins of the sources, in the order of pinning. Raises PinError, with a sentence.
    """
    rows = {columns["sha256"]: columns for columns in (source.columns() for source in sources)}
    with transaction.atomic():
        lock_events(user, rule)
        mine = PinnedEvent.objects.filter(owner=user, rule=rule)
        known = set(mine.filter(sha256__in=rows).values_list("sha256", flat=True))
        new = [columns for sha256, columns in rows.items() if sha256 not in known]
        size = sum(len(columns["event_text"]) for columns in new)
        check_room(mine, len(new), size)
        check_room_of_person(PinnedEvent.objects.filter(owner=user), "pinned", len(new), size)
        PinnedEvent.objects.bulk_create(PinnedEvent(owner=user, rule=rule, **columns) for columns in new)
        return list(mine.filter(sha256__in=rows))


def unpin(user: User, rule: Rule | None, pks: Iterable[int] | None = None) -> int:
    """Remove pins of a person, all of the rule's without `pks`. Returns how many there were."""
    mine = PinnedEvent.objects.filter(owner=user, rule=rule)
    if pks is not None:
        mine = mine.filter(pk__in=list(pks))
    return mine.delete()[0]


def adopt(user: User, rule: Rule) -> None:
    """Give a rule what this person pinned and tested without one, behind what it has. What it has already is not
    doubled. Raises PinError when that would be more than a rule can have, with nothing moved."""
    with transaction.atomic():
        lock_events(user, rule)
        mine = PinnedEvent.objects.filter(owner=user)
        made = RuleTest.objects.filter(created_by=user)
        there: list[QuerySet[Any]] = [mine.filter(rule=rule), RuleTest.objects.filter(rule=rule)]
        loose: list[QuerySet[Any]] = [mine.filter(rule=None), made.filter(rule=None)]
        behind = {"created_at": timezone.now()} if any(one.exists() for one in there) else {}
        for new, old in zip(loose, there, strict=True):
            new.filter(sha256__in=old.values("sha256")).delete()
            check_room(old, new.count(), _characters(new))
            new.update(rule=rule, **behind)


def lock_events(user: User, rule: Rule | None) -> None:
    """Let one request at a time, until its transaction ends, give events to a person and to a rule: two do not both
    find room, nor both find an event missing."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if rule is not None:
        Rule.objects.select_for_update(no_key=True).get(pk=rule.pk)


def check_room(there: QuerySet[Any], more: int, characters: int) -> None:
    """Raise PinError when the events that a rule has leave no room for so many more, of so many characters."""
    if there.count() + more > MAX_PINS:
        raise PinError(
            f"{there.count():,} events are there and {more:,} more would be over {MAX_PINS:,}, the most a rule can "
            "have. Remove some, or choose fewer."
        )
    size = _characters(there) + characters
    if more and size > LARGEST_PINS:
        raise PinError(
            f"The events would be {size / 2**20:.1f} MiB together; at most {LARGEST_PINS // 2**20} MiB are kept "
            "for a rule. Remove some, or choose fewer."
        )


def check_room_of_person(theirs: QuerySet[Any], what: str, more: int, characters: int) -> None:
    """Raise PinError when what a person has over all rules leaves no room for so many more events: their pins, or the
    tests that they made. `what` says which in the sentence: pinned, or made tests."""
    count = theirs.count()
    if not more or (count + more <= MAX_OF_PERSON and _characters(theirs) + characters <= LARGEST_OF_PERSON):
        return
    by_rule = theirs.order_by().values_list("rule__title").annotate(events=Count("pk")).order_by("-events")
    most = ", ".join(f"{title or 'no rule yet'} ({events:,})" for title, events in by_rule[:RULES_NAMED])
    raise PinError(
        f"You have {what} {count:,} events over all rules, and {more:,} more would be too many: at most "
        f"{MAX_OF_PERSON:,} events of {LARGEST_OF_PERSON // 2**20} MiB together are kept for a person. Remove some "
        f"that you no longer need; most are with {most}."
    )


def _characters(events: QuerySet[Any]) -> int:
    return events.aggregate(size=Sum(Length("event_text")))["size"] or 0
