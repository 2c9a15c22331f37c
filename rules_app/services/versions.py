"""What saving a text means, for rules and for models alike."""

from __future__ import annotations

import hashlib

from rules_app.models import EventModelVersion, RuleVersion


class EditConflict(Exception):
    """Somebody saved a version after the one that this edit began with. `current` is theirs."""

    def __init__(self, current: RuleVersion | EventModelVersion) -> None:
        super().__init__(f"version {current.number} was saved in the meantime")
        self.current = current


def text_sha256(text: str) -> str:
    """The SHA-256 of a text as UTF-8, in hex: the identity of a version's content."""
    return hashlib.sha256(text.encode()).hexdigest()


def with_line_ends_of(base: str, text: str) -> str:
    """A text out of a browser's form with the line ends of the text that it came from.

    Forms send CRLF whatever the text had, also for a single carriage return; a text that nobody changed must come
    back byte for byte.
    """
    plain = _with_line_feeds(text)
    if plain == _with_line_feeds(base):
        return base
    return plain.replace("\n", "\r\n") if base.count("\r\n") == base.count("\n") > 0 else plain


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
