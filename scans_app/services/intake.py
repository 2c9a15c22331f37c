"""Intake: an upload becomes evidence, or a sentence that says why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from django.contrib.auth.models import AbstractBaseUser

from scans_app.models import Case, Evidence


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not taken, and why, in a sentence that says what to do."""

    name: str
    sentence: str


@dataclass(slots=True)
class Intake:
    """What became of one upload: a zip may give many of both."""

    stored: list[Evidence] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def receive(case: Case, user: AbstractBaseUser, name: str, stream: BinaryIO) -> Intake:
    """Store one uploaded file as evidence of the case (each member of a zip is evidence of its own).

    `stream` is anything with `read(size)`; it is read once, to disk, never into memory. `name` is display
    text. Never raises for what a user can do wrong: see `Intake.refused`. The catalogue follows by itself.
    """
    raise NotImplementedError
