"""Mends of findings in a detection: selections, conditions, modifiers and values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches

from sigma_engine.findings import Finding, Mend
from sigma_engine.mend_text import MendText, quoted
from sigma_engine.traps import NEEDLESS_END, NEEDLESS_START, SWALLOWED
from sigma_engine.yaml_source import Node

_WORD = re.compile(r"[\w*.\-]+")
_LOUD = re.compile(r"(?<![\w*.\-])(?:AND|OR|NOT)(?![\w*.\-])")
Mends = Callable[[MendText, Finding], Iterator[Mend]]


def _detection(source: MendText) -> tuple[Node, Node] | None:
    """The key and map of the detection, or of a filter."""
    root = source.root
    for name in ("detection", "filter"):
        node = root.get(name) if root is not None else None
        if root is not None and node is not None and node.kind == "map":
            return root.keys[name], node
    return None


def _names(source: MendText) -> list[str]:
    found = _detection(source)
    return (
        [name for name in found[1].value if name not in ("condition", "timeframe", "rules")] if found else []
    )


def _all_names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else "all of them"


# conditions


def _unknown_selection(source: MendText, finding: Finding) -> Iterator[Mend]:
    word = _word_at(source, finding)
    names = _names(source)
    if word is None:
        return
    for name in get_close_matches(word[0], names, 1, 0.6) or (names if len(names) == 1 else []):
        yield from source.put(f"Replace with {name}", finding.line, (word.start() + 1, word.end() + 1), name)


def _word_at(source: MendText, finding: Finding) -> re.Match[str] | None:
    return _WORD.match(source.lines[finding.line - 1], finding.column - 1)


def _no_selection(source: MendText, finding: Finding) -> Iterator[Mend]:
    word = _word_at(source, finding)
    stems = sorted({f"{name.split('_')[0]}_*" if "_" in name else name for name in _names(source)})
    if word is None or not stems:
        return
    for meant in get_close_matches(word[0], stems, 1, 0.5) or ["them"]:
        yield from source.put(
            f"Replace with {meant}", finding.line, (word.start() + 1, word.end() + 1), meant
        )


def _quantifier(source: MendText, finding: Finding) -> Iterator[Mend]:
    word = _word_at(source, finding)
    if word is not None:
        for meant in ("1", "all"):
            columns = (word.start() + 1, word.end() + 1)
            yield from source.put(f"Write {meant} of", finding.line, columns, meant)


def _quiet(source: MendText, finding: Finding) -> Iterator[Mend]:
    span = source.span(finding.line, finding.column)
    if span is not None:
        written = source.lines[finding.line - 1][span[0] - 1 : span[1] - 1]
        lower = _LOUD.sub(lambda word: word[0].lower(), written)
        yield from source.put("Write it in small letters", finding.line, span, lower)


def _condition_missing(source: MendText, finding: Finding) -> Iterator[Mend]:
    found, names = _detection(source), _names(source)
    if found is None or not names:
        return
    key, node = found
    first = node.keys[names[0]]
    condition = _all_names(names)
    if source.line_of(first) > source.line_of(key):
        new = [f"{' ' * (first.column - 1)}condition: {condition}"]
        yield from source.insert(f"Add condition: {condition}", source.block_end(key) + 1, new)


def _condition_empty(source: MendText, finding: Finding) -> Iterator[Mend]:
    found, names = _detection(source), _names(source)
    node = found[1].get("condition") if found is not None else None
    if found is None or node is None or node.kind != "scalar" or not names or str(node.value or "").strip():
        return
    key = found[1].keys["condition"]
    line, condition = source.line_of(key), _all_names(names)
    end = len(source.lines[line - 1]) + 1
    yield from source.put(f"Write {condition}", line, (key.column, end), f"condition: {condition}")


def _unused(source: MendText, finding: Finding) -> Iterator[Mend]:
    found = _detection(source)
    name = next(
        (one for one in _names(source) if found and _is_at(source, found[1].keys[one], finding)), None
    )
    if found is None or name is None:
        return
    condition = found[1].get("condition")
    if condition is not None and condition.kind == "scalar" and "|" not in condition.text:
        text = (
            f"({condition.text})" if re.search(r"\bor\b", condition.text, re.IGNORECASE) else condition.text
        )
        word = "and not" if name.startswith(("filter", "exclu")) else "and"
        yield from source.rewrite(f"Add {word} {name} to the condition", condition, f"{text} {word} {name}")
    if len(_names(source)) > 1:
        yield from source.remove_key(f"Remove {name}", found[1].keys[name])


def _is_at(source: MendText, node: Node, finding: Finding) -> bool:
    return (source.line_of(node), node.column) == (finding.line, finding.column)


def _without_not(source: MendText, finding: Finding) -> Iterator[Mend]:
    node = source.scalar(finding.line, finding.column)
    if node is not None:
        is_word = re.fullmatch(r"\w+", node.text) is not None
        text = f"not {node.text}" if is_word else f"not ({node.text})"
        yield from source.rewrite("Leave these events out", node, text)


# values and modifiers


def _escaped_wildcard(source: MendText, finding: Finding) -> Iterator[Mend]:
    node = source.scalar(finding.line, finding.column)
    if node is not None:
        value = SWALLOWED.sub(lambda found: f"{found[0][:-1]}\\*", node.text)
        yield from source.rewrite("Write \\\\*", node, quoted(value))


def _escaped_share(source: MendText, finding: Finding) -> Iterator[Mend]:
    node = source.scalar(finding.line, finding.column)
    if node is not None:
        yield from source.rewrite("Write four backslashes", node, quoted(f"\\\\{node.text}"))


def _needless_wildcard(source: MendText, finding: Finding) -> Iterator[Mend]:
    node, key = source.scalar(finding.line, finding.column), source.key_of(finding.line, finding.column)
    if node is None or key is None:
        return
    value, modifiers = node.text, key.text.split("|")[1:]
    if "startswith" not in modifiers:
        value = NEEDLESS_START.sub("", value)
    if "endswith" not in modifiers:
        value = NEEDLESS_END.sub(r"\1", value)
    yield from source.rewrite("Take the stars out", node, quoted(value))


def _order(source: MendText, finding: Finding) -> Iterator[Mend]:
    yield from _modifiers(
        source, finding, r"\|(?!(?:all|neq)\b)[a-z0-9]+(?=.*\|re\b)", "Remove what stands before it"
    )


def _null(source: MendText, finding: Finding) -> Iterator[Mend]:
    yield from _modifiers(source, finding, r"\|(?!(?:all|neq)\b)[a-z0-9]+", "Test for null without modifiers")


def _modifiers(source: MendText, finding: Finding, unwanted: str, label: str) -> Iterator[Mend]:
    """The key of a value, without some of its modifiers."""
    key = source.key_of(finding.line, finding.column)
    span = source.span(source.line_of(key), key.column, key=True) if key is not None else None
    if key is None or span is None:
        return
    line = source.line_of(key)
    written = source.lines[line - 1][span[0] - 1 : span[1] - 1]
    yield from source.put(label, line, span, re.sub(unwanted, "", written))


MENDS_OF_DETECTIONS: dict[str, Mends] = {
    "condition_unknown_selection": _unknown_selection,
    "condition_no_selection": _no_selection,
    "condition_quantifier": _quantifier,
    "condition_case": _quiet,
    "condition_missing": _condition_missing,
    "condition_empty": _condition_empty,
    "condition_type": _condition_empty,
    "selection_unused": _unused,
    "filter_without_not": _without_not,
    "escaped_wildcard": _escaped_wildcard,
    "escaped_share": _escaped_share,
    "wildcard_needless": _needless_wildcard,
    "modifier_order": _order,
    "modifier_null": _null,
}
