"""Cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

from typing import Any

# A spreadsheet takes a cell that starts so for a formula (ASVS 5.0, 1.2.10).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")


def cell(value: Any) -> Any:
    """The value as a cell: a text that a spreadsheet would run begins with an apostrophe, nothing is empty."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
