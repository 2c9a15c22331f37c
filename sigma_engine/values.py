"""Event values: what "absent" is, and the texts that a value is matched by."""

from __future__ import annotations

import re
from typing import Any, Final


class Absent:
    """The type of `ABSENT`: a field that the event does not have, which is not the same as null."""

    _instance: Absent | None = None

    def __new__(cls) -> Absent:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "ABSENT"

    def __reduce__(self) -> tuple[type[Absent], tuple[()]]:
        return (Absent, ())


ABSENT: Final = Absent()


_GUID = re.compile(r"\{?[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}\}?")
GUID_LENGTHS = (36, 38)  # characters, without and with braces


def fold(text: str) -> str:
    """A text as it is compared when case does not count: in lower case, each character by itself (docs/semantics.md).

    Python writes a Greek sigma at the end of a word as another letter: a text would not be found in a longer one.
    """
    return text.lower() if "Σ" not in text else text.replace("Σ", "σ").lower()


def value_texts(value: Any) -> tuple[str, ...]:
    """The texts by which a single value matches a string pattern; none for null and absent.

    An int has two, decimal and lower-case hex, because sources without types (Velociraptor's JSON) give
    HexInt values as ints (research/sigma.md section 0). A bool is `true` or `false`. Bytes are upper-case
    hex, as Windows shows them. A GUID has two as well, with and without braces: readers differ in them. Lists
    and maps are the caller's matter and have none.
    """
    if isinstance(value, str):
        return _guid_texts(value) if len(value) in GUID_LENGTHS else (value,)
    if value is None or value is ABSENT:
        return ()
    if isinstance(value, bool):
        return ("true",) if value else ("false",)
    if isinstance(value, int):
        return (str(value), f"{value:#x}")
    if isinstance(value, float):
        return (str(int(value)), str(value)) if value.is_integer() else (str(value),)
    if isinstance(value, bytes):
        return (value.hex().upper(),)
    return ()


def _guid_texts(value: str) -> tuple[str, ...]:
    if not _GUID.fullmatch(value):
        return (value,)
    bare = value.strip("{}")
    return (value, bare if value != bare else f"{{{bare}}}")
