"""Choosing the rules of a scan: level, status, tag, title, and a filter lambda over the rule."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from sigma_engine.lambdas import Lambda, LambdaError, compile_lambda
from sigma_engine.regexes import Regex, RegexTimeout
from sigma_engine.rule import LEVELS, STATUSES, Document


class SelectionError(Exception):
    """A choice of rules that cannot be understood; the text is a sentence for the one who made it."""


def select_rules(
    rules: Sequence[Document],
    *,
    levels: Collection[str] = (),
    statuses: Collection[str] = (),
    tags: Collection[str] = (),
    title: str = "",
    rule_filter: str = "",
) -> list[int]:
    """The indexes of the rules that fulfil every choice given; an empty choice leaves all.

    `tags` match whole or as a namespace (`attack` takes `attack.t1003`); `title` is a regular expression, case
    ignored; `rule_filter` is a lambda over the rule's YAML, as Velociraptor's (`x=>x.Level =~ "high"`).
    Raises SelectionError.
    """
    _check_known("level", levels, LEVELS)
    _check_known("status", statuses, STATUSES)
    wanted = _title_regex(title)
    keep = _filter(rule_filter)
    chosen = []
    for index, rule in enumerate(rules):
        if levels and rule.level not in levels:
            continue
        if statuses and rule.status not in statuses:
            continue
        if tags and not any(has_tag(rule.tags, tag) for tag in tags):
            continue
        if wanted is not None and not _search(wanted, rule.title):
            continue
        if keep is not None and not _keeps(keep, rule):
            continue
        chosen.append(index)
    return chosen


def has_tag(tags: Sequence[str], wanted: str) -> bool:
    """Whether one of the tags is `wanted` or lies under it, case ignored."""
    wanted = wanted.lower()
    return any(tag.lower() == wanted or tag.lower().startswith(wanted + ".") for tag in tags)


def _check_known(name: str, chosen: Collection[str], known: Sequence[str]) -> None:
    for value in chosen:
        if value not in known:
            raise SelectionError(f"There is no {name} `{value}`. Sigma has: {', '.join(known)}.")


def _title_regex(title: str) -> Regex | None:
    if not title:
        return None
    try:
        return Regex(title, re.IGNORECASE)
    except re.error as error:
        raise SelectionError(f"The title filter is not a valid regular expression: {error}.") from error


def _search(wanted: Regex, title: str) -> bool:
    try:
        return wanted.search(title)
    except RegexTimeout as error:
        raise SelectionError(f"The title filter takes too long: {error}.") from error


def _filter(rule_filter: str) -> Lambda | None:
    if not rule_filter.strip():
        return None
    try:
        return compile_lambda(rule_filter)
    except LambdaError as error:
        raise SelectionError(f"The rule filter is not a valid lambda: {error}") from error


def _keeps(keep: Lambda, rule: Document) -> bool:
    try:
        return bool(keep(rule.document()))
    except LambdaError as error:
        raise SelectionError(f"The rule filter fails on the rule `{rule.title}`: {error}") from error
