"""One-click mends: for a finding, the edits of the text that make it go away.

`with_mends` looks at each finding's code in one table. A mend changes no more than its finding is about, and is
offered only where it is known to help: `tests/engine/mends` holds a text for each code.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from difflib import get_close_matches

from sigma_engine.findings import Finding, Mend
from sigma_engine.mend_detection import MENDS_OF_DETECTIONS
from sigma_engine.mend_text import MendText, quoted
from sigma_engine.model import Model
from sigma_engine.rule import LEVELS, STATUSES, Logsource
from sigma_engine.validators import NAMESPACES, TACTICS, TECHNIQUE
from sigma_engine.yaml_source import Node

_MEANT = re.compile(r"Did you mean `([^`]+)`\?")
_TABS = re.compile(r"^( *)(\t+)")
_STARTS_NOTHING = re.compile(  # plain text that begins with a sign of YAML's own, behind a key or a dash
    r"""(?:(?<=:\s)|(?<=-\s))[*&!%@`][^'"]*$"""
)
_MAX_MENDED = 200  # findings of a text that get mends: more are not read by anybody
_LEVEL_WORDS = {"info": "informational", "crit": "critical", "severe": "critical", "moderate": "medium"}

Mends = Callable[[MendText, Finding, Model | None], Iterator[Mend]]


def with_mends(findings: Sequence[Finding], text: str, model: Model | None) -> list[Finding]:
    """The findings of a text under a model, each with the mends that it has."""
    if not findings:
        return []
    source = MendText(text)
    mended = [
        replace(finding, mends=tuple(_mends(source, finding, model))) for finding in findings[:_MAX_MENDED]
    ]
    return [*mended, *findings[_MAX_MENDED:]]


def _mends(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    meant = _MEANT.match(finding.hint)
    if meant is not None:
        yield from _nearest(source, finding, meant[1])
    elif finding.code in MENDS:
        yield from MENDS[finding.code](source, finding, model)
    elif finding.code in MENDS_OF_DETECTIONS:
        yield from MENDS_OF_DETECTIONS[finding.code](source, finding)


def _nearest(source: MendText, finding: Finding, meant: str) -> Iterator[Mend]:
    """The word at the finding's place becomes the one that was probably meant."""
    line = source.lines[finding.line - 1]
    word = re.compile(r"""['"]?([^\s|:'",\]]+)""").match(line, finding.column - 1)
    if word is not None:
        yield from source.put(
            f"Replace with {meant}", finding.line, (word.start(1) + 1, word.end(1) + 1), meant
        )


def _scalar(source: MendText, finding: Finding) -> Node | None:
    return source.scalar(finding.line, finding.column)


def _rewrite(source: MendText, finding: Finding, label: str, text: str | None) -> Iterator[Mend]:
    node = _scalar(source, finding)
    if node is not None:
        yield from source.rewrite(label, node, text)


# the head of a rule


def _title_missing(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    if source.root is None:
        return
    key = source.root.keys.get("title")
    if key is None:
        yield from source.insert("Add a title", _first_line(source), ["title: Untitled rule"])
    else:
        end = len(source.lines[source.line_of(key) - 1]) + 1
        yield from source.put("Add a title", source.line_of(key), (key.column, end), "title: Untitled rule")


def _first_line(source: MendText) -> int:
    assert source.root is not None
    return min(source.line_of(key) for key in source.root.keys.values()) if source.root.keys else 1


def _id_missing(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    if source.root is None or not source.root.keys:
        return
    title = source.root.keys.get("title")
    line = source.block_end(title) + 1 if title is not None else _first_line(source)
    yield from source.insert("Add a new id", line, [f"id: {uuid.uuid4()}"])


def _id_form(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    yield from _rewrite(source, finding, "Replace with a new id", str(uuid.uuid4()))


def _status(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    yield from _choose(source, finding, STATUSES, {})


def _level(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    yield from _choose(source, finding, LEVELS, _LEVEL_WORDS)


def _choose(
    source: MendText, finding: Finding, choices: Sequence[str], words: dict[str, str]
) -> Iterator[Mend]:
    node = _scalar(source, finding)
    if node is None:
        return
    word = node.text.strip().lower()
    near = [words[word]] if word in words else get_close_matches(word, choices, 1, 0.5)
    for choice in near or choices:
        yield from source.rewrite(f"Replace with {choice}", node, choice)


def _title_form(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    node = _scalar(source, finding)
    if node is None:
        return
    bare = re.sub(r"^(?:detects? )+", "", node.text, flags=re.IGNORECASE).rstrip(". ")
    if bare:
        yield from source.rewrite("Write it as a name", node, _as_scalar(bare[0].upper() + bare[1:]))


def _as_scalar(value: str) -> str | None:
    """As plain text where that is safe, else in quotes."""
    return value if re.fullmatch(r"[A-Za-z][\w ()/,.+-]*", value) else quoted(value)


def _date_form(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    node = _scalar(source, finding)
    parts = (
        re.fullmatch(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})", node.text.strip()) if node is not None else None
    )
    if node is None or parts is None:
        return
    try:
        day = date(*map(int, parts.groups()))
    except ValueError:
        return
    yield from source.rewrite(f"Write {day}", node, day.isoformat())


def _date_missing(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    root = source.root
    if root is None or "modified" not in root.keys:
        return
    day = root.value["modified"].text
    yield from source.insert("Add the same date", source.line_of(root.keys["modified"]), [f"date: {day}"])


def _date_order(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    written = source.root.get("date") if source.root is not None else None
    if written is not None:
        yield from _rewrite(source, finding, f"Write {written.text}", written.text)


def _remove_item(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    yield from source.remove_item("Remove it", finding.line, finding.column)


def _tag(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    node = _scalar(source, finding)
    if node is None:
        return
    tag = re.sub(r"[\s_]+", "-", node.text.strip().lower())
    namespace, dot, name = tag.partition(".")
    if TECHNIQUE.fullmatch(tag) or tag in TACTICS:
        meant = f"attack.{tag}"
    elif dot and namespace not in NAMESPACES and (near := get_close_matches(namespace, NAMESPACES, 1, 0.6)):
        meant = f"{near[0]}.{name}"
    elif namespace == "attack" and name in TACTICS:
        meant = tag
    elif namespace == "attack" and (near := get_close_matches(name, sorted(TACTICS), 1, 0.7)):
        meant = f"attack.{near[0]}"
    else:
        return
    meant_namespace, _, meant_name = meant.partition(".")
    is_attack = meant_namespace == "attack"
    if meant != node.text and (not is_attack or meant_name in TACTICS or TECHNIQUE.fullmatch(meant_name)):
        yield from source.rewrite(f"Replace with {meant}", node, meant)


def _list_form(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    node = _scalar(source, finding)
    if node is None:
        return
    span = source.span(finding.line, finding.column)
    if span is None:
        return
    written = source.lines[finding.line - 1][span[0] - 1 : span[1] - 1]
    before = source.lines[finding.line - 1][: span[0] - 1].rstrip()
    yield from source.put("Make it a list", finding.line, (len(before) + 1, span[1]), f"\n    - {written}")


def _vague(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    yield from _rewrite(source, finding, "Replace with Unknown", "Unknown")


# log sources


def _logsource_missing(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    root = source.root
    if root is None or "logsource" in root.keys or not root.keys:
        return
    key = root.keys.get("detection") or root.keys.get("filter")
    line = source.line_of(key) if key is not None else len(source.lines) + 1
    new = ["logsource:", "    category: process_creation", "    product: windows"]
    yield from source.insert("Add process_creation on Windows", line, new)


def _not_served(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    """One part that is nearly a name of the model, such as `proces_creation`."""
    node = source.root.get("logsource") if source.root is not None else None
    if node is None or node.kind != "map" or model is None:
        return
    parts = ("category", "product", "service")
    said = {part: node.value[part].text for part in parts if node.get(part) is not None}
    for place, part in enumerate(parts):
        names = {one.parts[place] for one in model.sources if not one.takes_nothing} - {"*"}
        for near in get_close_matches(said.get(part, "").lower(), sorted(names), 3, 0.6):
            tried = said | {part: near}
            if model.sources_for(
                Logsource(tried.get("category"), tried.get("product"), tried.get("service"))
            ):
                yield from source.rewrite(f"Replace with {near}", node.value[part], near)
                break


# YAML


def _duplicate_key(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    yield from source.remove_key("Remove this one", source.key_at(finding.line, finding.column))


def _quote_value(source: MendText, finding: Finding, model: Model | None) -> Iterator[Mend]:
    """Plain text that begins with a sign of YAML's own: `*.exe`, `%TEMP%`, `@name`."""
    line = source.lines[finding.line - 1]
    tabs = _TABS.match(line)
    if tabs is not None:
        columns = (len(tabs[1]) + 1, tabs.end() + 1)
        yield from source.put("Replace the tabs with spaces", finding.line, columns, "    " * len(tabs[2]))
        return
    found = _STARTS_NOTHING.search(line.rstrip())
    if found is not None:
        columns = (found.start() + 1, len(line.rstrip()) + 1)
        yield from source.put("Put it in quotes", finding.line, columns, quoted(found[0].rstrip()))


MENDS: dict[str, Mends] = {
    "title_missing": _title_missing,
    "title_form": _title_form,
    "id_missing": _id_missing,
    "id_form": _id_form,
    "status_unknown": _status,
    "level_unknown": _level,
    "date_form": _date_form,
    "date_missing": _date_missing,
    "date_order": _date_order,
    "tag_twice": _remove_item,
    "tag_namespace": _tag,
    "tag_attack": _tag,
    "reference_twice": _remove_item,
    "list_form": _list_form,
    "falsepositive_vague": _vague,
    "logsource_missing": _logsource_missing,
    "logsource_not_served": _not_served,
    "yaml_duplicate_key": _duplicate_key,
    "yaml_alias": _quote_value,
    "yaml_tag": _quote_value,
    "yaml_syntax": _quote_value,
}
