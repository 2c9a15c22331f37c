"""The lambda language: `x=>x.EventData.Image || x.Image` compiled to closures over plain data.

A lambda reads an event (or a rule, or any dict) and nothing else: no `eval`, no attribute of a Python object,
no clock, no file, no network. Compiling refuses what the language does not have, by name and with its place;
running is bounded in steps and output (`lambda_values`). The grammar is in `lambda_syntax`, the functions in
`lambda_functions`, the language for its users in docs/models.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sigma_engine import lambda_values as values
from sigma_engine.lambda_builder import Builder, Evaluate, Path
from sigma_engine.lambda_syntax import parse
from sigma_engine.lambda_values import MAX_OUTPUT, MAX_TEXT, LambdaError, Run
from sigma_engine.values import ABSENT, Absent

__all__ = ["FieldLambda", "Lambda", "LambdaError", "compile_field_lambda", "compile_lambda"]

# A lambda is a pure function of its inputs, and those repeat from event to event: a user, a program's path.
_REMEMBERED = 512  # results for each lambda
_MAX_INPUTS = 6
_MAX_LENGTH = 256  # characters of an input
_MAX_MADE = 2048  # characters and items that an evaluation made on its way
_PLAIN = frozenset({str, int, type(None), Absent})  # no two values of these are equal and differ

# A member path and nothing else, as most of a model's lambdas are: read without a parser, which takes 50 times as long.
_STEP = re.compile(r"\.(?:([A-Za-z_]\w*)|`([^`\n]+)`)", re.ASCII)
_PATH = re.compile(rf"\s*([A-Za-z_]\w*)\s*=>\s*\1((?:{_STEP.pattern})+)\s*", re.ASCII)
_WORDS = frozenset(
    {"and", "false", "in", "not", "null", "or", "true"}
)  # no names of variables in an expression


class Lambda:
    """A compiled lambda: call it with a dict. Picklable (as its text, which is compiled again when it is first called).

    `text` is its source. `path` is its member path when it is nothing but one (`x=>x.EventData.Image`), else
    None. `inputs` are all the member paths that it reads of its argument; `()` stands for the whole of it.
    """

    __slots__ = ("_evaluate", "_known", "_read", "inputs", "path", "tables", "text")

    def __init__(
        self,
        text: str,
        tables: Mapping[str, Any],
        evaluate: Evaluate | None,
        inputs: frozenset[Path],
        path: Path | None,
    ) -> None:
        self.text = text
        self.tables = tables
        self.inputs = inputs
        self.path = path
        self._evaluate = evaluate
        self._read = tuple(sorted(inputs)) if len(inputs) <= _MAX_INPUTS and () not in inputs else ()
        self._known: dict[tuple[Any, ...], Any] = {}

    def __call__(self, argument: Any) -> Any:
        """The value for `argument`; `ABSENT` where a path ends nowhere. Raises LambdaError at a bound."""
        if self.path is not None:
            for name in self.path:
                argument = argument.get(name, ABSENT) if isinstance(argument, dict) else ABSENT
            return argument
        key = self._key(argument) if self._read else None
        if key is None:
            return self._evaluated(Run([argument]))
        found = self._known.get(key, self)  # itself: not known yet
        if found is self:
            run = Run([argument])
            found = self._evaluated(run)
            if run.output >= MAX_OUTPUT - _MAX_MADE:
                self._remember(key, found)
        return found

    def _remember(self, key: tuple[Any, ...], value: Any) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key] = value

    def _key(self, argument: Any) -> tuple[Any, ...] | None:
        """The values of all inputs, when they are plain and short: what the result depends on."""
        key = []
        for path in self._read:
            value = argument
            for name in path:
                value = values.member(value, name)
            if value.__class__ not in _PLAIN or (value.__class__ is str and len(value) > _MAX_LENGTH):
                return None
            key.append(value)
        return tuple(key)

    def _evaluated(self, run: Run) -> Any:
        if self._evaluate is None:
            self._evaluate = Builder(self.tables).body(parse(self.text), 1)
        try:
            return self._evaluate(run)
        except RecursionError as error:
            raise LambdaError("The event is nested too deep for this lambda.") from error

    def __repr__(self) -> str:
        return f"Lambda({self.text!r})"

    def __reduce__(self) -> tuple[type[Lambda], tuple[Any, ...]]:
        return Lambda, (self.text, self.tables, None, self.inputs, self.path)


class FieldLambda:
    """A compiled lambda over one field's value, which may read the whole event as `Event`. Picklable."""

    __slots__ = ("_evaluate", "text")

    def __init__(self, text: str, evaluate: Evaluate) -> None:
        self.text = text
        self._evaluate = evaluate

    def holds_for_any(self, values: Iterable[Any], event: Any) -> bool:
        """Whether it is true for one of the values of a field in `event`.

        Raises LambdaError at a bound, which is for all of them together.
        """
        run = Run([event])
        try:
            for value in values:
                run.step()
                run.variables[1:] = [value]
                if self._evaluate(run):
                    return True
            return False
        except RecursionError as error:
            raise LambdaError("The event is nested too deep for this lambda.") from error

    def __repr__(self) -> str:
        return f"FieldLambda({self.text!r})"

    def __reduce__(self) -> tuple[Callable[..., FieldLambda], tuple[str]]:
        return compile_field_lambda, (self.text,)


def compile_field_lambda(text: str) -> FieldLambda:
    """Compiles a lambda over a field's value. Raises LambdaError as `compile_lambda`."""
    return FieldLambda(text, Builder({}, ("Event",)).body(parse(text), 1))


def compile_lambda(text: str, tables: Mapping[str, Any] | None = None) -> Lambda:
    """Compiles a lambda. `tables` are named constants (a model's `tables`) that it may use by name.

    Raises LambdaError with a message, line and column for anything that the language does not have.
    """
    tables = tables or {}
    path = _plain_path(text)
    if path is not None:
        return Lambda(text, tables, None, frozenset((path,)), path)
    builder = Builder(tables)
    root = parse(text)
    body = builder.body(root, 1)
    return Lambda(text, tables, body, frozenset(builder.inputs), builder.plain_path(root))


def _plain_path(text: str) -> Path | None:
    """The member path of a lambda that is seen at once to be nothing else."""
    found = _PATH.fullmatch(text) if len(text) <= MAX_TEXT else None
    if found is None or found[1].lower() in _WORDS:
        return None
    return tuple(name or quoted for name, quoted in _STEP.findall(found[2]))
