"""Event values: what "absent" is, and the texts that a value is matched by."""

from __future__ import annotations

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


def value_texts(value: Any) -> tuple[str, ...]:
    """The texts by which a single value matches a string pattern; none for null and absent.

    An int has two, decimal and lower-case hex, because sources without types (Velociraptor's JSON) give
    HexInt values as ints (research/sigma.md section 0). A bool is `true` or `false`. Bytes are upper-case
    hex, as Windows shows them. Lists are the caller's matter.
    """
    if isinstance(value, str):
        return (value,)
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
    return (str(value),)
