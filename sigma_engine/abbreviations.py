"""Short names of channels and providers for narrow tables, from tables in Hayabusa's format.

Such a file has a line of headings and then `full name,short name` a line (hayabusa-rules, folder `config`).
The engine ships none: somebody's table is read from where it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

NONE: Final[Mapping[str, str]] = MappingProxyType({})


def read_abbreviations(path: str | Path) -> dict[str, str]:
    """A table of full names and short ones, in the file's order.

    Raises OSError when the file cannot be read, ValueError, which names the line, when one has no comma.
    """
    table: dict[str, str] = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8-sig").splitlines(), 1):
        full, comma, short = (part.strip() for part in line.rpartition(","))
        if line.strip() and not (full and comma and short):
            raise ValueError(f"{Path(path).name}, line {number}: `full name,short name` is wanted.")
        if line.strip() and number > 1:
            table[full] = short
    return table


def abbreviate_channel(text: str, table: Mapping[str, str], generic: Mapping[str, str] = NONE) -> str:
    """The short name of a channel, case ignored; of one that `table` lacks, with the words of `generic` shortened."""
    short = _folded(tuple(table.items())).get(text.lower())
    return _shortened(text, generic) if short is None else short


def abbreviate_provider(text: str, table: Mapping[str, str], generic: Mapping[str, str] = NONE) -> str:
    """The same for a provider, whose name must stand in the table as it is."""
    short = table.get(text)
    return _shortened(text, generic) if short is None else short


@lru_cache(maxsize=8)
def _folded(items: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {full.lower(): short for full, short in items}


@lru_cache(maxsize=8)
def _words(items: tuple[tuple[str, str], ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern of all words, of two that begin alike the longer one first, and their short forms."""
    short = {full.lower(): one for full, one in items}
    longest_first = sorted(short, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE | re.ASCII), short


def _shortened(text: str, generic: Mapping[str, str]) -> str:
    if not generic:
        return text
    pattern, short = _words(tuple(generic.items()))
    return pattern.sub(lambda found: short[found[0].lower()], text)
