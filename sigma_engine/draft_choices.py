"""How a draft may ask a field for what events have: equality, a start, an end, a middle, every item of a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sigma_engine.common_text import common_infix, common_prefix, common_suffix
from sigma_engine.patterns import BoolTest, NullTest, NumberTest, ValueTest, Wild, holds
from sigma_engine.text_pattern import TextPattern
from sigma_engine.values import ABSENT

LONGEST: Final = 1_000  # characters of a value that is written whole; of a longer one its start
START_OF_LONG: Final = 200
_PATH: Final = re.compile(r"([A-Za-z]:|\\\\|\\|/|%\w+%).*[\\/][^\\/]+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Choice:
    """One way of asking a field for what all the events have: `modifier` ("" for equality) and values."""

    modifier: str
    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Whether a field's value fulfils it, as the scanner would say."""
        results = (holds(_test(self.modifier, wanted), value) for wanted in self.values)
        return all(results) if self.modifier == "all" else any(results)


def folded(value: Any) -> Any:
    """A value as equality compares it: texts without case."""
    return value.lower() if isinstance(value, str) else value


def choices_of(values: Sequence[Any]) -> Iterator[Choice]:
    """The ways of asking for what these values are: each holds for every one of them."""
    first = [_first(value) for value in values]
    if any(one is _UNFIT for one in first):
        return
    distinct = tuple({repr(folded(one)): one for one in first}.values())
    texts = [one for one in distinct if isinstance(one, str)]
    made: list[Choice] = []
    if len(texts) == len(distinct):
        made += _text_choices(texts)
    if all(len(text) <= LONGEST for text in texts):
        equality = Choice("", distinct)
        ends = made and made[0].modifier == "endswith" and all(map(_PATH.fullmatch, texts))
        made.insert(1 if ends else 0, equality)
        whole = values[0]
        if isinstance(whole, list) and len(whole) > 1 and all(value == whole for value in values):
            items = tuple(item for item in whole if _is_scalar(item))
            made.insert(1, Choice("all", items)) if items else None
    yield from (choice for choice in made if all(choice.holds(value) for value in values))


def _text_choices(texts: list[str]) -> list[Choice]:
    """Starts, ends and middles that the texts share; of one text those of a path or a command line."""
    prefix, suffix = common_prefix(texts), common_suffix(texts)
    made = []
    if all(map(_PATH.fullmatch, texts)):
        last = re.split(r"(?=[\\/])", suffix)
        ends = {f"{text}" for text in ("".join(last[-1:]), "".join(last[1:])) if text[:1] in ("\\", "/")}
        made += [Choice("endswith", (text,)) for text in sorted(ends, key=len) if len(text) > 1]
        prefix = prefix[: max(prefix.rfind("\\"), prefix.rfind("/")) + 1]
    elif len(texts) > 1 and len(suffix) > 3:
        made.append(Choice("endswith", (suffix,)))
    if len(prefix) > 3 and (len(texts) > 1 or len(prefix) < len(texts[0])):
        made.append(Choice("startswith", (prefix[:START_OF_LONG],)))
    elif len(texts) == 1 and len(texts[0]) > LONGEST:
        made.append(Choice("startswith", (texts[0][:START_OF_LONG],)))
    if len(texts) > 1:
        infix = common_infix(texts).strip()
        if len(infix) > 3 and infix not in (prefix, suffix):
            made.append(Choice("contains", (infix,)))
    elif " " in texts[0].strip():
        made += [Choice("contains", (part,)) for part in _telling_parts(texts[0])]
    return made


def _telling_parts(text: str) -> list[str]:
    """What is behind the program of a command line, if that can be told."""
    rest = re.sub(r'^\s*("[^"]*"|\S+)', "", text, count=1)
    return [rest[:LONGEST]] if len(rest.strip()) > 3 and rest != text else []


_UNFIT: Final = object()


def _first(value: Any) -> Any:
    """What equality is asked of: the value, of a list its first plain item; None for absent; `_UNFIT` for a map."""
    if value is ABSENT or value == []:
        return None
    if isinstance(value, list):
        return next((item for item in value if _is_scalar(item)), _UNFIT)
    return value if _is_scalar(value) else _UNFIT


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def _test(modifier: str, value: Any) -> ValueTest:
    if value is None:
        return NullTest()
    if isinstance(value, bool):
        return BoolTest(value)
    if isinstance(value, int | float):
        return NumberTest(value)
    pattern = TextPattern((value,) if value else ())
    before = (Wild.ANY,) if modifier in ("endswith", "contains") else ()
    after = (Wild.ANY,) if modifier in ("startswith", "contains") else ()
    return pattern.with_parts(*before, *pattern.parts, *after)
