"""The editor while one types: server time of findings and of dots over 200 edits, through all of a request.

Findings on the rule of median length and on the one with the most values, dots over 42 pinned events on the former,
and over 500, which is all that a rule can have: process creations of the attack samples beside the project.
Each edit is a text that nobody has seen before; each request is answered by the views, with database and templates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median, quantiles

from django.test import Client

from bench.dense_logs import PROJECT, default_evidence, logs_in
from bench.house import House
from bench.inputs import Stopwatch, arguments, chunks, load_rules, print_load, rules_folder
from rules_app.services.pins import MAX_PINS, PinSource, pin_events, unpin
from sigma_engine import EvidenceFile, Rule, event_key, open_evidence
from sigmaweb import wsgi

EDITS = 200
PINS = 42
EDITS_OF_MANY = 50
SYSMON, CREATION = "Microsoft-Windows-Sysmon/Operational", 1
TARGETS = {
    "findings, median": 100,
    "findings, most values": 400,
    "dots, median": 150,
    "dots, 500 events": 100,
}  # ms, p95


def main() -> None:
    """Print the table; a target that is missed is marked."""
    given = arguments()
    print_load()
    middle, most = chosen_rules(rules_folder(given))
    house = House()
    pin_events(house.user, None, list(islice(pin_sources(), PINS)))
    assert (
        wsgi.application is not None
    )  # loaded as the web server loads it: what is loaded is no garbage to look through
    client = Client(headers={"host": "localhost"})
    client.force_login(house.user)

    def ask(address: str) -> Callable[[str], int]:
        return lambda text: client.post(address, {"text": text, "rule_set": house.name}).status_code

    print(f"\n{'':24}{'p50, ms':>9}{'p95, ms':>9}{'target':>9}{'p95, cpu':>10}   rule")
    report("findings, median", middle, ask("/rules/check/"))
    report("findings, most values", most, ask("/rules/check/"))
    report("dots, median", middle, ask("/rules/dots/"))
    unpin(house.user, None)
    pinned = pin_events(house.user, None, list(islice(creations(), MAX_PINS)))
    if len(pinned) < MAX_PINS:
        print(f"there are only {len(pinned)} process creations to pin")
    report("dots, 500 events", middle, ask("/rules/dots/"), EDITS_OF_MANY)


def report(name: str, rule: Rule, post: Callable[[str], int], count: int = EDITS) -> None:
    """One line of the table: so many edits of a rule."""
    spent = [of_request(post, text) for text in edits(rule.text, count)]
    walls, cpus = [1000 * wall for wall, _ in spent], [1000 * cpu for _, cpu in spent]
    p95 = quantiles(walls, n=20)[-1]
    mark = "  over" if p95 > TARGETS[name] else ""
    about = f"{rule.title} ({len(rule.text):,} characters, {values_of(rule):,} values)"
    print(
        f"{name:24}{median(walls):>9.1f}{p95:>9.1f}{TARGETS[name]:>9}"
        f"{quantiles(cpus, n=20)[-1]:>10.1f}{mark}   {about}"
    )


def chosen_rules(folder: Path) -> tuple[Rule, Rule]:
    """The rule of median length and the one with the most values; the others are let go of, as no server holds them."""
    rules = sorted(load_rules(folder), key=lambda rule: len(rule.text))
    return rules[len(rules) // 2], max(rules, key=values_of)


def values_of(rule: Rule) -> int:
    """How many values a rule's text lists."""
    return sum(line.lstrip().startswith("- ") for line in rule.text.splitlines())


def edits(text: str, count: int) -> Iterator[str]:
    """The text as it is after each of so many keys, typed into its title."""
    head, title, rest = text.partition("title: ")
    for number in range(1, count + 1):
        yield f"{head}{title}{'abcde fghij '[number % 12]}{number} {rest}"


def of_request(post: Callable[[str], int], text: str) -> tuple[float, float]:
    """(seconds of the clock, of the processor) of one request. Raises RuntimeError for one that was not answered."""
    watch = Stopwatch()
    status = post(text)
    if status != 200:
        raise RuntimeError(f"answered {status}")
    return watch.wall, watch.cpu


def pin_sources() -> Iterator[PinSource]:
    """Events of the starter's Sysmon log."""
    return sources_in([open_evidence(PROJECT / "starter" / "evidence" / "WS07-Sysmon.evtx")])


def creations() -> Iterator[PinSource]:
    """Process creations of the evidence that benchmarks run on."""
    for source in sources_in(logs_in(default_evidence())):
        key = event_key(source.event)
        if (key.channel, key.event_id) == (SYSMON, CREATION):
            yield source


def sources_in(logs: list[EvidenceFile]) -> Iterator[PinSource]:
    """The events of some logs."""
    for log, number in chunks(logs):
        for record in log.read_chunk(number).records:
            yield PinSource(record.event, log.path.name, {"pasted": True})


if __name__ == "__main__":
    main()
