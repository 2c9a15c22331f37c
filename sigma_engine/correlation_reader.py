"""The `correlation` part of a rule: YAML node -> references and window, with every fault at its place."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from sigma_engine.findings import Finding, Severity
from sigma_engine.window import NUMERIC, OPERATORS, TEMPORAL, TYPES, Bound, Window, parse_timespan
from sigma_engine.yaml_source import Node

CORRELATION_KEYS = ("type", "rules", "timespan", "group-by", "condition", "aliases", "generate")
_CONDITION_KEYS = (*OPERATORS, "field", "percentile")


@dataclass(frozen=True)
class ReadCorrelation:
    """What a correlation says: the rules it refers to by id or name, whether they emit too, and its window."""

    rules: tuple[str, ...]
    generate: bool
    window: Window


def read_correlation(node: Node) -> tuple[ReadCorrelation | None, list[Finding]]:
    """The correlation of a node and all of its findings; None when one of them is an error."""
    reader = _Reader(node)
    return reader.read(), reader.findings


class _Reader:
    def __init__(self, node: Node) -> None:
        self._node = node
        self.findings: list[Finding] = []

    def _error(self, code: str, message: str, node: Node, hint: str = "") -> None:
        self.findings.append(Finding(code, Severity.ERROR, message, hint, node.line, node.column))

    def read(self) -> ReadCorrelation | None:
        if self._node.kind != "map":
            self._error("correlation_type", "`correlation` must be a map.", self._node)
            return None
        self._check_keys(self._node, CORRELATION_KEYS)
        kind = self._type()
        rules = self._rules()
        span = self._span()
        bounds, fields, percentile = self._condition(kind)
        window = Window(
            kind,
            span,
            self._texts("group-by"),
            bounds,
            fields,
            percentile,
            self._aliases(self._texts("group-by")),
        )
        generate = self._node.get("generate")
        if self.findings:
            return None
        return ReadCorrelation(rules, generate is not None and generate.value is True, window)

    def _check_keys(self, node: Node, known: tuple[str, ...]) -> None:
        for name in node.value:
            if name not in known:
                close = get_close_matches(name, known, 1)
                hint = f"Did you mean `{close[0]}`?" if close else f"Sigma has: {', '.join(known)}."
                self._error(
                    "correlation_key", f"`{name}` is not part of a correlation.", node.keys[name], hint
                )

    def _type(self) -> str:
        node = self._node.get("type")
        if node is None:
            self._error(
                "correlation_type",
                "The correlation has no `type`.",
                self._node,
                f"One of: {', '.join(TYPES)}.",
            )
            return ""
        if node.text not in TYPES:
            close = get_close_matches(node.text, TYPES, 1)
            hint = f"Did you mean `{close[0]}`?" if close else f"One of: {', '.join(TYPES)}."
            self._error("correlation_type", f"There is no correlation type `{node.text}`.", node, hint)
        return node.text

    def _rules(self) -> tuple[str, ...]:
        rules = self._texts("rules")
        if not rules:
            self._error(
                "correlation_rules",
                "The correlation names no `rules`.",
                self._node,
                "List their ids or names.",
            )
        return rules

    def _texts(self, name: str) -> tuple[str, ...]:
        node = self._node.get(name)
        if node is None or node.value is None:
            return ()
        items = node.value if node.kind == "list" else [node]
        for item in items:
            if item.kind != "scalar":
                self._error("correlation_value", f"`{name}` must be a list of names.", item)
        return tuple(item.text for item in items if item.kind == "scalar")

    def _span(self) -> int | None:
        node = self._node.get("timespan")
        if node is None:
            self._error(
                "correlation_timespan",
                "The correlation has no `timespan`.",
                self._node,
                "Add `timespan: 5m`.",
            )
            return None
        span = parse_timespan(node.text)
        if span is None:
            message = f"`{node.text}` is not a timespan."
            self._error(
                "correlation_timespan", message, node, "Write a number and s, m, h or d, such as `15m`."
            )
        return span

    def _aliases(self, group_by: tuple[str, ...]) -> dict[str, dict[str, str]]:
        node = self._node.get("aliases")
        if node is None:
            return {}
        if node.kind != "map" or any(item.kind != "map" for item in node.value.values()):
            self._error("correlation_aliases", "`aliases` must map a name to the field of each rule.", node)
            return {}
        for name in node.value:
            if name not in group_by:
                self._error(
                    "correlation_aliases", f"The alias `{name}` is not in `group-by`.", node.keys[name]
                )
        return {
            name: {rule: field.text for rule, field in by_rule.value.items() if field.kind == "scalar"}
            for name, by_rule in node.value.items()
        }

    def _condition(self, kind: str) -> tuple[tuple[Bound, ...], tuple[str, ...], float | None]:
        node = self._node.get("condition")
        if node is None:
            if kind not in TEMPORAL:
                self._error(
                    "correlation_condition",
                    "The correlation has no `condition`.",
                    self._node,
                    "Add `gte: 5`.",
                )
            return (), (), None
        if node.kind != "map":
            message = "A condition over rule names is not run by this engine."
            self._error("correlation_condition", message, node, "Write a map such as `gte: 5`.")
            return (), (), None
        self._check_keys(node, _CONDITION_KEYS)
        bounds = tuple(self._bounds(node))
        fields = self._fields(node)
        if not bounds and kind not in TEMPORAL:
            self._error(
                "correlation_condition", "The condition compares with no number.", node, "Add `gte: 5`."
            )
        if kind in (*NUMERIC, "value_count", "value_percentile") and not fields:
            self._error("correlation_field", f"`{kind}` needs a `field` in its condition.", node)
        return bounds, fields, self._percentile(node)

    def _bounds(self, node: Node) -> list[Bound]:
        bounds = []
        for operator in OPERATORS:
            item = node.get(operator)
            if item is None:
                continue
            if isinstance(item.value, bool) or not isinstance(item.value, int | float):
                self._error("correlation_condition", f"`{operator}` needs a number.", item)
            else:
                bounds.append(Bound(operator, item.value))
        return bounds

    def _fields(self, node: Node) -> tuple[str, ...]:
        item = node.get("field")
        if item is None:
            return ()
        return tuple(
            one.text for one in (item.value if item.kind == "list" else [item]) if one.kind == "scalar"
        )

    def _percentile(self, node: Node) -> float | None:
        item = node.get("percentile")
        if item is None:
            return None
        if (
            isinstance(item.value, bool)
            or not isinstance(item.value, int | float)
            or not 0 <= item.value <= 100
        ):
            self._error("correlation_condition", "`percentile` must be a number from 0 to 100.", item)
            return None
        return float(item.value)
