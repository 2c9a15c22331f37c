"""Hints about a value: it is there, and the line would match if it were written a little otherwise."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from itertools import islice

from sigma_engine.explain_leaf import said, without_case
from sigma_engine.hint_trial import Hint, Trial, as_written
from sigma_engine.patterns import (
    BoolTest,
    CidrTest,
    CompareTest,
    ExistsTest,
    NullTest,
    NumberTest,
    RegexTest,
    TextPattern,
    Wild,
    to_number,
)
from sigma_engine.values import ABSENT

_MAX_COMPARED = 200  # characters of texts that are compared letter by letter
_ALIKE = 0.82  # of difflib's ratio
_DASH = re.compile(r"\B[-/\u2013\u2014\u2015]\b")
_TRUTHS = frozenset({"0", "1", "yes", "no", "0x0", "0x1"})


def value_hints(trial: Trial) -> Iterator[Hint]:
    """How the value of a false leaf missed what the field holds, the surest first."""
    finders: tuple[Callable[[Trial], Iterator[Hint]], ...] = (
        *(nothing_hints, _case, _types, escape_hints, _space, _dashes),
        *(_places, _list, _address, _alike),
    )
    for find in finders:
        yield from find(trial)


def nothing_hints(trial: Trial) -> Iterator[Hint]:
    """Which kind of nothing the rule asks for, and which the event has."""
    found = trial.found
    if isinstance(trial.test, NullTest):
        if found == "":
            yield Hint(
                "null_not_empty",
                "Null is not the empty text: the event has the field, and it is empty.",
                trial.line("''"),
            )
        elif found == "-":
            yield Hint("dash_is_text", "Null is not a dash: the event holds the text `-`.", trial.line("'-'"))
    elif trial.asks_for("") and (found is None or found is ABSENT):
        kind = "null" if found is None else "absent"
        yield Hint(
            "empty_not_null",
            f"The empty text is not {kind}: `null` is true of a field without a value.",
            trial.line("null"),
        )
    elif trial.asks_for("") and found == "-":
        yield Hint(
            "dash_is_text", "A dash is a text: the field is not empty, it holds `-`.", trial.line("'-'")
        )
    elif trial.asks_for("-") and found in ("", None, ABSENT):
        yield Hint("dash_is_text", f"`-` is a text of its own; the field is {said(found)}.")
    elif isinstance(trial.test, ExistsTest) and not trial.test.wanted:
        yield Hint(
            "exists_even_empty",
            f"The field is there: it is {said(found)}. A field exists even when it is null or empty.",
        )


def _case(trial: Trial) -> Iterator[Hint]:
    loose = without_case(trial.test)
    if loose is None or not trial.holds(loose):
        return
    if isinstance(trial.test, RegexTest):
        mended = trial.line(modifiers=(*trial.modifiers, "i"))
        yield Hint("case", "Differs only in case: a regular expression heeds case unless it has `i`.", mended)
    else:
        kept = tuple(name for name in trial.modifiers if name != "cased")
        yield Hint("case", "Differs only in case, and `cased` heeds it.", trial.line(modifiers=kept))


def _types(trial: Trial) -> Iterator[Hint]:
    number = to_number(trial.found)
    if isinstance(trial.test, NumberTest) and number is not None and number == trial.test.number:
        yield Hint(
            "quoted",
            f"The event holds the text {said(trial.found)}: it would match if quoted.",
            trial.line(as_written(str(trial.found))),
        )
    elif isinstance(trial.test, NumberTest) and isinstance(trial.found, bool):
        yield Hint(
            "bool_not_number",
            f"The event holds {said(trial.found)}, not a number.",
            trial.line(str(trial.found).lower()),
        )
    elif isinstance(trial.test, BoolTest) and str(trial.found).lower() in _TRUTHS:
        yield Hint(
            "number_not_bool",
            f"The event holds {said(trial.found)}, not true or false.",
            trial.line(as_written(trial.found)),
        )
    elif isinstance(trial.test, TextPattern) and trial.test.literal:
        yield from _as_number(trial, trial.test.literal, number)
    elif isinstance(trial.test, CompareTest) and number is None and isinstance(trial.found, str):
        sentence = f"{said(trial.found)} is no number, so it is neither greater nor less than one."
        yield Hint("not_a_number", sentence)


def _as_number(trial: Trial, literal: str, number: int | float | None) -> Iterator[Hint]:
    wanted = to_number(literal)
    if wanted is None or number is None or wanted != number:
        return
    if trial.holds(NumberTest(wanted)):
        word = "hexadecimal" if "0x" in f"{literal}{trial.found}".lower() else "a number"
        sentence = (
            f"In quotes {literal} is a text; the event holds the same number, written otherwise ({word})."
        )
        yield Hint("as_number", sentence, trial.line(str(wanted), modifiers=trial.without_places))
    else:
        yield Hint(
            "quoted",
            f"The event writes the same number as {said(trial.found)}.",
            trial.line(as_written(str(trial.found))),
        )


def escape_hints(trial: Trial) -> Iterator[Hint]:
    """Backslashes that mean something else than was meant."""
    if not isinstance(trial.raw, str) or "\\" not in trial.raw or isinstance(trial.test, RegexTest):
        return
    wild = re.sub(r"(?<!\\)((?:\\\\)*)\\([*?])", r"\1\\\\\2", trial.raw)
    if wild != trial.raw and trial.holds_as(wild):
        char = "*" if r"\*" in trial.raw else "?"
        sentence = (
            f"The backslash escapes your `{char}`: `\\{char}` is the character itself. "
            "A backslash before a wildcard is written twice."
        )
        yield Hint("escaped_wildcard", sentence, trial.line(as_written(wild)))
        return
    plain = trial.raw.replace("\\", "\\\\")
    if trial.holds_as(plain):
        sentence = "Two backslashes stand for one: the event holds both of them, so each is written twice."
        yield Hint("backslashes", sentence, trial.line(as_written(plain)))


def _space(trial: Trial) -> Iterator[Hint]:
    found = trial.found
    if isinstance(found, str) and found != found.strip() and trial.holds(trial.test, found.strip()):
        where = "leading" if found != found.lstrip() else "trailing"
        where = "leading and trailing" if found != found.lstrip() and found != found.rstrip() else where
        yield Hint("value_space", f"The event's value has {where} space.", trial.placed("contains"))
    elif isinstance(trial.raw, str) and trial.raw != trial.raw.strip() and trial.holds_as(trial.raw.strip()):
        yield Hint(
            "rule_space",
            "The rule's value has space at its end or start that the event does not have.",
            trial.line(as_written(trial.raw.strip())),
        )


def _dashes(trial: Trial) -> Iterator[Hint]:
    if not isinstance(trial.test, TextPattern) or "windash" in trial.modifiers:
        return
    modifiers = (*trial.modifiers, "windash")
    if _DASH.search(str(trial.raw)) and trial.holds_as(trial.raw, modifiers):
        yield Hint(
            "windash",
            "The event has another dash or a slash there: `windash` takes each of them.",
            trial.line(modifiers=modifiers),
        )


def _places(trial: Trial) -> Iterator[Hint]:
    if not isinstance(trial.test, TextPattern) or len(trial.test.required()) < 2:
        return
    for place in ("endswith", "startswith", "contains"):
        modifiers = (place, *trial.without_places)
        if modifiers != trial.modifiers and trial.holds_as(trial.raw, modifiers):
            words = {
                "endswith": "ends with it",
                "startswith": "starts with it",
                "contains": "has it inside",
            }
            yield Hint(
                f"with_{place}",
                f"The event's value {words[place]}: it would match with `{place}`.",
                trial.placed(place),
            )
            return


def _list(trial: Trial) -> Iterator[Hint]:
    found = trial.found
    if isinstance(found, list) and len(found) > 1 and all(isinstance(item, str) for item in found):
        if any(trial.holds(trial.test, joined.join(found)) for joined in (" ", ", ", "\n", "")):
            yield Hint(
                "list_items",
                f"The field holds {len(found)} values, and each is looked at alone: no single one has all of it.",
            )
    elif isinstance(found, dict):
        inner = ", ".join(f"`{trial.field}.{key}`" for key in islice(found, 4))
        yield Hint(
            "map_value",
            f"The field holds a map of fields, not a value. Name one of them: {inner or 'it is empty'}.",
        )


def _address(trial: Trial) -> Iterator[Hint]:
    if not isinstance(trial.test, CidrTest) or not isinstance(trial.found, str):
        return
    bare = re.sub(r"^\[?([0-9A-Fa-f.:]+?)\]?:\d+$", r"\1", trial.found.strip())
    if bare != trial.found and trial.holds(trial.test, bare):
        yield Hint(
            "address_with_port",
            f"{said(trial.found)} is an address with a port, which `cidr` does not take.",
        )
    elif not re.fullmatch(r"[0-9A-Fa-f.:%\w]+", trial.found) or not re.search(r"[.:]", trial.found):
        yield Hint("not_an_address", f"{said(trial.found)} is no IP address.")


def _alike(trial: Trial) -> Iterator[Hint]:
    literal = max((p for p in trial.parts if isinstance(p, str)), key=len, default="")
    if len(literal) < 4 or len(literal) > _MAX_COMPARED or not isinstance(trial.found, str):
        return
    text = trial.found[:_MAX_COMPARED] if trial.parts[-1:] == (Wild.ANY,) else trial.found[-_MAX_COMPARED:]
    nearest = _nearest_part(literal.lower(), text.lower())
    if nearest and nearest != literal.lower():
        at = text.lower().find(nearest)
        yield Hint(
            "alike",
            f"The event has `{text[at : at + len(nearest)]}`, the rule `{literal}`: nearly alike.",
        )


def _nearest_part(literal: str, text: str) -> str:
    """The part of a text that is nearly the literal, "" when none is."""
    matcher = difflib.SequenceMatcher(None, literal, text, autojunk=False)
    block = matcher.find_longest_match()
    if block.size * 3 < len(literal):
        return ""
    start = max(0, block.b - block.a)
    best = ""
    ratio = _ALIKE
    for length in (len(literal) - 1, len(literal), len(literal) + 1):
        part = text[start : start + length]
        found = difflib.SequenceMatcher(None, literal, part, autojunk=False).ratio()
        if found > ratio:
            best, ratio = part, found
    return best
