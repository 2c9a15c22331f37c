"""A model's YAML text -> its parts, with every fault as a finding at its line and column.

The format is described in docs/models.md.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sigma_engine.findings import Finding, Scope, Severity
from sigma_engine.lambdas import Lambda, LambdaError, compile_lambda
from sigma_engine.log_source import Source
from sigma_engine.mapping import ORIGIN_MODEL, Mapping
from sigma_engine.places import lambda_place
from sigma_engine.yaml_source import Node

_KEYS = ("name", "description", "extends", "tables", "log_sources", "fields", "event_data", "default_details")
_SOURCE_KEYS = (
    "logsource",
    "description",
    "channels",
    "event_ids",
    "providers",
    "files",
    "where",
    "fields",
    "event_data",
)
_LAMBDA = re.compile(r"\s*\w+\s*=>")
_FIELD = re.compile(r"[^`\n]{1,256}")
_MAX_EVENT_ID = 0xFFFFFFFF


class Import(NamedTuple):
    """A file that a model names as part of itself, and where."""

    name: str
    line: int
    column: int


@dataclass
class ModelFile:
    """What a model's text says of its own, before what it extends and imports is added."""

    name: str = ""
    description: str = ""
    extends: str = ""
    extends_place: tuple[int, int] = (1, 1)
    sources: list[Source] = field(default_factory=list)
    fields: dict[str, Mapping] = field(default_factory=dict)
    default_details: dict[str, str | Lambda] = field(default_factory=dict)
    imports: tuple[Import, ...] = ()
    details_query: Lambda | None = None
    bad_fields: frozenset[str] = frozenset()
    bad_sources: frozenset[str] = frozenset()


def read_model_file(root: Node | None, text: str, findings: list[Finding]) -> ModelFile | None:
    """The parts of a model's text, given as nodes too; what is wrong with it is added to `findings`.

    None when it is no map at all.
    """
    if root is None:
        if not findings:
            findings.append(_finding("model_empty", "The model is empty.", None, "Begin with `name:`."))
        return None
    if root.kind != "map":
        findings.append(_finding("model_shape", "A model is a map of keys and values.", root))
        return None
    return _Reader(text, findings).read(root)


class _Reader:
    """Reads one model's nodes, collecting findings."""

    def __init__(self, text: str, findings: list[Finding]) -> None:
        self._lines = text.splitlines()
        self._findings = findings
        self._tables: dict[str, Any] = {}

    def read(self, root: Node) -> ModelFile:
        self._check_keys(root, _KEYS)
        parts = ModelFile(
            self._text(root, "name"), self._text(root, "description"), self._text(root, "extends")
        )
        if not parts.name and "name" not in root.value:
            self._add(
                "model_name", "The model has no name.", root, "Add `name:` with the name that scans show."
            )
        if parts.extends:
            place = root.value["extends"]
            parts.extends_place = place.line, place.column
        for name, node in self._map(root, "tables").items():
            self._tables[name] = node.plain()
        parts.fields = self._mappings(root, ORIGIN_MODEL)
        parts.sources = [source for node in self._list(root, "log_sources") if (source := self._source(node))]
        parts.default_details = self._default_details(root)
        return parts

    # Log sources

    def _source(self, node: Node) -> Source | None:
        if node.kind != "map":
            self._add("model_shape", "A log source is a map that begins with `logsource:`.", node)
            return None
        self._check_keys(node, _SOURCE_KEYS)
        name = self._logsource(node)
        where = node.get("where")
        return Source(
            name,
            channels=self._names(node, "channels"),
            event_ids=self._event_ids(node),
            providers=self._names(node, "providers"),
            files=[str(item.value) for item in self._scalars(node, "files")],
            where=self._lambda(where) if where else None,
            fields=self._mappings(node, name),
            line=node.line,
        )

    def _logsource(self, node: Node) -> str:
        place = node.get("logsource")
        name = self._text(node, "logsource")
        parts = name.split("/")
        if len(parts) == 3 and all(part and part == part.strip() for part in parts):
            return name
        self._add(
            "model_logsource",
            "A log source needs `logsource: category/product/service`.",
            place or node,
            "Write `*` for a part that is left open, as in `process_creation/windows/*`.",
        )
        return "*/*/*"

    def _names(self, node: Node, key: str) -> list[str]:
        names = []
        for item in self._scalars(node, key):
            if not isinstance(item.value, str) or not item.value:
                self._add("model_text", f"`{key}` holds texts; this is none.", item, "Put it in quotes.")
            elif "*" in item.value[:-1]:
                self._add("model_star", "A `*` may stand only at the end.", item)
            else:
                names.append(item.value)
        return names

    def _event_ids(self, node: Node) -> list[int]:
        numbers = []
        for item in self._scalars(node, "event_ids"):
            number = item.value
            if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _MAX_EVENT_ID:
                numbers.append(number)
            else:
                self._add("model_event_id", f"`{item.text}` is no event id: a whole number from 0.", item)
        return numbers

    # Fields and details

    def _mappings(self, node: Node, origin: str) -> dict[str, Mapping]:
        """`fields` (name: lambda) and `event_data` (names of fields that EventData has under that name)."""
        found: dict[str, Mapping] = {}
        for item in self._scalars(node, "event_data"):
            name = item.text
            if name in found or not _FIELD.fullmatch(name):
                self._add("model_field", f"`{name[:80]}` stands here twice, or is no name of a field.", item)
                continue
            found[name] = Mapping(name, origin, compile_lambda(f"x=>x.EventData.{_quoted(name)}"))
        plain = set(found)
        for name, item in self._map(node, "fields").items():
            if name in plain:
                self._add(
                    "model_field",
                    f"`{name}` stands in `event_data` too; this lambda is used.",
                    item,
                    "Take it out of `event_data`.",
                    Severity.WARNING,
                )
            compiled = self._lambda(item)
            if compiled is not None:
                found[name] = Mapping(name, origin, compiled)
        return found

    def _lambda(self, node: Node) -> Lambda | None:
        if node.kind != "scalar" or not isinstance(node.value, str):
            self._add("model_lambda", "A lambda is a text, as in `x=>x.EventData.Image`.", node)
            return None
        try:
            return compile_lambda(node.value.strip(), self._tables)
        except LambdaError as error:
            line, column = lambda_place(self._lines, node, error)
            self._findings.append(
                Finding("model_lambda", Severity.ERROR, error.message, "", line, column, Scope.MODEL)
            )
            return None

    def _default_details(self, root: Node) -> dict[str, str | Lambda]:
        found: dict[str, str | Lambda] = {}
        for key, node in self._map(root, "default_details").items():
            provider, _, event_id = key.rpartition("/")
            if not provider or not event_id.isdecimal():
                self._add(
                    "model_details",
                    f"`{key}` is not `Provider/event id`.",
                    root.value["default_details"].keys[key],
                    "Write, say, `Microsoft-Windows-Security-Auditing/4624`.",
                )
            elif node.kind != "scalar" or not isinstance(node.value, str):
                self._add("model_details", "Details are a text with %Field% in it, or a lambda.", node)
            elif _LAMBDA.match(node.value):
                compiled = self._lambda(node)
                if compiled is not None:
                    found[key] = compiled
            else:
                found[key] = node.value.strip()
        return found

    # Shapes

    def _text(self, node: Node, key: str) -> str:
        child = node.get(key)
        if child is None:
            return ""
        if child.kind != "scalar" or child.value is None or not child.text.strip():
            self._add("model_text", f"`{key}` is a text.", child)
            return ""
        return child.text.strip()

    def _map(self, node: Node, key: str) -> dict[str, Node]:
        child = node.get(key)
        if child is None or (child.kind == "scalar" and child.value is None):
            return {}
        if child.kind != "map":
            self._add("model_shape", f"`{key}` is a map of names and values.", child)
            return {}
        value: dict[str, Node] = child.value
        return value

    def _list(self, node: Node, key: str) -> list[Node]:
        child = node.get(key)
        if child is None or (child.kind == "scalar" and child.value is None):
            return []
        if child.kind != "list":
            self._add("model_shape", f"`{key}` is a list.", child)
            return []
        value: list[Node] = child.value
        return value

    def _scalars(self, node: Node, key: str) -> list[Node]:
        """The items of a list of single values; a lone value is a list of one."""
        child = node.get(key)
        items = [child] if child is not None and child.kind == "scalar" else self._list(node, key)
        good = []
        for item in items:
            if item.kind == "scalar" and item.value is not None:
                good.append(item)
            else:
                self._add("model_shape", f"`{key}` is a list of single values.", item)
        return good

    def _check_keys(self, node: Node, known: tuple[str, ...]) -> None:
        for key, place in node.keys.items():
            if key not in known:
                hint = _hint(key, known)
                self._add("model_unknown_key", f"A model has no key `{key}` here.", place, hint)

    def _add(
        self, code: str, message: str, node: Node, hint: str = "", severity: Severity = Severity.ERROR
    ) -> None:
        self._findings.append(_finding(code, message, node, hint, severity))


def _finding(
    code: str, message: str, node: Node | None, hint: str = "", severity: Severity = Severity.ERROR
) -> Finding:
    line, column = (node.line, node.column) if node else (1, 1)
    return Finding(code, severity, message, hint, line, column, Scope.MODEL)


def _hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(known)}."


def _quoted(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else f"`{name}`"
