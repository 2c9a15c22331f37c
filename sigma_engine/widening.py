"""A clause made wider by one value, in the rule's own text: what a near miss suggests to its author."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from sigma_engine.detection import FieldTest, fields_of
from sigma_engine.rule import Rule
from sigma_engine.rule_reader import parse_rules
from sigma_engine.rule_writer import write_text

PLAIN = frozenset(
    ("contains", "startswith", "endswith", "cased")
)  # modifiers under which a value is a text to find
INDENT = 4


def widened(text: str, selection: str, number: int, value: str) -> str | None:
    """The text with `value` added to the values of a field test; None where that makes no rule that is wider so.

    `number` counts the field tests of the selection, as `Clause` does. Everything else of the text stays as it is. A
    test of every value (`all`), of something else than text (`re`, `cidr`, numbers) or turned round is not widened.
    """
    test = _field_test(text, selection, number)
    if test is None or not test.field or test.every or test.negated or not PLAIN.issuperset(test.modifiers):
        return None
    found = next(_places(text, test), None)
    if found is None:
        return None
    written = write_text(_part(test, value))
    wide = _with_value(text, *found, written)
    after = None if wide is None else _field_test(wide, selection, number)
    return wide if after is not None and len(after.values) == len(test.values) + 1 else None


def _field_test(text: str, selection: str, number: int) -> FieldTest | None:
    """The field test of the first rule of a text that has such."""
    for parsed in parse_rules(text):
        if isinstance(parsed.rule, Rule) and selection in parsed.rule.selections:
            tests = fields_of(parsed.rule.selections[selection].root)
            return tests[number] if number < len(tests) else None
    return None


def _part(test: FieldTest, value: str) -> str:
    """What of a value to look for: the end of a path where ends are compared."""
    if "endswith" in test.modifiers and "\\" in value.rstrip("\\"):
        return value[value.rstrip("\\").rindex("\\") :]
    return value


def _places(text: str, test: FieldTest) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
    """(key, value, whether its map is written in braces) of the field test in the text's YAML nodes."""
    for document in yaml.compose_all(text, Loader=yaml.SafeLoader):
        waiting = [document] if document is not None else []
        while waiting:
            node = waiting.pop()
            if isinstance(node, yaml.SequenceNode):
                waiting.extend(node.value)
            elif isinstance(node, yaml.MappingNode):
                for key, value in node.value:
                    if (key.start_mark.line + 1, key.start_mark.column + 1) == (test.line, test.column):
                        yield key, value, bool(node.flow_style)
                    waiting.append(value)


def _with_value(text: str, key: yaml.Node, node: yaml.Node, in_braces: bool, written: str) -> str | None:  # noqa: FBT001
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.ScalarNode):
        if node.style in ("|", ">"):
            return None
        old = text[start:end]
        if in_braces:
            return f"{text[:start]}[{old}, {written}]{text[end:]}"
        line_end = "\r\n" if "\r\n" in text else "\n"
        item = f"{line_end}{' ' * (key.start_mark.column + INDENT)}- "
        colon = text.index(":", key.end_mark.index) + 1
        return f"{text[:colon]}{item}{old}{item}{written}{text[end:]}"
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        return None
    last = node.value[-1]
    if not isinstance(last, yaml.ScalarNode) or last.style in ("|", ">"):
        return None
    place = last.end_mark.index
    if node.flow_style:
        return f"{text[:place]}, {written}{text[place:]}"
    line_start = text.rindex("\n", 0, last.start_mark.index) + 1
    rest = text.find("\n", place)  # a comment behind the last value stays with it
    rest = len(text) if rest < 0 else rest - (text[rest - 1] == "\r")
    line_end = "\r\n" if "\r\n" in text else "\n"
    return f"{text[:rest]}{line_end}{text[line_start : last.start_mark.index]}{written}{text[rest:]}"
