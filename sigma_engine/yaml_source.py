"""YAML text -> nodes that know their line and column, refusing what a rule or model must not contain.

Built from libyaml's events rather than its loader, since only the events show anchors, aliases and tags, and
since a loader keeps the last of two equal keys without a word. Scalars get PyYAML's YAML 1.1 types, which is
what pySigma sees, but dates, `yes`, `no`, `on`, `off` and `12:30` stay the text that was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from sigma_engine.findings import Finding, Severity

MAX_BYTES = 1024 * 1024  # the largest SigmaHQ rule has 295,078
MAX_VALUES = 50_000  # and 4,432 values
MAX_DEPTH = 32

# A document marker at column 0 ends a document wherever it stands (YAML 1.1 section 4.3.4), so splitting by
# line is exact, and a syntax error in one document does not hide the others.
_MARKER = re.compile(r"^(---|\.\.\.)(?=\s|$)(.*)$")
_CONSTRUCTOR = SafeConstructor()
_RESOLVERS: dict[str, list[tuple[str, re.Pattern[str]]]] = Resolver.yaml_implicit_resolvers
_STRING = "tag:yaml.org,2002:str"
_CONVERT = {
    "tag:yaml.org,2002:int": SafeConstructor.construct_yaml_int,
    "tag:yaml.org,2002:float": SafeConstructor.construct_yaml_float,
    "tag:yaml.org,2002:bool": SafeConstructor.construct_yaml_bool,
    "tag:yaml.org,2002:null": SafeConstructor.construct_yaml_null,
}


@dataclass(slots=True)
class Node:
    """One YAML node. `line` and `column` count from 1.

    `value` is a dict of key text to Node for a map (with the key nodes in `keys`), a list of Node for a list,
    else the scalar: str, int, float, bool or None. `text` is a scalar as it was written. `repeated` holds the last
    value of each key that stands again, for a format in which that one counts.
    """

    kind: Literal["map", "list", "scalar"]
    value: Any
    line: int
    column: int
    keys: dict[str, Node]
    text: str = ""
    repeated: dict[str, Node] | None = None

    def plain(self) -> Any:
        """The node as plain Python data, without places."""
        if self.kind == "map":
            return {key: node.plain() for key, node in self.value.items()}
        if self.kind == "list":
            return [node.plain() for node in self.value]
        return self.value

    def get(self, key: str) -> Node | None:
        """The node under `key` of a map; None when there is none or this is no map."""
        return self.value.get(key) if self.kind == "map" else None


class _Refused(Exception):
    """Stops the reading of a document; carries the finding that says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def split_documents(text: str) -> list[tuple[int, str]]:
    """(lines before it, text) of each YAML document that holds more than blank lines and comments."""
    documents: list[tuple[int, list[str]]] = [(0, [])]
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(keepends=True)):
        marker = _MARKER.match(line)
        if marker is None:
            documents[-1][1].append(line)
        elif marker[2].strip() and not marker[2].strip().startswith("#"):
            documents.append((number, [line[3:]]))  # content on the marker's own line
        else:
            documents.append((number + 1, []))
    return [(offset, "".join(lines)) for offset, lines in documents if any(map(_has_content, lines))]


def _has_content(line: str) -> bool:
    stripped = line.strip()
    return bool(stripped) and not stripped.startswith("#")


def load_document(text: str) -> tuple[Node | None, list[Finding]]:
    """The root node of one YAML document and what is wrong with it; None when it cannot be read at all.

    Duplicate keys are findings beside a usable node (the first one is kept); aliases, tags, more than
    `MAX_DEPTH` levels, `MAX_BYTES` bytes or `MAX_VALUES` values refuse the document at their line.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        size = f"{len(text.encode('utf-8', 'surrogatepass')):,}"
        return None, [_error("yaml_too_large", f"The text has {size} bytes, the limit is {MAX_BYTES:,}.")]
    findings: list[Finding] = []
    try:
        return _Builder(text, findings).document(), findings
    except _Refused as refused:
        findings.append(refused.finding)
    except yaml.YAMLError as error:
        findings.append(_syntax_finding(error, text))
    except UnicodeEncodeError as error:
        findings.append(
            _error("yaml_syntax", f"The text holds half of a surrogate pair at character {error.start}.")
        )
    return None, findings


def _error(code: str, message: str, mark: Any = None, hint: str = "") -> Finding:
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return Finding(code, Severity.ERROR, message, hint, line, column)


def _syntax_finding(error: yaml.YAMLError, text: str) -> Finding:
    mark = getattr(error, "problem_mark", None)
    last = len(text.splitlines()) - 1
    if mark is not None and mark.line > last:  # where more was expected, the parser points behind the text
        mark = yaml.Mark(mark.name, mark.index, max(last, 0), 0, None, 0)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return _error(
        "yaml_syntax",
        f"This is not valid YAML: {problem}.",
        mark,
        "Look at the indentation, and put text with `: `, `#`, `*`, `%` or `@` in single quotes.",
    )


class _Builder:
    """Reads one document's events into nodes."""

    def __init__(self, text: str, findings: list[Finding]) -> None:
        # Straight from libyaml: `yaml.parse` puts two calls of Python between one event and the next.
        self._events: Iterator[Any] = iter(yaml.CSafeLoader(text).get_event, None)
        self._findings = findings
        self._values = 0

    def document(self) -> Node | None:
        node: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.NodeEvent):
                node = self._node(event, depth=1)
        return node

    def _node(self, event: Any, depth: int) -> Node:
        mark, kind = event.start_mark, event.__class__
        if kind is yaml.AliasEvent or event.anchor:
            raise _Refused(
                _error(
                    "yaml_alias",
                    "Anchors and aliases (`&`, `*`) are not allowed.",
                    mark,
                    "Write the value out.",
                )
            )
        if event.tag is not None:
            raise _Refused(
                _error("yaml_tag", f"The tag `{event.tag}` is not allowed.", mark, "Leave the tag out.")
            )
        if depth > MAX_DEPTH:
            raise _Refused(_error("yaml_too_deep", f"Nested more than {MAX_DEPTH} levels deep.", mark))
        self._values += 1
        if self._values > MAX_VALUES:
            raise _Refused(_error("yaml_too_many", f"More than {MAX_VALUES:,} values.", mark))
        if kind is yaml.ScalarEvent:
            return self._scalar(event)
        node = Node("list", [], mark.line + 1, mark.column + 1, {})
        if kind is yaml.SequenceStartEvent:
            for item in self._events:
                if isinstance(item, yaml.SequenceEndEvent):
                    return node
                node.value.append(self._node(item, depth + 1))
        node.kind, node.value = "map", {}
        self._fill_map(node, depth)
        return node

    def _fill_map(self, node: Node, depth: int) -> None:
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                return
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if key.kind != "scalar":
                self._findings.append(_error("yaml_key", "A key must be a single word.", event.start_mark))
            elif key.text in node.value:
                first = node.keys[key.text].line
                self._findings.append(
                    _error(
                        "yaml_duplicate_key",
                        f"The key `{key.text}` stands here twice, first in line {first}; only one could count.",
                        event.start_mark,
                        "Join the two, or give one another name.",
                    )
                )
                node.repeated = {**(node.repeated or {}), key.text: value}
            else:
                node.value[key.text] = value
                node.keys[key.text] = key

    def _scalar(self, event: Any) -> Node:
        mark, value = event.start_mark, event.value
        line, column = mark.line + 1, mark.column + 1
        tag = _implicit_tag(value) if event.implicit[0] else _STRING
        convert = _CONVERT.get(tag)
        if convert is not None:
            try:
                value = convert(_CONSTRUCTOR, yaml.ScalarNode(tag, value))
            except (ValueError, OverflowError):  # `0b` or `1:99:__` look like numbers and are none: text
                pass
        return Node("scalar", value, line, column, {}, event.value)


def _implicit_tag(value: str) -> str:
    """YAML 1.1's type of a plain scalar, but for what no author of a rule means: `no` and `12:30` stay text."""
    for tag, pattern in _RESOLVERS.get(value[:1], ()):
        if pattern.match(value):
            is_word = tag.endswith(":bool") and value.lower() not in ("true", "false")
            is_clock = tag.endswith((":int", ":float")) and ":" in value
            return _STRING if is_word or is_clock else tag
    return _STRING
