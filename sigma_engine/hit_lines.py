"""Hits as the command line prints them: a line each, behind the key by which lines are sorted.

Lines are made where the hits are found, on all cores.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sigma_engine.abbreviations import abbreviate_channel
from sigma_engine.correlation_parts import CorrelationHit
from sigma_engine.csv_cells import csv_cell
from sigma_engine.hit_row import COLUMNS, correlation_row, event_row
from sigma_engine.rule import AnyRule
from sigma_engine.scanner import Hit

#: Time, evidence, rule and place of a hit.
Key = tuple[int, str, int, int, int]
Line = tuple[Key, str]


@dataclass(frozen=True)
class LineStyle:
    """How lines look: JSON, CSV or text for a terminal; `short` are the short names of channels, by full name."""

    kind: Literal["jsonl", "csv", "text"]
    short: Mapping[str, str] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        """What stands above all lines."""
        return _csv_line(COLUMNS) if self.kind == "csv" else ""

    def of(self, row: dict[str, Any]) -> str:
        """The line of a row, with its end."""
        if self.short and row["channel"]:
            row["channel"] = abbreviate_channel(row["channel"], self.short)
        if self.kind == "csv":
            return _csv_line([csv_cell(row[name]) for name in COLUMNS])
        if self.kind == "jsonl":
            return json.dumps(row, ensure_ascii=False) + "\n"
        words = (str(row[name]) for name in ("timestamp", "level", "title", "computer", "details"))
        return "  ".join(words) + "\n"


def hit_line(hit: Hit, evidence: str, rule: AnyRule, style: LineStyle) -> Line:
    """The line of a rule that matched one event of the file named `evidence`."""
    key = (hit.facts.time, evidence, hit.rule_index, hit.chunk, hit.position)
    return key, style.of(event_row(hit, evidence, rule))


def correlation_line(hit: CorrelationHit, rules: Sequence[AnyRule], style: LineStyle) -> Line:
    """The line of a correlation's hit, which stands at its last event."""
    key = (hit.last.time, hit.last.evidence, hit.rule_index, hit.last.chunk, hit.last.position)
    return key, style.of(correlation_row(hit, rules))


def _csv_line(cells: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
