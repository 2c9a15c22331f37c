"""A Sigma rule as data: YAML text -> Rule, with everything that is wrong with it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from sigma_engine.detection import Condition, Selection, parse_detection
from sigma_engine.findings import Finding, Severity
from sigma_engine.yaml_source import Node, load_document, split_documents

LEVELS = ("informational", "low", "medium", "high", "critical")
STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")
_TAG = re.compile(r"[a-z0-9_-]+\.[a-z0-9._-]+")


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


@dataclass(frozen=True)
class Rule:
    """A rule that can be evaluated. `text` is its own YAML document, which is the truth."""

    id: str
    title: str
    name: str
    status: str
    level: str
    tags: tuple[str, ...]
    logsource: Logsource
    author: str
    date: str
    modified: str
    description: str
    references: tuple[str, ...]
    falsepositives: tuple[str, ...]
    fields: tuple[str, ...]
    details: str
    selections: dict[str, Selection]
    conditions: tuple[Condition, ...]
    text: str
    line_offset: int = 0

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    def document(self) -> dict[str, Any]:
        """The rule as plain data: its YAML keys, and Velociraptor's names for them (`Title`, `Level`, ..)."""
        node, _ = load_document(self.text)
        plain: dict[str, Any] = node.plain() if node is not None else {}
        return plain | {key.capitalize(): value for key, value in plain.items()}


@dataclass(frozen=True)
class ParsedRule:
    """One document of a rule file: the rule, or None where it cannot be evaluated, and its findings.

    What can be read of a broken rule (`title`, `rule_id`, `meta`) is there, so that it can be kept and shown.
    Findings count lines in `text`, which starts `line_offset` lines into the file.
    """

    rule: Rule | None
    title: str
    rule_id: str
    findings: tuple[Finding, ...]
    text: str
    line_offset: int
    meta: dict[str, Any]

    @property
    def broken(self) -> bool:
        """Whether scans leave it out by its own fault."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


def parse_rules(text: str) -> list[ParsedRule]:
    """Every document of a rule file, good or broken. Never raises for bad text; an empty file gives none."""
    return [_parse_document(document, offset) for offset, document in split_documents(text)]


def _parse_document(text: str, line_offset: int) -> ParsedRule:
    node, findings = load_document(text)
    if node is None or node.kind != "map":
        if node is not None:
            findings.append(_finding("rule_type", "A rule must be a map of keys such as `title`.", node))
        return ParsedRule(None, "", "", tuple(findings), text, line_offset, {})
    reader = _Reader(node, text, line_offset, findings)
    rule = reader.rule()
    meta = reader.meta()
    return ParsedRule(rule, meta["title"], meta["id"], tuple(reader.findings), text, line_offset, meta)


def _finding(
    code: str, message: str, node: Node, hint: str = "", severity: Severity = Severity.ERROR
) -> Finding:
    return Finding(code, severity, message, hint, node.line, node.column)


class _Reader:
    """Reads one document's map into a rule, and collects findings on the way."""

    def __init__(self, node: Node, text: str, line_offset: int, findings: list[Finding]) -> None:
        self._node = node
        self._text = text
        self._line_offset = line_offset
        self.findings = findings

    def meta(self) -> dict[str, Any]:
        """What stands beside the detection, readable even in a broken rule; texts, and lists of texts."""
        names = (
            "title",
            "id",
            "name",
            "status",
            "level",
            "author",
            "date",
            "modified",
            "description",
            "details",
        )
        lists = ("tags", "references", "falsepositives", "fields")
        logsource = self._logsource_node()
        return (
            {name: self._word(name) for name in names}
            | {name: self._words(name) for name in lists}
            | {part: _word_of(logsource, part) for part in ("category", "product", "service")}
        )

    def rule(self) -> Rule | None:
        """The rule, or None when an error stands in its way."""
        self._check_head()
        logsource = self._logsource()
        detection = self._node.get("detection")
        if self._node.get("correlation") is not None or self._node.get("filter") is not None:
            kind = "correlation" if self._node.get("correlation") is not None else "filter"
            where = self._node.keys[kind]
            self.findings.append(
                _finding(f"{kind}_unsupported", f"A {kind} is not run by this engine.", where)
            )
            return None
        if detection is None:
            self.findings.append(_finding("detection_missing", "The rule has no `detection`.", self._node))
            return None
        parsed, findings = parse_detection(detection, self._text.splitlines())
        self.findings += findings
        if parsed is None or logsource is None or any(f.severity is Severity.ERROR for f in self.findings):
            return None
        meta = self.meta()
        meta.pop("category"), meta.pop("product"), meta.pop("service")
        return Rule(
            logsource=logsource,
            selections=parsed.selections,
            conditions=parsed.conditions,
            text=self._text,
            line_offset=self._line_offset,
            **meta,
        )

    def _word(self, name: str) -> str:
        return _word_of(self._node, name)

    def _words(self, name: str) -> tuple[str, ...]:
        node = self._node.get(name)
        if node is None or node.value is None:
            return ()
        items = node.value if node.kind == "list" else [node]
        return tuple(item.text for item in items if item.kind == "scalar")

    def _check_head(self) -> None:
        if not self._word("title"):
            self.findings.append(
                _finding("title_missing", "The rule has no `title`.", self._node, "Add `title: ..`.")
            )
        self._check_id()
        self._check_choice("status", STATUSES)
        self._check_choice("level", LEVELS)
        tags = self._node.get("tags")
        if tags is not None and tags.kind == "list":
            for tag in tags.value:
                if tag.kind == "scalar" and not _TAG.fullmatch(tag.text):
                    message = f"The tag `{tag.text}` has no namespace such as `attack.`."
                    self.findings.append(_finding("tag_namespace", message, tag, severity=Severity.INFO))

    def _check_id(self) -> None:
        node = self._node.get("id")
        if node is None:
            hint = "Add `id:` with a random UUID, so that hits can be told apart."
            self.findings.append(
                _finding("id_missing", "The rule has no `id`.", self._node, hint, Severity.INFO)
            )
            return
        try:
            UUID(node.text)
        except ValueError:
            message = f"The id `{node.text}` is not a UUID."
            self.findings.append(_finding("id_form", message, node, severity=Severity.INFO))

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        node = self._node.get(name)
        if node is not None and self._word(name) not in choices:
            message = f"`{node.text}` is not a {name} that Sigma knows."
            self.findings.append(
                _finding(
                    f"{name}_unknown", message, node, f"Sigma has: {', '.join(choices)}.", Severity.WARNING
                )
            )

    def _logsource_node(self) -> Node | None:
        node = self._node.get("logsource")
        return node if node is not None and node.kind == "map" else None

    def _logsource(self) -> Logsource | None:
        node = self._logsource_node()
        if node is None:
            if self._node.get("correlation") is None:
                message, hint = (
                    "The rule has no `logsource` map.",
                    "Add `logsource:` with `product: windows`.",
                )
                self.findings.append(_finding("logsource_missing", message, self._node, hint))
            return None
        category, product, service = (
            _word_of(node, part) or None for part in ("category", "product", "service")
        )
        if not (category or product or service):
            self.findings.append(
                _finding("logsource_empty", "The `logsource` names no category, product or service.", node)
            )
            return None
        return Logsource(category, product, service, node.line, node.column)


def _word_of(node: Node | None, name: str) -> str:
    """A scalar of a map as text; empty when it is missing, null, a list or a map."""
    item = node.get(name) if node is not None else None
    return item.text if item is not None and item.kind == "scalar" and item.value is not None else ""
