"""What a rule says and its author hardly means: escapes that swallow a wildcard, conditions that cannot be true.

Findings of severity warning: the rule runs, exactly as it is written.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from sigma_engine.condition import And, Not, Of, Ref, Tree, names_in
from sigma_engine.detection import Detection, FieldTest, Value, fields_of
from sigma_engine.findings import Finding, Severity
from sigma_engine.patterns import TimePartTest
from sigma_engine.text_pattern import TextPattern

_MAX_NAMES = 10  # selections of a condition that are tried in every combination
# A folder's name between backslashes, or a drive, and a star behind it that was meant to be wild.
SWALLOWED = re.compile(r"(?:\\[\w .()%{}-]+|^[A-Za-z]:)\\\*(?=$|[^*])")
NEEDLESS_START = re.compile(r"^\*+(?=.)", re.DOTALL)  # stars at an end that a modifier leaves open anyway
NEEDLESS_END = re.compile(r"((?:^|[^\\*])(?:\\\\)*)\*+$", re.DOTALL)
_OPEN = {
    "contains",
    "startswith",
    "endswith",
    "all",
    "cased",
    "windash",
}  # modifiers that keep a value's stars
_SHARE = re.compile(r"\\\\[^\\*?]+\\")
_TIMES = {  # what the parts of a time can be; week by ISO 8601
    "minute": range(60),
    "hour": range(24),
    "day": range(1, 32),
    "week": range(1, 54),
    "month": range(1, 13),
    "year": range(1, 10_000),
}


def find_traps(detection: Detection) -> list[Finding]:
    """Every trap of a detection."""
    findings: list[Finding] = []
    for selection in detection.selections.values():
        for test in fields_of(selection.root):
            for value in test.values:
                findings += _of_value(test, value)
            findings += _of_field(test)
    for condition in detection.conditions:
        if is_never_true(condition.tree):
            message = "This condition can never be true."
            hint = "Look for a selection that stands both with and without `not`."
            findings.append(_warning("condition_never_true", message, condition.line, condition.column, hint))
    return findings


def _warning(code: str, message: str, line: int, column: int, hint: str) -> Finding:
    return Finding(code, Severity.WARNING, message, hint, line, column)


def _of_value(test: FieldTest, value: Value) -> Iterator[Finding]:
    if isinstance(value.test, TimePartTest) and not any(
        map(value.test.test.matches, _TIMES[value.test.part])
    ):
        first, last = _TIMES[value.test.part][0], _TIMES[value.test.part][-1]
        message = f"No time has such a {value.test.part}: this can never be true."
        yield _warning("time_part_never", message, value.line, value.column, f"It is {first} to {last}.")
    if not isinstance(value.raw, str) or not isinstance(value.test, TextPattern) or "re" in test.modifiers:
        return
    place = (value.line, value.column)
    if SWALLOWED.search(value.raw):
        message = "`\\*` is an asterisk and no wildcard: the backslash before it is its escape."
        yield _warning(
            "escaped_wildcard", message, *place, "Write `\\\\*` for a backslash and anything after it."
        )
    is_anchored = not {"contains", "endswith"} & set(test.modifiers)
    if is_anchored and _SHARE.match(value.raw):
        message = "Two backslashes are one: this does not begin with the two of a network share."
        yield _warning("escaped_share", message, *place, "Write four for two.")
    if _has_needless_star(set(test.modifiers), value.raw):
        message = "The stars at an end that the modifier leaves open add nothing."
        yield Finding("wildcard_needless", Severity.INFO, message, "Take them out.", *place)


def _has_needless_star(modifiers: set[str], raw: str) -> bool:
    opened = modifiers & {"contains", "startswith", "endswith"}
    if len(opened) != 1 or not modifiers <= _OPEN or not raw.strip("*"):
        return False
    at_start = "startswith" not in opened and NEEDLESS_START.search(raw) is not None
    return at_start or ("endswith" not in opened and NEEDLESS_END.search(raw) is not None)


def _of_field(test: FieldTest) -> Iterator[Finding]:
    if test.field == "Message":
        message = "An event log holds values, not the message that a viewer makes of them; few sources have `Message`."
        yield _warning(
            "field_message", message, test.line, test.column, "Test the field that the value stands in."
        )


def is_never_true(tree: Tree) -> bool:
    """Whether no choice of true and false selections makes a condition true. Says no where that is too much to try."""
    names = sorted(names_in(tree))
    denied = _denied(tree)
    if len(names) > _MAX_NAMES or _holds(tree, {name: name not in denied for name in names}):
        return False  # what nearly every rule wants: its selections true, its filters not
    return not any(
        _holds(tree, dict(zip(names, truths, strict=True)))
        for truths in itertools.product((True, False), repeat=len(names))
    )


def _denied(tree: Tree) -> set[str]:
    """The selections that stand under a `not`."""
    if isinstance(tree, Not):
        return names_in(tree.child)
    return set() if isinstance(tree, Ref | Of) else set().union(*map(_denied, tree.children))


def _holds(tree: Tree, truths: dict[str, bool]) -> bool:
    if isinstance(tree, Ref):
        return truths[tree.name]
    if isinstance(tree, Of):
        found = [truths[name] for name in tree.names]
        return all(found) if tree.quantifier == "all" else any(found)
    if isinstance(tree, Not):
        return not _holds(tree.child, truths)
    children = [_holds(child, truths) for child in tree.children]
    return all(children) if isinstance(tree, And) else any(children)
