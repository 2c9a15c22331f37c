"""The lambda language's compiler: lark tree -> closures, collecting what the lambda reads.

Each node of the tree becomes one closure `Run -> value`; names are resolved, functions and their arguments
checked here, once, so that running only runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lark import Token, Tree

from sigma_engine import lambda_values as values
from sigma_engine.lambda_checks import (
    check_argument,
    check_literal_regex,
    error_at,
    function_named,
    name_of,
    nearest,
    token_of,
)
from sigma_engine.lambda_functions import Function
from sigma_engine.lambda_syntax import Syntax, number_value, parse, string_value
from sigma_engine.lambda_values import MAX_DEPTH, LambdaError, Run
from sigma_engine.values import ABSENT

Evaluate = Callable[[Run], Any]
Path = tuple[str, ...]

_COMPARISONS: dict[str, Callable[[Run, Any, Any], bool]] = {
    "EQ": values.equal,
    "NE": lambda run, left, right: not values.equal(run, left, right),
    "LT": lambda run, left, right: values.order(left, right) == -1,
    "LE": lambda run, left, right: values.order(left, right) in (-1, 0),
    "GT": lambda run, left, right: values.order(left, right) == 1,
    "GE": lambda run, left, right: values.order(left, right) in (0, 1),
    "MATCH": values.regex_match,
    "IN": values.contains,
}


class Builder:
    """Turns a tree into closures, each `Run -> value`; collects the member paths read of the argument.

    `outer` names variables that a run holds before the lambda's own.
    """

    def __init__(self, tables: Mapping[str, Any], outer: tuple[str, ...] = ()) -> None:
        self._tables = tables
        self._names: list[str] = list(outer)
        self.inputs: set[Path] = set()

    def body(self, tree: Syntax, depth: int) -> Evaluate:
        """A lambda's body, which finds its argument in the run's next variable."""
        parameter, expression = tree.children
        self._names.append(str(parameter))
        try:
            return self._build(expression, depth)
        finally:
            self._names.pop()

    def plain_path(self, tree: Syntax) -> Path | None:
        """The member path of a lambda that is nothing else."""
        parameter, expression = tree.children
        if not isinstance(expression, Tree) or expression.data != "reach":
            return None
        base, *steps = expression.children
        if not isinstance(base, Tree) or base.data != "name" or base.children[0] != parameter:
            return None
        names = [self._step(step) for step in steps]
        path = tuple(name for name in names if isinstance(name, str))
        return path if len(path) == len(names) else None

    def _build(self, node: Any, depth: int) -> Evaluate:
        assert isinstance(node, Tree)
        if depth > MAX_DEPTH:
            raise error_at(f"The lambda is nested more than {MAX_DEPTH} levels deep.", node)
        build: Callable[[Syntax, int], Evaluate] = getattr(self, f"_{node.data}")
        return build(node, depth + 1)

    def _parts(self, node: Syntax, depth: int) -> list[Evaluate]:
        return [self._build(child, depth) for child in node.children]

    # Constants and names

    def _string(self, node: Syntax, depth: int) -> Evaluate:
        return _constant(string_value(str(node.children[0])))

    def _long_string(self, node: Syntax, depth: int) -> Evaluate:
        return _constant(str(node.children[0])[3:-3])

    def _number(self, node: Syntax, depth: int) -> Evaluate:
        return _constant(number_value(token_of(node.children[0])))

    def _true(self, node: Syntax, depth: int) -> Evaluate:
        return lambda run: True

    def _false(self, node: Syntax, depth: int) -> Evaluate:
        return lambda run: False

    def _null(self, node: Syntax, depth: int) -> Evaluate:
        return _constant(None)

    def _name(self, node: Syntax, depth: int) -> Evaluate:
        self._note_input(token_of(node.children[0]), ())
        return self._variable(token_of(node.children[0]))

    def _variable(self, token: Token) -> Evaluate:
        name = str(token)
        if name in self._names:
            index = self._index(name)
            return lambda run: run.variables[index]
        if name in self._tables:
            return _constant(self._tables[name])
        near = nearest(name, self._tables)
        hint = near or f"Members begin with the variable, as in `{self._names[0]}.{name}`."
        raise error_at(f"Nothing here is named `{name}`. {hint}", token)

    def _index(self, name: str) -> int:
        return len(self._names) - 1 - self._names[::-1].index(name)

    def _note_input(self, token: Token, path: Path) -> None:
        if str(token) in self._names and self._index(str(token)) == 0:
            self.inputs.add(path)

    # Member access

    def _reach(self, node: Syntax, depth: int) -> Evaluate:
        base, *step_nodes = node.children
        steps = [self._step(step) for step in step_nodes]
        if isinstance(base, Tree) and base.data == "name":
            token = token_of(base.children[0])
            first = next((n for n, step in enumerate(steps) if not isinstance(step, str)), len(steps))
            self._note_input(token, tuple(str(step) for step in steps[:first]))
            start = self._variable(token)
        else:
            start = self._build(base, depth)

        def evaluate(run: Run) -> Any:
            value = start(run)
            for step in steps:
                value = values.member(value, step) if isinstance(step, str) else values.item_at(value, step)
            return value

        return evaluate

    def _step(self, node: Any) -> str | int:
        *sign, token = node.children
        if token.type == "NUMBER":
            number = number_value(token)
            if isinstance(number, float):
                raise error_at("An index is a whole number.", token)
            return -number if sign else number
        return name_of(token)

    # Operators

    def _either(self, node: Syntax, depth: int) -> Evaluate:
        parts = self._parts(node, depth)

        def evaluate(run: Run) -> Any:
            kept: Any = ABSENT
            for part in parts:
                value = part(run)
                if value:
                    return value
                kept = value if kept is ABSENT else kept
            return kept

        return evaluate

    def _both(self, node: Syntax, depth: int) -> Evaluate:
        parts = self._parts(node, depth)

        def evaluate(run: Run) -> Any:
            value: Any = ABSENT
            for part in parts:
                value = part(run)
                if not value:
                    return value
            return value

        return evaluate

    def _negation(self, node: Syntax, depth: int) -> Evaluate:
        part = self._build(node.children[-1], depth)
        return lambda run: not part(run)

    def _comparison(self, node: Syntax, depth: int) -> Evaluate:
        left_node, operator, right_node = node.children
        left, right = self._build(left_node, depth), self._build(right_node, depth)
        compare = _COMPARISONS[token_of(operator).type]
        if token_of(operator).type == "MATCH":
            check_literal_regex(right_node)
        return lambda run: compare(run, left(run), right(run))

    def _sum(self, node: Syntax, depth: int) -> Evaluate:
        first = self._build(node.children[0], depth)
        rest = [
            (token_of(sign).type == "PLUS", self._build(part, depth))
            for sign, part in zip(node.children[1::2], node.children[2::2], strict=True)
        ]

        def evaluate(run: Run) -> Any:
            value = first(run)
            for is_plus, part in rest:
                value = values.add(run, value, part(run)) if is_plus else values.subtract(value, part(run))
            return value

        return evaluate

    def _minus(self, node: Syntax, depth: int) -> Evaluate:
        part = self._build(node.children[-1], depth)
        return lambda run: values.subtract(0, part(run))

    def _list(self, node: Syntax, depth: int) -> Evaluate:
        parts = self._parts(node, depth)

        def evaluate(run: Run) -> Any:
            run.charge(len(parts))
            return [values.known(part(run)) for part in parts]

        return evaluate

    # Functions

    def _call(self, node: Syntax, depth: int) -> Evaluate:
        token, *argument_nodes = node.children
        name = token_of(token)
        function = function_named(name)
        arguments: dict[str, Evaluate] = {}
        for argument in argument_nodes:
            assert isinstance(argument, Tree)
            key_token, _, expression = argument.children
            key = name_of(token_of(key_token))
            check_argument(function, key, arguments, token_of(key_token))
            arguments[key] = self._argument(function, key, expression, depth)
        missing = [key for key in function.required if key not in arguments]
        if missing:
            raise error_at(f"`{function.name}()` needs the argument `{missing[0]}`.", name)
        if function.name == "if":
            return _choice(arguments)
        call, items = function.call, tuple(arguments.items())

        def evaluate(run: Run) -> Any:
            run.step()
            return call(run, {key: part(run) for key, part in items})

        return evaluate

    def _argument(self, function: Function, key: str, expression: Any, depth: int) -> Evaluate:
        if key in function.lambdas:
            return self._inner_lambda(function, key, expression, depth)
        if expression.data == "lambda":
            raise error_at(f"The argument `{key}` of `{function.name}()` is no lambda.", expression)
        if key in function.regexes:
            check_literal_regex(expression)
        return self._build(expression, depth)

    def _inner_lambda(self, function: Function, key: str, expression: Any, depth: int) -> Evaluate:
        if expression.data in ("string", "long_string"):  # VQL writes `condition="y=>y.Name"`
            text = token_of(expression.children[0])
            try:
                body, cost = self._inner_body(parse(name_of(text)), depth)
            except LambdaError as error:
                raise error_at(f"In this lambda: {error.message}", text) from error
        elif expression.data == "lambda":
            body, cost = self._inner_body(expression, depth)
        else:
            message = f"`{key}` of `{function.name}()` must be a lambda, as in `{key}=y=>y.Name`."
            raise error_at(message, expression)
        slot = len(self._names)

        def make(run: Run) -> Any:
            def apply(value: Any) -> Any:
                run.step(cost)
                run.variables[slot:] = [value]
                return body(run)

            return apply

        return make

    def _inner_body(self, tree: Syntax, depth: int) -> tuple[Evaluate, int]:
        """A nested lambda's body, and the steps that one call of it takes."""
        return self.body(tree, depth), sum(1 for _ in tree.iter_subtrees())


def _constant(value: Any) -> Evaluate:
    return lambda run: value


def _choice(arguments: dict[str, Evaluate]) -> Evaluate:
    condition, then = arguments["condition"], arguments["then"]
    otherwise = arguments.get("else", _constant(ABSENT))
    return lambda run: then(run) if condition(run) else otherwise(run)
