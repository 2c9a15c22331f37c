"""The lambda language's grammar: text -> lark tree, with faults said in words and with their place."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from sigma_engine.lambda_values import MAX_TEXT, LambdaError

# Precedence from loose to tight, as in VQL: OR, AND, NOT, comparison, + -, member access.
_GRAMMAR: Final = r"""
start: lambda
lambda: NAME "=>" _expression
_expression: either
?either: both (_OR both)*
?both: negation (_AND negation)*
?negation: _NOT negation -> negation
         | comparison
?comparison: sum
           | sum (EQ | NE | LT | LE | GT | GE | MATCH | IN) sum
?sum: unary ((PLUS | MINUS) unary)*
?unary: MINUS unary -> minus
      | reach
?reach: atom step*
step: "." (NAME | QUOTED)
    | "[" [MINUS] NUMBER "]"
    | "[" (STRING | LONG_STRING) "]"
?atom: STRING -> string
     | LONG_STRING -> long_string
     | NUMBER -> number
     | TRUE -> true
     | FALSE -> false
     | NULL -> null
     | NAME "(" [argument ("," argument)* [","]] ")" -> call
     | NAME -> name
     | "[" [_expression ("," _expression)* [","]] "]" -> list
     | "(" _expression ("," _expression)+ [","] ")" -> list
     | "(" _expression ")"
argument: (NAME | QUOTED) EQ (lambda | _expression)

_OR.2: "||" | /OR\b/i
_AND.2: "&&" | /AND\b/i
_NOT.2: /NOT\b/i | /!(?!=)/
IN.2: /IN\b/i
TRUE.2: /TRUE\b/i
FALSE.2: /FALSE\b/i
NULL.2: /NULL\b/i
EQ: /==?(?![>~])/
NE: "!="
LE: "<="
LT: "<"
GE: ">="
GT: ">"
MATCH: "=~"
PLUS: "+"
MINUS: "-"
NAME: /[A-Za-z_][A-Za-z0-9_]*/
QUOTED: /`[^`\n]+`/
NUMBER: /0[xX][0-9a-fA-F]+|[0-9]+\.[0-9]+|[0-9]+/
LONG_STRING.2: /'''.*?'''/s
STRING: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/s
_COMMENT: /\/\/[^\n]*|--[^\n]*|\/\*.*?\*\//s
%ignore /\s+/
%ignore _COMMENT
"""

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", "'": "'", '"': '"'}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)

Syntax = Tree[Token]


@cache
def _parser() -> Lark:
    """Made when it is first asked: many a scan needs none."""
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", maybe_placeholders=False)


def parse(text: str) -> Syntax:
    """The tree of a lambda, its root a `lambda` node. Raises LambdaError at the first fault."""
    if len(text) > MAX_TEXT:
        raise LambdaError(f"The lambda has {len(text):,} characters, the limit is {MAX_TEXT:,}.")
    try:
        root = _parser().parse(text).children[0]
    except UnexpectedInput as error:
        raise _syntax_error(text, error) from None
    assert isinstance(root, Tree)
    return root


def _syntax_error(text: str, error: UnexpectedInput) -> LambdaError:
    if "=>" not in text:
        return LambdaError("A lambda begins with its variable and an arrow, as in `x=>x.EventData.Image`.")
    if isinstance(error, UnexpectedCharacters):
        return LambdaError(_character_message(text[error.pos_in_stream or 0]), error.column, error.line)
    if isinstance(error, UnexpectedEOF) or getattr(error, "token", None) == "":
        lines = text.split("\n")
        column = len(lines[-1]) + 1
        return LambdaError("The lambda ends too early: something is missing here.", column, len(lines))
    assert isinstance(error, UnexpectedToken)
    message = f"`{str(error.token)[:40]}` cannot stand here."
    if _in_call(text, error.token.start_pos or 0):
        message += " Arguments of functions have names, as in `lowcase(string=x.EventData.Image)`."
    return LambdaError(message, error.column, error.line)


def _in_call(text: str, position: int) -> bool:
    return re.search(r"\w\s*\([^()=]*$", text[:position]) is not None


def _character_message(found: str) -> str:
    if found in ("'", '"', "`"):
        return f"The text that begins here with {found} has no end."
    if found in ("{", "}"):
        return "Subqueries in braces are VQL that this language does not have."
    return f"The character `{found}` means nothing here."


def string_value(token: str) -> str:
    r"""The text of a string literal: `\n`, `\r`, `\t`, `\0`, `\\`, quotes, `\xNN`, `\uNNNN`.

    Any other backslash stays as it is, so that regexes can be written plainly (`'\d+'`).
    """
    return _ESCAPE.sub(_unescape, token[1:-1])


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, match[0])


def number_value(token: Token) -> int | float:
    """The number of a literal. Raises LambdaError for one beyond 64 bits."""
    text = str(token)
    if "." in text and len(text) < 64:
        return float(text)
    if len(text) <= 20:
        value = int(text, 16) if text[:2].lower() == "0x" else int(text)
        if value < 1 << 64:
            return value
    raise LambdaError("This number does not fit 64 bits.", token.column or 1, token.line or 1)
