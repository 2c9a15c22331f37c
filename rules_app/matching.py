"""One rule's text held against single events, by the engine that scans run.

The rule stands alone. Global filters, which decide about other rules too, turn no verdict: of a hit they are asked
whether one of them takes it away, as it would in a scan.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rules_app.models.pins import CopiedEvent
from rules_app.services.derive import NO_DOCUMENT, SEVERAL_DOCUMENTS
from sigma_engine import (
    CompiledSet,
    Correlation,
    Filter,
    Model,
    Placeholders,
    Rule,
    Scanner,
    Severity,
    compile_rules,
    filtered,
    parse_rules,
)

SECONDS = 5.0  # for all events of one request: a regular expression may take its time on each


class NotReady(ValueError):
    """A text that cannot be held against events; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class ReadyRule:
    """A rule compiled by itself. `note` says what single events do not decide of it; `tuned` are the global filters
    that apply to it, each as its title and the rule with it."""

    compiled: CompiledSet
    scanner: Scanner
    rule: Rule
    note: str
    tuned: tuple[tuple[str, Scanner], ...] = ()

    def hits(self, event: CopiedEvent) -> bool:
        """Whether the rule hits this event."""
        return bool(self.scanner.match(event.event, event.file_name))

    def taken_by(self, event: dict[str, Any], file_name: str) -> str:
        """The title of the first global filter that takes a hit on this event away; "" for none."""
        return next((title for title, scanner in self.tuned if not scanner.match(event, file_name)), "")


@dataclass(frozen=True, slots=True)
class Matched:
    """The verdicts on events in their order, None for those that no time was left for; with each, the title of the
    global filter that would take the hit away.

    `timeouts` are the patterns of regular expressions that ran out of time on an event and count as not found.
    """

    hits: tuple[bool | None, ...]
    timeouts: tuple[str, ...]
    taken_by: tuple[str, ...]


def ready_rule(
    text: str, model: Model | None, placeholders: Placeholders, filters: Iterable[Filter] = ()
) -> ReadyRule:
    """The rule of a text, ready to match, and which of the global filters apply to it. Raises NotReady with a
    sentence."""
    if model is None:
        raise NotReady("There is no default model, so nothing says where events have their fields.")
    parsed = parse_rules(text, placeholders)
    if not parsed:
        raise NotReady(NO_DOCUMENT.message)
    if len(parsed) > 1:
        raise NotReady(f"Line {parsed[1].line_offset + 1}: {SEVERAL_DOCUMENTS.message}")
    rule, errors = parsed[0].rule, [one for one in parsed[0].findings if one.severity is Severity.ERROR]
    if errors:
        first = min(errors, key=lambda one: (one.line, one.column))
        raise NotReady(f"Line {first.line}: {first.message}")
    if isinstance(rule, Correlation):
        raise NotReady("A correlation is not decided by single events. The rules that it counts are.")
    if isinstance(rule, Filter) or rule is None:
        raise NotReady("A filter hits nothing by itself: it takes hits away from the rules that it names.")
    compiled = compile_rules([rule], model)
    if 0 not in compiled.served:
        raise NotReady(compiled.left_out[0].findings[0].message)
    note = "Its count is not decided by single events: a hit here is one event counted."
    tuned = ((one.title, filtered(rule, [one])) for one in filters)
    return ReadyRule(
        compiled,
        Scanner(compiled),
        rule,
        note if rule.aggregation is not None else "",
        tuple(
            (title, Scanner(compile_rules([joined], model))) for title, joined in tuned if joined is not rule
        ),
    )


def match_events(ready: ReadyRule, events: Sequence[CopiedEvent]) -> Matched:
    """The verdicts of a rule on events, within `SECONDS`."""
    hits: list[bool | None] = []
    taken_by: list[str] = []
    end = time.monotonic() + SECONDS
    for event in events:
        hit = ready.hits(event) if time.monotonic() < end else None
        hits.append(hit)
        taken_by.append(ready.taken_by(event.event, event.file_name) if hit else "")
    return Matched(tuple(hits), tuple(ready.scanner.regex_timeouts), tuple(taken_by))
