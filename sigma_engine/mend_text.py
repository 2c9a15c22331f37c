"""A rule's text as something to edit: what stands at a place, the block below a key, and edits of both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from sigma_engine.findings import Mend
from sigma_engine.yaml_source import Node, load_document, split_documents

_LINE_ENDS = re.compile("\r\n|[\n\r\u0085\u2028\u2029]")  # what YAML counts as the end of a line
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""")
_PLAIN = re.compile(r"[^\s#](?:[^#]|(?<=\S)#)*?(?=\s+#|\s*$)")
_PLAIN_KEY = re.compile(r"[^\s#].*?(?=\s*:(?:\s|$))")
_UNWRITABLE = re.compile(r"[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def apply_mend(text: str, mend: Mend) -> str:
    """The text after a mend. Raises ValueError when its places lie outside the text."""
    starts = [0, *(end.end() for end in _LINE_ENDS.finditer(text))]
    if not (0 < mend.line <= len(starts) and 0 < mend.end_line <= len(starts)):
        raise ValueError(f"the text has {len(starts)} lines")
    begin = starts[mend.line - 1] + mend.column - 1
    end = starts[mend.end_line - 1] + mend.end_column - 1
    if not 0 <= begin <= end <= len(text):
        raise ValueError("a mend's end lies before its beginning, or behind the text")
    return text[:begin] + mend.text + text[end:]


def quoted(value: str) -> str | None:
    """A text in YAML's single quotes; None where those cannot hold it: line ends and control characters."""
    return None if _UNWRITABLE.search(value) else "'" + value.replace("'", "''") + "'"


class MendText:
    """The text of one rule; lines and columns count from 1, in the whole text."""

    def __init__(self, text: str) -> None:
        self.lines = _LINE_ENDS.split(text)
        documents = split_documents(text)
        self._offset, self._document = documents[0] if documents else (0, "")

    @cached_property
    def root(self) -> Node | None:
        """The rule's map; None where the text is no YAML or no map."""
        node, _ = load_document(self._document)
        return node if node is not None and node.kind == "map" else None

    @cached_property
    def _scalars(self) -> dict[tuple[int, int], tuple[Node, Node | None]]:
        return {
            (node.line, node.column): (node, key)
            for node, key in _scalars_below(self.root, None)
            if self.root
        }

    def line_of(self, node: Node) -> int:
        """The line of a node in the whole text."""
        return node.line + self._offset

    def key_at(self, line: int, column: int) -> Node:
        """A key at a place that the rule's map does not hold, since it stands there twice."""
        return Node("scalar", "", line - self._offset, column, {})

    def scalar(self, line: int, column: int) -> Node | None:
        """The scalar value that begins at a place."""
        found = self._scalars.get((line - self._offset, column))
        return found[0] if found else None

    def key_of(self, line: int, column: int) -> Node | None:
        """The key whose value, or an item of whose list, begins at a place."""
        found = self._scalars.get((line - self._offset, column))
        return found[1] if found else None

    def span(self, line: int, column: int, *, key: bool = False) -> tuple[int, int] | None:
        """(first, behind the last) column of the scalar as it is written at a place; None when it spans lines."""
        if not 0 < line <= len(self.lines):
            return None
        text, start = self.lines[line - 1], column - 1
        pattern = _QUOTED if text[start : start + 1] in ("'", '"') else _PLAIN_KEY if key else _PLAIN
        found = pattern.match(text, start)
        if found is None or text[start : start + 1] in ("|", ">", "[", "{"):
            return None
        return column, found.end() + 1

    def put(self, label: str, line: int, columns: tuple[int, int] | None, text: str | None) -> Iterator[Mend]:
        """The mend that writes a text over a part of a line; none where either is unknown."""
        if columns is not None and text is not None:
            yield Mend(label, line, columns[0], line, columns[1], text)

    def rewrite(self, label: str, node: Node, text: str | None) -> Iterator[Mend]:
        """The mend that writes a text over a scalar value, if that is one line."""
        line = self.line_of(node)
        span = self.span(line, node.column)
        if span is not None and self._written(line, span) == node.text:
            yield from self.put(label, line, span, text)

    def _written(self, line: int, span: tuple[int, int]) -> str | None:
        """What a part of a line says as a YAML scalar."""
        node, _ = load_document(self.lines[line - 1][span[0] - 1 : span[1] - 1])
        return node.text if node is not None and node.kind == "scalar" else None

    def insert(self, label: str, line: int, new: list[str]) -> Iterator[Mend]:
        """The mend that puts lines before a line; `line` may be the one behind the last."""
        if line <= len(self.lines):
            yield Mend(label, line, 1, line, 1, "".join(f"{one}\n" for one in new))
        else:
            last = len(self.lines)
            column = len(self.lines[-1]) + 1
            yield Mend(label, last, column, last, column, "".join(f"\n{one}" for one in new))

    def block_end(self, key: Node) -> int:
        """The last line of what stands below a key, without empty lines and comments behind it."""
        last = self.line_of(key)
        for number in range(last + 1, len(self.lines) + 1):
            text = self.lines[number - 1]
            bare = text.lstrip(" ")
            indent = len(text) - len(bare)
            if not bare.strip() or bare.startswith("#"):
                continue
            is_item = indent == key.column - 1 and (bare.startswith("- ") or bare == "-")
            if indent < key.column and not is_item:
                break
            last = number
        return last

    def remove(self, label: str, first: int, last: int) -> Iterator[Mend]:
        """The mend that takes whole lines out."""
        if last < len(self.lines):
            yield Mend(label, first, 1, last + 1, 1, "")
        elif first > 1:
            before, end = self.lines[first - 2], self.lines[last - 1]
            yield Mend(label, first - 1, len(before) + 1, last, len(end) + 1, "")

    def remove_key(self, label: str, key: Node) -> Iterator[Mend]:
        """The mend that takes a key and what is below it out, if it begins its line."""
        line = self.line_of(key)
        if not self.lines[line - 1][: key.column - 1].strip():
            yield from self.remove(label, line, self.block_end(key))

    def remove_item(self, label: str, line: int, column: int) -> Iterator[Mend]:
        """The mend that takes an item of a list out, if it has a line of its own."""
        span = self.span(line, column)
        text = self.lines[line - 1]
        alone = re.fullmatch(r"\s*-\s+", text[: column - 1]) is not None
        if alone and span is not None and not re.match(r"\s*[^\s#]", text[span[1] - 1 :]):
            yield from self.remove(label, line, line)


def _scalars_below(node: Node | None, key: Node | None) -> Iterator[tuple[Node, Node | None]]:
    if node is None:
        return
    if node.kind == "scalar":
        yield node, key
    elif node.kind == "list":
        for item in node.value:
            yield from _scalars_below(item, key)
    else:
        for name, item in node.value.items():
            yield from _scalars_below(item, node.keys[name])
