"""Sigma documents as data: detection rules, correlation rules and filters. `rule_reader` makes them of YAML text."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sigma_engine.detection import Condition, Selection
from sigma_engine.findings import Finding, Severity
from sigma_engine.lambdas import Lambda
from sigma_engine.placeholders import PlaceholderValues
from sigma_engine.window import Window
from sigma_engine.yaml_source import load_document

LEVELS = ("informational", "low", "medium", "high", "critical")
STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")


def level_rank(level: str) -> int:
    """1 for informational to 5 for critical; 0 for a level that Sigma does not know."""
    return LEVELS.index(level) + 1 if level in LEVELS else 0


@dataclass(frozen=True)
class Logsource:
    """What events a rule is about; a part that is None is left open."""

    category: str | None = None
    product: str | None = None
    service: str | None = None
    line: int = field(default=1, compare=False)
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return "/".join(part or "*" for part in (self.category, self.product, self.service))


@dataclass(frozen=True, kw_only=True)
class Document:
    """What every kind of rule has. `text` is its own YAML document, which is the truth.

    `placeholders` are the lists that it asked for when it was read, sorted by name: they are part of what it means.
    """

    id: str
    title: str
    name: str
    status: str
    level: str
    tags: tuple[str, ...]
    author: str
    date: str
    modified: str
    description: str
    references: tuple[str, ...]
    falsepositives: tuple[str, ...]
    fields: tuple[str, ...]
    details: str
    text: str
    line_offset: int = 0
    generate: bool = False
    placeholders: PlaceholderValues = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex of the text, and of the placeholders' values that went into the rule, if any."""
        digest = hashlib.sha256(self.text.encode("utf-8", "surrogatepass"))
        if self.placeholders:
            digest.update(f"\0{json.dumps(self.placeholders)}".encode())
        return digest.hexdigest()

    def document(self) -> dict[str, Any]:
        """The rule as plain data: its YAML keys, and Velociraptor's names for them (`Title`, `Level`, ..)."""
        node, _ = load_document(self.text)
        plain: dict[str, Any] = node.plain() if node is not None else {}
        return plain | {key.capitalize(): value for key, value in plain.items()}

    def is_named(self, reference: str) -> bool:
        """Whether another document's reference, an id or a name, means this one."""
        return reference in (self.id, self.name) and reference != ""


@dataclass(frozen=True, kw_only=True)
class Rule(Document):
    """A rule over single events. With an `aggregation` (legacy `| count() ..`) it matches groups of them.

    `vql` and `enrichment` are lambdas over the event (Velociraptor's dialect): what the first gives is added to the
    event before the rule sees it, what the second gives is shown with a hit.
    """

    logsource: Logsource
    selections: dict[str, Selection]
    conditions: tuple[Condition, ...]
    aggregation: Window | None = None
    vql: Lambda | None = field(default=None, compare=False)
    enrichment: Lambda | None = field(default=None, compare=False)

    def seen(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event as this rule sees it. Raises LambdaError when its `vql` reaches a bound."""
        made = self.vql(event) if self.vql is not None else None
        return {**event, **made} if isinstance(made, dict) else event


@dataclass(frozen=True, kw_only=True)
class Correlation(Document):
    """A rule over the hits of other rules, which `rules` names by id or name."""

    rules: tuple[str, ...]
    window: Window
    line: int = 1
    column: int = 1


@dataclass(frozen=True, kw_only=True)
class Filter(Document):
    """Conditions that are added to the rules it names (`any` for all) where its logsource is not more specific."""

    logsource: Logsource
    rules: tuple[str, ...]
    selections: dict[str, Selection]
    conditions: tuple[Condition, ...]


AnyRule = Rule | Correlation | Filter


@dataclass(frozen=True)
class ParsedRule:
    """One document of a rule file: the rule, or None where it cannot be evaluated, and its findings.

    What can be read of a broken rule (`title`, `rule_id`, `meta`) is there, so that it can be kept and shown.
    Findings count lines in `text`, which starts `line_offset` lines into the file. `placeholders` names the lists that
    it asks for, defined or not.
    """

    rule: AnyRule | None
    title: str
    rule_id: str
    findings: tuple[Finding, ...]
    text: str
    line_offset: int
    meta: dict[str, Any]
    placeholders: tuple[str, ...] = ()

    @property
    def broken(self) -> bool:
        """Whether scans leave it out by its own fault."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)
