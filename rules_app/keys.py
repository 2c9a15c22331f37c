"""Keys of rows as addresses and forms carry them."""

from __future__ import annotations

DIGITS = 18  # a longer key is no number of 64 bits, which databases and Python's own reading fail on


def read_key(text: str) -> int | None:
    """The key of a row, from text that anybody may have sent; None for what can be the key of none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS else None
