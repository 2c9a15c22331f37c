"""YAML text -> detection rules, correlations and filters, with everything that is wrong with each."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sigma_engine.correlation_reader import read_correlation
from sigma_engine.detection import Detection
from sigma_engine.detection_reader import parse_detection
from sigma_engine.findings import Finding, Severity
from sigma_engine.placeholders import AskedPlaceholders, Placeholders
from sigma_engine.rule import LEVELS, STATUSES, AnyRule, Correlation, Filter, Logsource, ParsedRule, Rule
from sigma_engine.traps import find_traps
from sigma_engine.validators import validate
from sigma_engine.vql_rule import no_vql, read_rule_vql
from sigma_engine.yaml_source import Node, load_document, split_documents

_WORDS = (
    *("title", "id", "name", "status", "level", "author", "date", "modified", "description", "details"),
)
_LISTS = ("tags", "references", "falsepositives", "fields")
_KINDS = ("detection", "correlation", "filter")


def parse_rules(text: str, placeholders: Placeholders | None = None) -> list[ParsedRule]:
    """Every document of a rule file, good or broken. Never raises for bad text; an empty file gives none.

    `placeholders` are the values that `expand` puts in for `%name%`, by name.
    """
    known = placeholders or {}
    return [_parse_document(document, offset, known) for offset, document in split_documents(text)]


def _parse_document(text: str, line_offset: int, placeholders: Placeholders) -> ParsedRule:
    node, findings = load_document(text)
    if node is None or node.kind != "map":
        if node is not None:
            findings.append(_finding("rule_type", "A rule must be a map of keys such as `title`.", node))
        return ParsedRule(None, "", "", tuple(findings), text, line_offset, {})
    reader = _Reader(node, text, line_offset, findings, placeholders)
    rule = reader.rule()
    meta = reader.meta()
    findings, asked = reader.findings, reader.placeholders.names
    return ParsedRule(rule, meta["title"], meta["id"], tuple(findings), text, line_offset, meta, asked)


def _finding(
    code: str, message: str, node: Node, hint: str = "", severity: Severity = Severity.ERROR
) -> Finding:
    return Finding(code, severity, message, hint, node.line, node.column)


class _Reader:
    """Reads one document's map into a rule, and collects findings on the way."""

    def __init__(
        self,
        node: Node,
        text: str,
        line_offset: int,
        findings: list[Finding],
        placeholders: Placeholders,
    ) -> None:
        self._node = node
        self._text = text
        self._line_offset = line_offset
        self.placeholders = AskedPlaceholders(placeholders)
        self.findings = findings

    def meta(self) -> dict[str, Any]:
        """What stands beside the detection, readable even in a broken rule; texts, and lists of texts."""
        logsource = self._logsource_node()
        return (
            {name: _word_of(self._node, name) for name in _WORDS}
            | {name: _words_of(self._node, name) for name in _LISTS}
            | {part: _word_of(logsource, part) for part in ("category", "product", "service")}
            | {"kind": next((kind for kind in _KINDS if self._node.get(kind) is not None), "detection")}
        )

    def rule(self) -> AnyRule | None:
        """The rule, or None when an error stands in its way."""
        self._check_head()
        if self._node.get("correlation") is not None:
            return self._correlation()
        return self._filter() if self._node.get("filter") is not None else self._detection_rule()

    def _head(self) -> dict[str, Any]:
        generate = self._node.get("generate")
        return (
            {name: _word_of(self._node, name) for name in _WORDS}
            | {name: _words_of(self._node, name) for name in _LISTS}
            | {"text": self._text, "line_offset": self._line_offset}
            | {"generate": generate is not None and generate.value is True}
            | {"placeholders": self.placeholders.values_asked()}
        )

    def _is_broken(self) -> bool:
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    # the three kinds

    def _detection_rule(self) -> Rule | None:
        logsource = self._logsource()
        node = self._node.get("detection")
        if node is None:
            self.findings.append(_finding("detection_missing", "The rule has no `detection`.", self._node))
            return None
        parsed = self._detection(node)
        lambdas, findings = read_rule_vql(self._node, self._text.splitlines())
        self.findings += findings
        if parsed is None or logsource is None or self._is_broken():
            return None
        return Rule(
            logsource=logsource,
            selections=parsed.selections,
            conditions=parsed.conditions,
            aggregation=parsed.aggregation,
            vql=lambdas.vql,
            enrichment=lambdas.enrichment,
            **self._head(),
        )

    def _correlation(self) -> Correlation | None:
        self.findings += no_vql(self._node)
        node = self._node.value["correlation"]
        read, findings = read_correlation(node)
        self.findings += findings
        if read is None or self._is_broken():
            return None
        head = self._head()
        head["generate"] = head["generate"] or read.generate
        return Correlation(rules=read.rules, window=read.window, line=node.line, column=node.column, **head)

    def _filter(self) -> Filter | None:
        self.findings += no_vql(self._node)
        logsource = self._logsource()
        node = self._node.value["filter"]
        if node.kind != "map":
            self.findings.append(_finding("filter_type", "`filter` must be a map.", node))
            return None
        rules = self._filtered_rules(node)
        parsed = self._detection(_without(node, "rules"))
        if parsed is None or logsource is None or self._is_broken():
            return None
        self._warn_of_missing_not(parsed, node)
        return Filter(
            logsource=logsource,
            rules=rules,
            selections=parsed.selections,
            conditions=parsed.conditions,
            **self._head(),
        )

    def _filtered_rules(self, node: Node) -> tuple[str, ...]:
        rules = node.get("rules")
        if rules is None:
            hint = "Add `rules: any`, or a list of ids."
            self.findings.append(_finding("filter_rules", "The filter names no `rules`.", node, hint))
            return ()
        return _words_of(node, "rules") or ("any",)

    def _warn_of_missing_not(self, parsed: Detection, node: Node) -> None:
        """The specification's own example reads as an exclusion and is none (research/sigma.md section 4)."""
        for condition in parsed.conditions:
            if "not" not in condition.text.lower().split():
                message = "This filter keeps only what its condition matches; there is no `not` in it."
                place = node.value.get("condition", node)
                hint = "To leave events out, write `not selection`."
                self.findings.append(_finding("filter_without_not", message, place, hint, Severity.WARNING))

    def _detection(self, node: Node) -> Detection | None:
        parsed, findings = parse_detection(node, self._text.splitlines(), self.placeholders)
        self.findings += findings
        if parsed is not None:
            self.findings += find_traps(parsed)
        return parsed

    # what stands beside it

    def _check_head(self) -> None:
        if not _word_of(self._node, "title"):
            message = "The rule has no `title`."
            self.findings.append(_finding("title_missing", message, self._node, "Add `title: ..`."))
        self._check_id()
        self._check_choice("status", STATUSES)
        self._check_choice("level", LEVELS)
        self.findings += validate(self._node)

    def _check_id(self) -> None:
        node = self._node.get("id")
        if node is None:
            hint = "Add `id:` with a random UUID, so that hits can be told apart."
            message = "The rule has no `id`."
            self.findings.append(_finding("id_missing", message, self._node, hint, Severity.INFO))
            return
        try:
            UUID(node.text)
        except ValueError:
            message = f"The id `{node.text}` is not a UUID."
            self.findings.append(_finding("id_form", message, node, severity=Severity.INFO))

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        node = self._node.get(name)
        if node is not None and _word_of(self._node, name) not in choices:
            message = f"`{node.text}` is not a {name} that Sigma knows."
            hint = f"Sigma has: {', '.join(choices)}."
            self.findings.append(_finding(f"{name}_unknown", message, node, hint, Severity.WARNING))

    def _logsource_node(self) -> Node | None:
        node = self._node.get("logsource")
        return node if node is not None and node.kind == "map" else None

    def _logsource(self) -> Logsource | None:
        node = self._logsource_node()
        if node is None:
            message, hint = "The rule has no `logsource` map.", "Add `logsource:` with `product: windows`."
            self.findings.append(_finding("logsource_missing", message, self._node, hint))
            return None
        category, product, service = (
            _word_of(node, part) or None for part in ("category", "product", "service")
        )
        if not (category or product or service):
            message = "The `logsource` names no category, product or service."
            self.findings.append(_finding("logsource_empty", message, node))
            return None
        return Logsource(category, product, service, node.line, node.column)


def _without(node: Node, key: str) -> Node:
    return Node(
        "map",
        {name: item for name, item in node.value.items() if name != key},
        node.line,
        node.column,
        node.keys,
    )


def _word_of(node: Node | None, name: str) -> str:
    """A scalar of a map as text; empty when it is missing, null, a list or a map."""
    item = node.get(name) if node is not None else None
    return item.text if item is not None and item.kind == "scalar" and item.value is not None else ""


def _words_of(node: Node, name: str) -> tuple[str, ...]:
    item = node.get(name)
    if item is None or item.value is None:
        return ()
    items = item.value if item.kind == "list" else [item]
    return tuple(one.text for one in items if one.kind == "scalar")
