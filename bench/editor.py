"""The editor while one types: server time of findings and of dots over 200 edits, through all of a request.

Findings on the rule of median length and on the one with the most values, dots over 42 pinned events on the former.
Each edit is a text that nobody has seen before; each request is answered by the views, with database and templates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median, quantiles

from django.test import Client

from bench.dense_logs import PROJECT
from bench.house import House
from bench.inputs import Stopwatch, arguments, load_rules, print_load, rules_folder
from rules_app.services.pins import PinSource, pin_events
from sigma_engine import Rule, open_evidence

EDITS = 200
PINS = 42
TARGETS = {"findings, median": 100, "findings, most values": 400, "dots, median": 150}  # ms, p95


def main() -> None:
    """Print the table; a target that is missed is marked."""
    given = arguments()
    print_load()
    middle, most = chosen_rules(rules_folder(given))
    house = House()
    pin_events(house.user, None, list(islice(pin_sources(), PINS)))
    client = Client(headers={"host": "localhost"})
    client.force_login(house.user)

    def ask(address: str) -> Callable[[str], int]:
        return lambda text: client.post(address, {"text": text, "rule_set": house.name}).status_code

    rows = {
        "findings, median": (middle, ask("/rules/check/")),
        "findings, most values": (most, ask("/rules/check/")),
        "dots, median": (middle, ask("/rules/dots/")),
    }
    print(f"\n{'':24}{'p50, ms':>9}{'p95, ms':>9}{'target':>9}{'p95, cpu':>10}   rule")
    for name, (rule, post) in rows.items():
        spent = [of_request(post, text) for text in edits(rule.text)]
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


def edits(text: str) -> Iterator[str]:
    """The text as it is after each of `EDITS` keys, typed into its title."""
    head, title, rest = text.partition("title: ")
    for number in range(1, EDITS + 1):
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
    path: Path = PROJECT / "starter" / "evidence" / "WS07-Sysmon.evtx"
    log = open_evidence(path)
    for number in range(log.chunk_count):
        for record in log.read_chunk(number).records:
            yield PinSource(record.event, path.name, {"pasted": True})


if __name__ == "__main__":
    main()
