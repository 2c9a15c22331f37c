"""Sigma's condition language: text -> tree, with the place of every fault.

Grammar, from weak to strong (Sigma specification "Condition"): `or`, `and`, `not`, `1/any/all of NAME*`,
parentheses. Selection names are whole words, so `not_filter` and `order` are names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

_TOKEN = re.compile(r"\s*(?:(?P<bar>\|)|(?P<open>\()|(?P<close>\))|(?P<word>[^\s()|]+))")
_NAME = re.compile(r"[\w*.\-]+")
_KEYWORDS = ("and", "or", "not")
MAX_DEPTH = 100


class ConditionError(Exception):
    """A condition that cannot be read; `offset` counts characters from the start of its text."""

    def __init__(self, code: str, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.offset, self.hint = code, message, offset, hint


@dataclass(frozen=True)
class Ref:
    """One selection by name."""

    name: str
    offset: int

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Of:
    """`1 of`, `any of` (any) or `all of` (all) the selections that `pattern` names."""

    quantifier: str
    pattern: str
    names: tuple[str, ...]
    offset: int

    def __str__(self) -> str:
        return f"{'all' if self.quantifier == 'all' else '1'} of {self.pattern}"


@dataclass(frozen=True)
class Not:
    """True when its child is not."""

    child: Tree
    offset: int

    def __str__(self) -> str:
        return f"not {_bracketed(self.child)}"


@dataclass(frozen=True)
class And:
    """True when all children are."""

    children: tuple[Tree, ...]
    offset: int

    def __str__(self) -> str:
        return " and ".join(map(_bracketed, self.children))


@dataclass(frozen=True)
class Or:
    """True when a child is."""

    children: tuple[Tree, ...]
    offset: int

    def __str__(self) -> str:
        return " or ".join(map(_bracketed, self.children))


Tree = Ref | Of | Not | And | Or


def _bracketed(tree: Tree) -> str:
    return f"({tree})" if isinstance(tree, And | Or) else str(tree)


def names_in(tree: Tree) -> set[str]:
    """The selections that a condition asks."""
    if isinstance(tree, Ref):
        return {tree.name}
    if isinstance(tree, Of):
        return set(tree.names)
    children = (tree.child,) if isinstance(tree, Not) else tree.children
    return set().union(*map(names_in, children))


def parse_condition(text: str, selections: Sequence[str]) -> Tree:
    """The tree of a condition over the named selections. Raises ConditionError."""
    return _Parser(text, selections).parse()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    offset: int


def _tokens(text: str) -> list[_Token]:
    tokens = []
    position = 0
    while match := _TOKEN.match(text, position):
        kind = match.lastgroup or ""
        word = match[kind]
        if kind == "word" and word.lower() in _KEYWORDS:
            kind = word.lower()
        tokens.append(_Token(kind, word, match.start(match.lastgroup or 0)))
        position = match.end()
    return tokens


class _Parser:
    def __init__(self, text: str, selections: Sequence[str]) -> None:
        self._tokens = _tokens(text)
        self._selections = list(selections)
        self._index = 0
        self._depth = 0
        self._end = len(text)

    def parse(self) -> Tree:
        if not self._tokens:
            raise ConditionError("condition_empty", "The condition is empty.", 0, "Write `selection`.")
        tree = self._or()
        token = self._peek()
        if token.kind != "end":
            raise ConditionError("condition_syntax", f"`{token.text}` is not expected here.", token.offset)
        return tree

    def _peek(self) -> _Token:
        if self._index < len(self._tokens):
            return self._tokens[self._index]
        return _Token("end", "the end", self._end)

    def _take(self) -> _Token:
        token = self._peek()
        self._index += 1
        return token

    def _or(self) -> Tree:
        first = self._and()
        children = [first]
        while self._peek().kind == "or":
            self._take()
            children.append(self._and())
        return first if len(children) == 1 else Or(tuple(children), first.offset)

    def _and(self) -> Tree:
        first = self._not()
        children = [first]
        while self._peek().kind == "and":
            self._take()
            children.append(self._not())
        return first if len(children) == 1 else And(tuple(children), first.offset)

    def _not(self) -> Tree:
        token = self._peek()
        if token.kind != "not":
            return self._operand()
        self._take()
        self._deeper(token)
        child = self._not()
        self._depth -= 1
        return Not(child, token.offset)

    def _deeper(self, token: _Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ConditionError("condition_too_deep", f"Nested more than {MAX_DEPTH} deep.", token.offset)

    def _operand(self) -> Tree:
        token = self._take()
        if token.kind == "open":
            self._deeper(token)
            tree = self._or()
            self._depth -= 1
            closing = self._take()
            if closing.kind != "close":
                raise ConditionError("condition_syntax", "A closing bracket is missing.", closing.offset)
            return tree
        if token.kind != "word":
            raise ConditionError(
                "condition_syntax",
                f"A selection's name is expected here, not {_quoted(token)}.",
                token.offset,
            )
        following = self._peek()
        if following.kind == "word" and following.text.lower() == "of":
            return self._of(token)
        return self._ref(token)

    def _ref(self, token: _Token) -> Ref:
        if token.text not in self._selections:
            raise ConditionError(
                "condition_unknown_selection",
                f"There is no selection `{token.text}`.",
                token.offset,
                f"The rule has: {', '.join(self._selections) or 'none'}.",
            )
        return Ref(token.text, token.offset)

    def _of(self, quantifier: _Token) -> Of:
        if quantifier.text.lower() not in ("1", "any", "all"):
            raise ConditionError(
                "condition_quantifier",
                f"`{quantifier.text} of` is not part of Sigma.",
                quantifier.offset,
                "Write `1 of`, `any of` or `all of`.",
            )
        self._take()
        pattern = self._take()
        if pattern.kind != "word" or not _NAME.fullmatch(pattern.text):
            raise ConditionError(
                "condition_syntax", "A name or `them` is expected after `of`.", pattern.offset
            )
        names = self._named_by(pattern.text)
        if not names:
            raise ConditionError(
                "condition_no_selection",
                f"No selection is named by `{pattern.text}`.",
                pattern.offset,
                f"The rule has: {', '.join(self._selections) or 'none'}.",
            )
        return Of(
            "all" if quantifier.text.lower() == "all" else "any", pattern.text, names, quantifier.offset
        )

    def _named_by(self, pattern: str) -> tuple[str, ...]:
        """Names that start with `_` are left out unless the pattern itself does (research/sigma.md section 2)."""
        shown = [name for name in self._selections if pattern.startswith("_") or not name.startswith("_")]
        if pattern == "them":
            return tuple(shown)
        return tuple(name for name in shown if fnmatchcase(name, pattern.replace("[", "[[]")))


def _quoted(token: _Token) -> str:
    return "the end" if token.kind == "end" else f"`{token.text}`"
