"""What is wrong with a user's text: where, how bad, and how to mend it.

A finding is data, never an exception: a rule, a model or a lambda gives all of its findings at once, and
every place that shows them (editor, import report, command line) shows the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Severity(StrEnum):
    """How bad: an `error` keeps the rule out of scans, a `warning` may hide hits, `info` is style."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Scope(StrEnum):
    """Whose matter it is: of the `rule` itself (broken), or of the `model` (not served by it)."""

    RULE = "rule"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Mend:
    """One edit that makes a finding go away: the text between two places is replaced by `text`.

    Lines and columns count from 1 as those of findings do; the end is the place behind the last character. `label` says
    what it does, as on a button.
    """

    label: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a text. `line` and `column` count from 1 in the text that was given.

    `mends` are offered by `with_mends` alone: working them out takes longer than finding the fault.
    """

    code: str
    severity: Severity
    message: str
    hint: str = ""
    line: int = 1
    column: int = 1
    scope: Scope = Scope.RULE
    mends: tuple[Mend, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain data, for JSON, without its mends; `from_dict` reads it back."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "hint": self.hint,
            "line": self.line,
            "column": self.column,
            "scope": self.scope.value,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """A finding from what `to_dict` gave. Raises KeyError or ValueError on other data."""
        return cls(
            code=data["code"],
            severity=Severity(data["severity"]),
            message=data["message"],
            hint=data["hint"],
            line=data["line"],
            column=data["column"],
            scope=Scope(data["scope"]),
        )
