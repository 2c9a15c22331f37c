"""VQL as text: the parts of a `SELECT .. FROM .. WHERE ..`, and the `LET` definitions of a Velociraptor artifact.

Nothing of it is run. `velociraptor_source` reads from these parts which events a log source takes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

# What is opened and never closed goes on to the end, so that a hostile text is read once and not for each quote.
_TOKEN = re.compile(
    r"(?P<blank>\s+|--[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<text>'''.*?(?:'''|\Z)|\"(?:[^\"\\]|\\.)*(?:\"|\\?\Z)|'(?:[^'\\]|\\.)*(?:'|\\?\Z))"
    r"|(?P<word>[A-Za-z_]\w*|`[^`\n]+`)"
    r"|(?P<number>\d[\w.]*)"
    r"|(?P<sign>=~|!=|<=|>=|\|\||&&|=>|.)",
    re.DOTALL,
)
_LET = re.compile(r"^[ \t]*LET[ \t]+(\w+)[ \t]*(?:\(([^)\n]*)\))?[ \t]*<?=", re.MULTILINE)
_LET_END = re.compile(r"^[ \t]*(?:LET[ \t]|\{\{)", re.MULTILINE)
_WORDS = frozenset({"and", "or", "not", "in", "true", "false", "null"})
_AFTER_FROM = ("WHERE", "GROUP", "ORDER", "LIMIT", "EXPLAIN")


class Token(NamedTuple):
    """A token of VQL: `blank`, `text`, `word`, `number` or `sign`; `depth` counts the brackets around it."""

    kind: str
    text: str
    start: int
    end: int
    depth: int


class Column(NamedTuple):
    """A column of a SELECT: `expression AS name`; the name is "" where none is given."""

    expression: str
    name: str


class Select(NamedTuple):
    """The parts of a query, as text. `where` is "" when there is none."""

    columns: tuple[Column, ...]
    origin: str
    where: str


class Call(NamedTuple):
    """A plugin and its named arguments, as text."""

    name: str
    arguments: dict[str, str]


class Let(NamedTuple):
    """`LET name(parameters) = body`."""

    name: str
    parameters: tuple[str, ...]
    body: str


def tokens_of(text: str) -> list[Token]:
    """All tokens; blanks and comments are among them, so that their texts joined are the text."""
    found, depth = [], 0
    for match in _TOKEN.finditer(text):
        kind, sign = match.lastgroup or "sign", match[0]
        depth -= sign in (")", "]", "}")
        found.append(Token(kind, sign, match.start(), match.end(), depth))
        depth += sign in ("(", "[", "{")
    return found


def read_select(text: str) -> Select | None:
    """The parts of one query; None when the text is no `SELECT .. FROM ..`."""
    tokens = [token for token in tokens_of(text) if token.kind != "blank"]
    if not tokens or tokens[0].text.upper() != "SELECT":
        return None
    start = next((t for t in tokens if t.depth == 0 and t.text.upper() == "FROM"), None)
    if start is None:
        return None
    ends = [t for t in tokens if t.start > start.start and t.depth == 0 and t.text.upper() in _AFTER_FROM]
    columns = tuple(_column(part) for part in split_at(text[tokens[0].end : start.start], (",",)))
    last = tokens[-1].end  # a comment may follow
    origin = text[start.end : ends[0].start if ends else last].strip()
    where = ""
    if ends and ends[0].text.upper() == "WHERE":
        where = text[ends[0].end : ends[1].start if len(ends) > 1 else last].strip()
    return Select(columns, origin, where)


def _column(text: str) -> Column:
    tokens = [token for token in tokens_of(text) if token.kind != "blank" and token.depth == 0]
    if len(tokens) > 2 and tokens[-2].text.upper() == "AS" and tokens[-1].kind == "word":
        return Column(text[: tokens[-2].start].strip(), tokens[-1].text.strip("`"))
    return Column(text.strip(), "")


def split_at(text: str, separators: Collection[str]) -> list[str]:
    """The parts between separators (signs, or words in capitals) that stand outside brackets; blank ones left out."""
    parts, begin = [], 0
    for token in tokens_of(text):
        if token.depth == 0 and token.text.upper() in separators:
            parts.append(text[begin : token.start])
            begin = token.end
    return [part.strip() for part in (*parts, text[begin:]) if part.strip()]


def read_call(text: str) -> Call | None:
    """`name(key=value, ..)`, or a lone name; the name may have dots. None when the text is neither."""
    match = re.fullmatch(r"([\w.]+)\s*(?:\((.*)\))?", text.strip(), re.DOTALL)
    if match is None:
        return None
    arguments = {}
    for part in split_at(match[2] or "", (",",)):
        key, _, value = part.partition("=")
        arguments[key.strip().strip("`")] = value.strip()
    return Call(match[1], arguments)


def in_braces(text: str) -> str:
    """A subquery without its braces; other text as it is."""
    text = text.strip()
    return text[1:-1] if text.startswith("{") and text.endswith("}") else text


def read_lets(text: str) -> dict[str, Let]:
    """The definitions of an artifact's template, by name; text between `{{` lines is not VQL and ends one."""
    found = {}
    for match in _LET.finditer(text):
        end = _LET_END.search(text, match.end())
        parameters = tuple(name.strip() for name in (match[2] or "").split(",") if name.strip())
        body = text[match.end() : end.start() if end else len(text)].strip()
        found[match[1]] = Let(match[1], parameters, body)
    return found


def over_event(text: str, known: Collection[str], bound: Mapping[str, str]) -> str:
    """An expression over a row's columns as one over the event `x`: `System.Channel` becomes `x.System.Channel`.

    `known` names stay as they are (tables); `bound` ones are replaced by their text (parameters).
    """
    return "".join(_over_event(tokens_of(text.strip()), known, bound))


def _over_event(tokens: list[Token], known: Collection[str], bound: Mapping[str, str]) -> Iterator[str]:
    solid = [token for token in tokens if token.kind != "blank"]
    calls: list[bool] = []  # for each open bracket, whether it is a function's
    place = -1
    for token in tokens:
        place += token.kind != "blank"
        before = solid[place - 1].text if place > 0 else ""
        after = solid[place + 1].text if place + 1 < len(solid) else ""
        if token.text in ("(", "[", "{"):
            calls.append(token.text == "(" and solid[place - 1].kind == "word" if place else False)
        elif token.text in (")", "]", "}") and calls:
            calls.pop()
        is_argument = bool(calls) and calls[-1] and before in ("(", ",") and after == "="
        is_column = token.kind == "word" and before != "." and after != "(" and not is_argument
        if token.kind == "blank":
            yield " "
        elif not is_column or token.text.lower() in _WORDS or token.text in known:
            yield token.text
        else:
            yield bound.get(token.text, f"x.{token.text}")
