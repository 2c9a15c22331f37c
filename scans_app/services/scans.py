"""Scans: what would run (`preflight`), start, cancel."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser

from rules_app.models import EventModelVersion
from rules_app.selection import RuleSelection
from scans_app.models import Case, Evidence, Scan


class ScanRefused(Exception):
    """The scan can't start; the text is a sentence that says why and what to do."""


@dataclass(frozen=True, slots=True)
class SourceCount:
    """A log source of the model, the rules that would run on it, and the events of the evidence in it."""

    name: str
    rules: int
    events: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rules that will not run for one reason. `code` is broken, not_served or not_selected.

    `examples` are the first few as (rule pk, title, what is wrong); "" where the reason says it all.
    """

    code: str
    reason: str
    count: int
    examples: list[tuple[int, str, str]]


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a scan would do. `rules` and `events` are totals: a rule on two log sources is counted once.

    `problems` are sentences: with any of them the scan would be refused.
    """

    rules: int
    events: int
    bytes: int
    run: list[SourceCount]
    left_out: list[LeftOut]
    problems: list[str]


def preflight(
    case: Case,
    evidence: Sequence[Evidence],
    selection: RuleSelection,
    model_version: EventModelVersion,
    user: AbstractBaseUser,
) -> Preflight:
    """What the scan would run, on which log sources, and what not, with the reasons. Writes nothing.

    Raises rules_app.selection's error for a selection that cannot be read (a title regex, a filter lambda).
    """
    raise NotImplementedError


def start_scan(
    case: Case,
    evidence: Sequence[Evidence],
    selection: RuleSelection,
    model_version: EventModelVersion,
    user: AbstractBaseUser,
    *,
    time_from: int | None = None,
    time_to: int | None = None,
    key: uuid.UUID | None = None,
) -> Scan:
    """Freeze what will run and queue it; a worker takes it from there.

    `key` names the form that was sent: a second start with it gives the scan of the first. Raises
    ScanRefused when nothing could run.
    """
    raise NotImplementedError


def cancel_scan(scan: Scan) -> None:
    """Ask the scan to stop. What it found stays; workers leave it within two seconds. Nothing happens to a
    scan that is over."""
    raise NotImplementedError
