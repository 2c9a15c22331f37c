"""Cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

from typing import Any

# A spreadsheet takes a cell that starts so, in full width too, for a formula (ASVS 5.0, 1.2.10; OWASP's page on CSV
# injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_cell(value: Any) -> Any:
    """The value as a cell: a text that a spreadsheet would run begins with an apostrophe, nothing is empty."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
