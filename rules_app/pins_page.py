"""The pinned events beside the editor: one dot each, and what its rule is to say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from rules_app.global_filters import enabled_filters
from rules_app.matching import Matched, NotReady, match_events, ready_rule
from rules_app.models import PinnedEvent, Rule, RuleTest
from rules_app.models.pins import CopiedEvent
from rules_app.selection import load_default_model
from rules_app.services.pins import pins_of
from rules_app.services.rule_tests import tests_of, tests_of_rule
from rules_app.services.versions import text_sha256
from sigma_engine import Filter, Placeholders, event_facts

Kept = tuple[PinnedEvent | None, RuleTest | None]  # an event is one of the two or both
SUMMARY, SHORT_SUMMARY = 200, 90  # characters, in a row and beside a dot
LAST_TIME = 253_402_300_800_000_000  # microseconds: the year 10000, where calendars end
# What says most of an event to a reader, by how often people look there first; else its first texts.
TELLING = (
    "CommandLine",
    "ScriptBlockText",
    "TargetObject",
    "TargetFilename",
    "ImagePath",
    "ServiceFileName",
    "TaskName",
    "QueryName",
    "PipeName",
    "ImageLoaded",
    "DestinationHostname",
    "DestinationIp",
    "NewProcessName",
    "Image",
    "SourceImage",
    "TargetUserName",
)
DULL = ("RuleName", "UtcTime")  # what Sysmon begins with


@dataclass(frozen=True, slots=True)
class Dot:
    """An event of a rule: pinned, a test, or both. `number` counts from 1 and stays, `key` is its address in forms.

    `hit` is None while nothing is known; `test` is None where nothing is expected. `taken_by` is the title of the
    global filter that takes the hit away in a scan: the rule and its tests stand alone.
    """

    number: int
    key: str
    hit: bool | None
    taken_by: str
    test: RuleTest | None
    pinned: bool
    moment: datetime | None
    computer: str
    place: str
    summary: str
    origin: dict[str, Any]

    @property
    def fails(self) -> bool:
        """Whether the rule does not say what the test expects."""
        return self.test is not None and self.hit is not None and self.hit is not self.test.must_hit

    @property
    def said(self) -> str:
        """The verdict and what was expected, in words."""
        got = {True: "hit", False: "not hit", None: "not asked"}[self.hit]
        if self.taken_by:
            got += f", taken away by the filter {self.taken_by}"
        if self.test is None:
            return got
        return f"{got}, {self.test.expected}" if self.fails or self.hit is None else f"{got}, as expected"

    @property
    def label(self) -> str:
        """Which event it is, with what was said of it."""
        return f"Event {self.number}: {self.said}"

    @property
    def title(self) -> str:
        """Its label and a few words of the event."""
        short = self.summary
        if len(short) > SHORT_SUMMARY:
            short = f"{short[: SHORT_SUMMARY - 1]}…"
        return f"{self.label}. {short}"

    @property
    def look(self) -> str:
        """Its classes beside `dot`. The template asks once for what it would ask in five tags: there may be 500."""
        state = " dot-fail" if self.fails else " dot-hit" if self.hit else ""
        return f"{state} dot-test" if self.test is not None else state

    @property
    def mark(self) -> str:
        """The icon in it, "" for none."""
        if self.fails:
            return "x"
        if self.hit:
            return "yes"
        return "dash" if self.test is not None and self.hit is False else ""

    @property
    def is_loose_copy(self) -> bool:
        """Whether it is a copy out of a case that is no test yet."""
        return bool(self.origin.get("case")) and self.test is None


@dataclass(frozen=True, slots=True)
class Dots:
    """The answer to one text. `problem` is why there is none, `note` what single events do not decide."""

    dots: list[Dot]
    text_sha256: str
    problem: str
    note: str
    timeouts: tuple[str, ...]
    chosen: str
    answered_at: datetime

    @property
    def hits(self) -> int:
        """How many events are hit."""
        return sum(dot.hit is True for dot in self.dots)

    @property
    def taken(self) -> list[tuple[str, int]]:
        """The global filters that take hits away in a scan: (title, hits)."""
        return Counter(dot.taken_by for dot in self.dots if dot.taken_by).most_common()

    @property
    def not_asked(self) -> int:
        """How many events no time was left for."""
        return 0 if self.problem else sum(dot.hit is None for dot in self.dots)

    @property
    def tests(self) -> list[Dot]:
        """The events of which something is expected."""
        return [dot for dot in self.dots if dot.test is not None]

    @property
    def failing(self) -> int:
        """How many tests fail."""
        return sum(dot.fails for dot in self.dots)

    @property
    def groups(self) -> list[tuple[str, list[Dot], int]]:
        """The events by what is expected of them: (words, events, how many of them hold)."""
        groups = []
        for words, must_hit in (("Must hit", True), ("Must not hit", False)):
            found = [dot for dot in self.tests if dot.test is not None and dot.test.must_hit is must_hit]
            groups.append((words, found, sum(dot.hit is must_hit for dot in found)))
        return [group for group in groups if group[1]]

    @property
    def loose(self) -> list[Dot]:
        """The events of which nothing is expected."""
        return [dot for dot in self.dots if dot.test is None]


def dots_of(user: User, rule: Rule | None, text: str, placeholders: Placeholders, chosen: str = "") -> Dots:
    """What a text says of the events that this person pinned to a rule and of the rule's tests, and which of its
    hits the global filters would take away."""
    return _dots(kept_events(user, rule), text, placeholders, chosen, enabled_filters(user))


def dots_of_tests(rule: Rule, text: str) -> Dots:
    """What a text says of the events that are tests of a rule."""
    return _dots([(None, test) for test in tests_of_rule(rule)], text, rule.rule_set.placeholders, "", ())


def _dots(
    events: Sequence[Kept], text: str, placeholders: Placeholders, chosen: str, filters: Sequence[Filter]
) -> Dots:
    problem, note, matched = "", "", Matched((None,) * len(events), (), ("",) * len(events))
    try:
        ready = ready_rule(text, load_default_model(), placeholders, filters)
    except NotReady as error:
        problem = str(error)
    else:
        copies = [copy for pair in events if (copy := pair[0] or pair[1]) is not None]
        note, matched = ready.note, match_events(ready, copies)
    dots = [
        _dot(number, kept, hit, taken_by)
        for number, (kept, hit, taken_by) in enumerate(
            zip(events, matched.hits, matched.taken_by, strict=True), 1
        )
    ]
    if chosen not in {dot.key for dot in dots}:
        chosen = dots[0].key if dots else ""
    return Dots(dots, text_sha256(text), problem, note, matched.timeouts, chosen, timezone.now())


def kept_events(user: User, rule: Rule | None) -> list[Kept]:
    """The events of a rule as this person sees it, each once, in the order in which they came."""
    pins = {pin.sha256: pin for pin in pins_of(user, rule)}
    tests = {test.sha256: test for test in tests_of(user, rule)}
    first: dict[str, tuple[datetime, int]] = {}
    for one in (*pins.values(), *tests.values()):
        first[one.sha256] = min(first.get(one.sha256, (one.created_at, one.pk)), (one.created_at, one.pk))
    return [(pins.get(sha256), tests.get(sha256)) for sha256 in sorted(first, key=first.__getitem__)]


def _dot(number: int, pair: Kept, hit: bool | None, taken_by: str) -> Dot:  # noqa: FBT001
    pin, test = pair
    kept: CopiedEvent | None = pin or test
    if kept is None:
        raise ValueError("a dot is a pin, a test, or both")
    event = kept.event
    facts = event_facts(event)
    code = "" if facts.event_id is None else str(facts.event_id)
    return Dot(
        number=number,
        key=str(pin.pk) if pin else f"t{kept.pk}",
        hit=hit,
        taken_by=taken_by,
        test=test,
        pinned=pin is not None,
        moment=datetime.fromtimestamp(facts.time / 1_000_000, UTC) if 0 < facts.time < LAST_TIME else None,
        computer=facts.computer,
        place=f"{facts.channel.removeprefix('Microsoft-Windows-')} {code}".strip(),
        summary=_summary(event),
        origin=kept.origin,
    )


def _summary(event: dict[str, Any]) -> str:
    """The text of an event that says most to a reader, on one line."""
    data = event.get("EventData")
    if not isinstance(data, dict):
        held = event.get("UserData")
        bodies = held.values() if isinstance(held, dict) else ()
        data = next((body for body in bodies if isinstance(body, dict)), event)
    for name in TELLING:
        if isinstance(data.get(name), str) and data[name]:
            return _line(data[name])
    rest = (f"{name}: {value}" for name, value in data.items() if name not in DULL and value not in ("", "-"))
    return _line(", ".join(islice(rest, 4)))


def _line(text: str) -> str:
    line = " ".join(text[: 2 * SUMMARY].split())
    return line if len(line) <= SUMMARY else line[: SUMMARY - 1] + "…"
