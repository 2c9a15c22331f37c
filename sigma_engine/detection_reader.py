"""The `detection` part of a rule: YAML nodes -> selections of field tests and conditions, with every fault."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from sigma_engine.aggregation import parse_aggregation, split_aggregation
from sigma_engine.condition import ConditionError, names_in, parse_condition
from sigma_engine.detection import Condition, Detection, FieldTest, Group, Selection, Value
from sigma_engine.findings import Finding, Severity
from sigma_engine.hayabusa_keys import has_sub_keys, read_sub_keys
from sigma_engine.modifiers import MODIFIERS, ModifierError, apply_modifiers
from sigma_engine.patterns import BoolTest, NullTest, NumberTest, TextPattern, ValueTest, Wild
from sigma_engine.placeholders import Placeholders
from sigma_engine.window import Window, parse_timespan
from sigma_engine.yaml_source import Node

FIELD_ONLY = ("exists", "fieldref", "equalsfield", "endswithfield", "vql")  # no modifiers for keywords


def parse_detection(
    node: Node, text_lines: list[str], placeholders: Placeholders
) -> tuple[Detection | None, list[Finding]]:
    """The detection and all of its findings; None when there is nothing that could be evaluated."""
    parser = _Parser(text_lines, placeholders)
    detection = parser.parse(node)
    return detection, parser.findings


def _as_keyword(test: ValueTest, modifiers: tuple[str, ...]) -> ValueTest:
    """A keyword stands anywhere in a value (research/sigma.md section 4), so its pattern is open at both ends."""
    if isinstance(test, NumberTest | BoolTest):
        test = TextPattern((test.describe(),))
    if isinstance(test, TextPattern) and not {"startswith", "endswith"} & set(modifiers):
        return test.with_parts(Wild.ANY, *test.parts, Wild.ANY)
    return test


class _Parser:
    def __init__(self, text_lines: list[str], placeholders: Placeholders) -> None:
        self._placeholders = placeholders
        self.findings: list[Finding] = []
        self._lines = text_lines
        self._span: int | None = None
        self._aggregation: Window | None = None

    def parse(self, node: Node) -> Detection | None:
        if node.kind != "map":
            self._error("detection_type", "`detection` must be a map of selections and a condition.", node)
            return None
        selections = {}
        names = [name for name in node.value if name not in ("condition", "timeframe")]
        for name in names:
            root = self._part(node.value[name])
            if root is not None:
                key = node.keys[name]
                selections[name] = Selection(name, root, key.line, key.column)
        self._span = self._timeframe(node)
        conditions = self._conditions(node, names)
        if any(finding.severity is Severity.ERROR for finding in self.findings):
            return None
        self._find_unused(selections, conditions)
        return Detection(selections, conditions, self._aggregation)

    def _error(self, code: str, message: str, node: Node, hint: str = "") -> None:
        self.findings.append(Finding(code, Severity.ERROR, message, hint, node.line, node.column))

    # selections

    def _part(self, node: Node) -> FieldTest | Group | None:
        if node.kind == "map":
            return self._map(node)
        if node.kind == "scalar":
            return self._keywords([node], node)
        if not node.value:
            self._error(
                "selection_empty", "This selection is an empty list.", node, "Give it a value or remove it."
            )
            return None
        if all(item.kind == "scalar" for item in node.value):
            return self._keywords(node.value, node)
        children = [self._part(item) for item in node.value]
        return Group("any", tuple(child for child in children if child is not None), node.line, node.column)

    def _map(self, node: Node) -> Group | None:
        if not node.value:
            self._error(
                "selection_empty", "This selection is an empty map.", node, "Give it a field or remove it."
            )
            return None
        tests = [self._field_test(node.keys[name], value) for name, value in node.value.items()]
        return Group("all", tuple(test for test in tests if test is not None), node.line, node.column)

    def _keywords(self, nodes: list[Node], place: Node) -> FieldTest | None:
        return self._build("", (), nodes, place)

    def _field_test(self, key: Node, value: Node) -> FieldTest | Group | None:
        field, *modifiers = key.text.split("|")
        if not self._know_all(modifiers, key):
            return None
        if field and has_sub_keys(value):
            return self._sub_keys(field, tuple(modifiers), key, value)
        if value.kind == "map" or (
            value.kind == "list" and any(item.kind != "scalar" for item in value.value)
        ):
            self._error(
                "value_type",
                f"The value of `{key.text}` must be a single value or a list of values.",
                value,
                "Put a `-` before each value, or make this a selection of its own.",
            )
            return None
        return self._build(field, tuple(modifiers), value.value if value.kind == "list" else [value], key)

    def _sub_keys(self, field: str, modifiers: tuple[str, ...], key: Node, value: Node) -> Group | None:
        """Hayabusa's tests of a field below it; all must be true."""
        asked = read_sub_keys(value, modifiers, self._placeholders, self.findings)
        tests: list[FieldTest | None] = []
        for sub in asked:
            if sub.test is None:
                tests.append(self._build(field, sub.modifiers, sub.nodes, sub.key))
            else:
                node = sub.nodes[0]
                one = Value(node.value, sub.test, (), node.line, node.column)
                at = sub.key
                tests.append(
                    FieldTest(
                        field,
                        sub.modifiers,
                        (one,),
                        every=False,
                        negated=False,
                        line=at.line,
                        column=at.column,
                    )
                )
        return Group("all", tuple(test for test in tests if test is not None), key.line, key.column)

    def _know_all(self, modifiers: list[str], key: Node) -> bool:
        unknown = [name for name in modifiers if name not in MODIFIERS]
        for name in unknown:
            close = get_close_matches(name.lower(), MODIFIERS, 1)
            hint = f"Did you mean `{close[0]}`?" if close else f"Sigma has: {', '.join(sorted(MODIFIERS))}."
            column = key.column + key.text.find("|" + name) + 1
            self.findings.append(
                Finding(
                    "modifier_unknown", Severity.ERROR, f"Unknown modifier `{name}`.", hint, key.line, column
                )
            )
        return not unknown

    def _build(
        self, field: str, modifiers: tuple[str, ...], nodes: list[Node], place: Node
    ) -> FieldTest | None:
        needy = next((name for name in FIELD_ONLY if name in modifiers), None)
        if not field and needy:
            self._error("modifier_field", f"`{needy}` needs a field.", place)
            return None
        for node in nodes if not field else []:
            if node.value is None:
                self._error(
                    "keyword_null", "A keyword cannot be null.", node, "Remove it, or quote the text."
                )
                return None
        values = [self._value(node, modifiers) for node in nodes]
        if not nodes:  # pySigma reads `Field: []` as a null test
            values = [Value(None, NullTest(), (), place.line, place.column)]
        if any(value is None for value in values):
            return None
        kept = tuple(value for value in values if value is not None)
        if not field:
            kept = tuple(replace(value, test=_as_keyword(value.test, modifiers)) for value in kept)
        return FieldTest(
            field, modifiers, kept, "all" in modifiers, "neq" in modifiers, place.line, place.column
        )

    def _value(self, node: Node, modifiers: tuple[str, ...]) -> Value | None:
        try:
            test, steps = apply_modifiers(node.value, modifiers, self._placeholders)
        except ModifierError as error:
            line, column = self._place_in(node, error.offset) if error.offset else (node.line, node.column)
            self.findings.append(Finding(error.code, Severity.ERROR, error.message, error.hint, line, column))
            return None
        return Value(node.value, test, steps, node.line, node.column)

    # conditions

    def _conditions(self, node: Node, names: list[str]) -> tuple[Condition, ...]:
        condition = node.get("condition")
        if condition is None:
            self._error(
                "condition_missing", "The detection has no `condition`.", node, "Add `condition: selection`."
            )
            return ()
        nodes = condition.value if condition.kind == "list" else [condition]
        parsed = [self._condition(item, names) for item in nodes]
        if self._aggregation is not None and len(nodes) > 1:
            message = "An aggregation cannot be one of several conditions."
            self._error("aggregation_list", message, condition, "Make each condition a rule of its own.")
        if not nodes:
            self._error("condition_empty", "The list of conditions is empty.", condition)
        return tuple(item for item in parsed if item is not None)

    def _timeframe(self, node: Node) -> int | None:
        """Microseconds of a legacy `timeframe`; without one an aggregation looks at the whole of the evidence."""
        timeframe = node.get("timeframe")
        if timeframe is None:
            return None
        span = parse_timespan(timeframe.text)
        if span is None:
            self._error(
                "timeframe", f"`{timeframe.text}` is not a timeframe.", timeframe, "Write such as `15m`."
            )
        return span

    def _condition(self, node: Node, names: list[str]) -> Condition | None:
        if node.kind != "scalar" or not isinstance(node.value, str):
            self._error("condition_type", "A condition must be text.", node)
            return None
        self._warn_about_case(node)
        search, aggregation, offset = split_aggregation(node.value)
        try:
            tree = parse_condition(search, names)
            if aggregation:
                self._aggregation = parse_aggregation(aggregation, offset, self._span)
            return Condition(node.value, tree, node.line, node.column)
        except ConditionError as error:
            line, column = self._place_in(node, error.offset)
            self.findings.append(Finding(error.code, Severity.ERROR, error.message, error.hint, line, column))
            return None

    def _warn_about_case(self, node: Node) -> None:
        loud = [
            word
            for word in node.value.replace("(", " ").replace(")", " ").split()
            if word in ("AND", "OR", "NOT")
        ]
        if loud:
            self.findings.append(
                Finding(
                    "condition_case",
                    Severity.WARNING,
                    f"`{loud[0]}` is written in capitals; other tools refuse that.",
                    f"Write `{loud[0].lower()}`.",
                    node.line,
                    node.column,
                )
            )

    def _place_in(self, node: Node, offset: int) -> tuple[int, int]:
        """The place of a character of a condition; of one that spans lines, where it begins."""
        line = self._lines[node.line - 1] if node.line <= len(self._lines) else ""
        start = node.column - 1
        quoted = line[start : start + 1] in ("'", '"')
        begin = start + quoted
        if line[begin : begin + len(node.value)] != node.value:
            return node.line, node.column
        return node.line, begin + offset + 1

    def _find_unused(self, selections: dict[str, Selection], conditions: tuple[Condition, ...]) -> None:
        used = set().union(*(names_in(condition.tree) for condition in conditions))
        for selection in selections.values():
            if selection.name not in used:
                self.findings.append(
                    Finding(
                        "selection_unused",
                        Severity.WARNING,
                        f"No condition uses the selection `{selection.name}`.",
                        "Name it in the condition, or remove it.",
                        selection.line,
                        selection.column,
                    )
                )
