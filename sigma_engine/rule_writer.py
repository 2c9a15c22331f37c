"""Writing a rule's text: YAML as rule authors write it, with every value meant literally."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from sigma_engine.text_pattern import TextPattern


@dataclass(frozen=True, slots=True)
class DraftClause:
    """A field, how it is compared (a modifier, "" for equality, "all" for every value) and the values to write."""

    field: str
    modifier: str
    values: tuple[Any, ...]

    @property
    def key(self) -> str:
        """What stands before the colon."""
        return f"{self.field}|{self.modifier}" if self.modifier else self.field


@dataclass(frozen=True, slots=True)
class RuleHead:
    """What stands around the detection of a rule; parts of the log source that are None are left out."""

    title: str
    uid: str
    author: str
    date: str
    logsource: tuple[str | None, str | None, str | None]  # category, product, service
    level: str = "medium"


def write_rule(head: RuleHead, clauses: Sequence[DraftClause]) -> str:
    """The text of a rule that hits the events for which every clause holds. Without clauses it has a selection
    to be filled in, which is a finding."""
    names = ("category", "product", "service")
    selection = {clause.key: _written(clause.values) for clause in clauses}
    document = {
        "title": head.title,
        "id": head.uid,
        "status": "experimental",
        "description": "",
        "author": head.author,
        "date": _Plain(head.date),
        "logsource": {name: part for name, part in zip(names, head.logsource, strict=True) if part},
        "detection": {"selection": selection or None, "condition": "selection"},
        "falsepositives": ["Unknown"],
        "level": head.level,
    }
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, indent=4, width=1_000_000
    )
    return text


def write_text(text: str) -> str:
    """A text that a field is compared with as rules have it: in quotes, every character meant literally."""
    written: str = yaml.dump(_literal(text), Dumper=_Dumper, allow_unicode=True, width=1_000_000)
    return written.rstrip("\n")


def _literal(text: str) -> _Value:
    return _Value(TextPattern((text,)).describe())


def _written(values: tuple[Any, ...]) -> Any:
    written = [_literal(value) if isinstance(value, str) else value for value in values]
    return written[0] if len(written) == 1 else written


class _Value(str):
    """A text that a field is compared with: in quotes, so that it reads as one whatever it looks like."""


class _Plain(str):
    """A text that is written as it is though YAML has another type for it."""


class _Dumper(yaml.SafeDumper):
    """Items of a list stand deeper than its name, as in published rules."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002
        super().increase_indent(flow, False)  # noqa: FBT003

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _value(dumper: yaml.SafeDumper, value: _Value) -> yaml.ScalarNode:
    # Single quotes keep backslashes as they are, but fold line ends and hold no control characters.
    style = "'" if value.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style=style)


def _plain(dumper: yaml.SafeDumper, value: _Plain) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", str(value))


_Dumper.add_representer(_Value, _value)
_Dumper.add_representer(_Plain, _plain)
