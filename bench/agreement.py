"""Whether the scanner says the same as the plain evaluator of every rule and every event beside the project.

    python -m bench agreement                       # all: an hour of two cores; plain `make bench` leaves it out
    python -m bench agreement --seconds 300         # as much of all as five minutes of the clock are enough for
    python -m bench agreement --sample 10           # every tenth event
    python -m bench agreement --evidence FOLDER --rules FOLDER

All rules that load (SigmaHQ's folders, Hayabusa's, Velociraptor's cases) are one set, since that is where a matcher
that decides rules together could take one for another. It is asked under each model that the engine ships or that
imports from Velociraptor, of all evidence that opens. The scanner is asked twice: for the chunk, as scans do, and for
the event alone, which has no text that keywords could be ruled out by.

The other side shares no shortcut with it: each log source is asked for itself whether it serves the rule and whether
it takes the event, and the rules of those that do are walked whole, as *Why* does. A rule of another log source must
not hit: that is a difference too. Each difference is printed; with one the benchmark ends with code 1.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bench.dense_logs import SHARED
from bench.inputs import arguments, print_load
from sigma_engine import (
    AnyRule,
    CompiledSet,
    EvidenceError,
    LambdaError,
    Model,
    ModelError,
    Record,
    Rule,
    Scanner,
    Source,
    compile_rules,
    event_key,
    load_model,
    open_evidence,
    parse_rules,
    shipped_models,
)
from sigma_engine.explain_tree import condition_trees
from sigma_engine.seen_event import SeenEvent

JOBS = 2
MOST_PRINTED = 200  # differences


class Task(NamedTuple):
    """A chunk of a file, and the folder that its counts are under."""

    folder: str
    path: Path
    chunk: int


class Difference(NamedTuple):
    """A rule and an event of which the scanner (for a chunk, for the event alone) and the plain evaluator differ."""

    rule: str
    place: str
    in_chunk: bool
    alone: bool
    plain: bool


@dataclass(slots=True)
class Compared:
    """What chunks gave, counted by (rule folder, evidence folder): `pairs` of a rule and an event of its log source,
    and those of them that hit. `strangers` are pairs of an event and a rule of another log source."""

    events: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)
    strangers: int = 0
    differences: list[Difference] = field(default_factory=list)

    def add(self, other: Compared) -> None:
        """Take in what another gave."""
        self.events += other.events
        self.pairs += other.pairs
        self.hits += other.hits
        self.strangers += other.strangers
        self.differences += other.differences


class Comparison:
    """Both evaluators with one set of rules, whose folders are named by index."""

    def __init__(self, compiled: CompiledSet, folders: list[str], sample: int) -> None:
        self._rules, self._model = compiled.rules, compiled.model
        self._folders = folders
        self._sample = sample
        self._scanner = Scanner(compiled)
        self._sources = sorted(self._model.sources, key=lambda source: source.specificity, reverse=True)
        self._rules_of = {
            source: [
                i
                for i, rule in enumerate(self._rules)
                if isinstance(rule, Rule) and source.serves(rule.logsource)
            ]
            for source in self._sources
        }
        self._detection_rules = sum(isinstance(rule, Rule) for rule in self._rules)

    def of_chunk(self, task: Task) -> Compared:
        """The chunk's events by both."""
        found = self._scanner.scan_chunk(open_evidence(task.path), task.chunk, task.path.name)
        in_chunk: dict[int, set[int]] = {}
        for one in (*found.hits, *found.members):  # members: of rules that only serve correlations
            in_chunk.setdefault(one.position, set()).add(one.rule_index)
        compared = Compared()
        for record in found.read.records:
            # Another tenth of each chunk, or a file's first event would always be the one that is asked.
            if (record.position + task.chunk + len(task.path.name)) % self._sample == 0:
                self._compare(task, record, in_chunk.get(record.position, set()), compared)
        return compared

    def _compare(self, task: Task, record: Record, in_chunk: set[int], compared: Compared) -> None:
        alone = set(self._scanner.match(record.event, task.path.name))
        accepted = self._accepted(record.event, task.path.name)
        tried = sorted({index for source in accepted for index in self._rules_of[source]})
        plain = set(self._plain(tried, record.event, accepted))
        compared.events[task.folder] += 1
        compared.strangers += self._detection_rules - len(tried)
        for index in tried:
            compared.pairs[self._folders[index], task.folder] += 1
        for index in plain:
            compared.hits[self._folders[index], task.folder] += 1
        for index in sorted((in_chunk | alone | plain) - (in_chunk & alone & plain)):
            rule = self._rules[index]
            place = f"{task.path} chunk {record.chunk} position {record.position}"
            compared.differences.append(
                Difference(
                    f"{self._folders[index]}: {rule.title} ({rule.id})",
                    place if index in tried else f"{place}, of no log source of the rule",
                    index in in_chunk,
                    index in alone,
                    index in plain,
                )
            )

    def _accepted(self, event: dict[str, Any], file_name: str) -> tuple[Source, ...]:
        key = event_key(event)
        return tuple(one for one in self._sources if one.accepts(key, file_name) and one.wants(event))

    def _plain(
        self, tried: Iterable[int], event: dict[str, Any], accepted: tuple[Source, ...]
    ) -> Iterator[int]:
        shared = SeenEvent(event, self._model, accepted)
        for index in tried:
            rule = self._rules[index]
            assert isinstance(rule, Rule)
            try:
                seen = shared.again(rule.seen(event)) if rule.vql is not None else shared
            except LambdaError:  # of the rule's `vql`: the rule sees no event
                continue
            if any(tree.truth for tree in condition_trees(rule, seen)):
                yield index


def main() -> None:
    """Print a table for each model, and every difference."""
    given = arguments()
    print_load()
    rules = list(all_rules(given.rules or SHARED))
    tasks = list(all_tasks(given.evidence or SHARED))
    random.Random(0).shuffle(tasks)  # a run that is cut short has seen something of everything
    print(
        f"{len(rules):,} rules of {len({folder for folder, _ in rules})} folders, {len(tasks):,} chunks of evidence"
    )
    models = all_models(SHARED / "velosigmac")
    end = time.monotonic() + (given.seconds or float("inf"))
    total = Compared()
    for number, model in enumerate(models):
        left = (end - time.monotonic()) / (len(models) - number)
        total.add(report(model, rules, tasks, given, left))
    print(
        f"\n{total.events.total():,} events under a model, {total.pairs.total():,} evaluations, "
        f"{total.strangers:,} pairs that are of no log source, {total.hits.total():,} hits, "
        f"{len(total.differences):,} differences"
    )
    if total.differences:
        sys.exit(1)


def all_rules(folder: Path) -> Iterator[tuple[str, AnyRule]]:
    """(folder, rule) of all that loads: rule files, and the rules within Velociraptor's cases."""
    for path in sorted(folder.rglob("*.yml")):
        yield from ((name_of(path, folder), one) for one in loaded(path.read_text(encoding="utf-8")))
    for path in sorted(folder.rglob("sigma_cases.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield from ((name_of(path, folder), one) for one in loaded(case["rule"]))


def loaded(text: str) -> list[AnyRule]:
    """The rules of a text that are not broken."""
    return [one.rule for one in parse_rules(text) if one.rule is not None and not one.broken]


def all_tasks(folder: Path) -> Iterator[Task]:
    """The chunks of every file that opens as evidence."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix in (".yml", ".yaml", ".md", ".txt", ".csv", ".golden"):
            continue
        try:
            evidence = open_evidence(path)
        except EvidenceError:
            continue
        name = f"{name_of(path, folder)} {path.suffix}"
        yield from (Task(name, path, chunk) for chunk in range(evidence.chunk_count))


def name_of(path: Path, folder: Path) -> str:
    """The first two folders below a folder that a file is in; the folder's own name where it is in none."""
    parts = path.relative_to(folder).parts[:-1]
    return "/".join(parts[: 1 if parts[:1] == ("evtx-attack-samples",) else 2]) or folder.name


def all_models(folder: Path) -> list[Model]:
    """The shipped models, and Velociraptor's of a folder: of those that differ in their words alone, the first."""
    models = [load_model(name) for name in shipped_models()]
    for path in sorted(folder.glob("*.yaml")):
        try:
            models.append(load_model(str(path)))
        except ModelError:
            continue
    unique: dict[tuple[Any, ...], Model] = {}
    for model in models:
        if model.sources:
            unique.setdefault(meaning(model), model)
    return list(unique.values())


def meaning(model: Model) -> tuple[Any, ...]:
    """What events a model takes for which rules, and where it finds which fields."""
    fields = tuple(sorted((name, one.text) for name, one in model.fields.items()))
    return fields, *(
        (
            source.name,
            source.channels,
            source.event_ids,
            source.providers,
            source.files,
            source.where.text if source.where else "",
            tuple(sorted((name, one.text) for name, one in source.fields.items())),
        )
        for source in model.sources
    )


_comparison: Comparison  # of each process


def begin(compiled: CompiledSet, folders: list[str], sample: int) -> None:
    """Make a process ready."""
    global _comparison
    _comparison = Comparison(compiled, folders, sample)


def compare(task: Task) -> Compared:
    """A chunk, in a process that is ready."""
    return _comparison.of_chunk(task)


def report(
    model: Model,
    rules: list[tuple[str, AnyRule]],
    tasks: list[Task],
    given: argparse.Namespace,
    seconds: float,
) -> Compared:
    """Compare all chunks under a model, or as many as the seconds are enough for; print the table."""
    compiled = compile_rules([rule for _, rule in rules], model)
    began, total, done = time.monotonic(), Compared(), 0
    options = (compiled, [folder for folder, _ in rules], given.sample)
    with multiprocessing.get_context("fork").Pool(JOBS, begin, options) as pool:
        for compared in pool.imap_unordered(compare, tasks):
            done += 1
            total.add(compared)
            if time.monotonic() - began > seconds:
                break
    took = time.monotonic() - began
    print(
        f"\n{model.name}: {len(compiled.served):,} rules served, {done:,} of {len(tasks):,} chunks, {took:.0f} s"
    )
    for rule_folder, folder in sorted(total.pairs):
        pairs, hits = total.pairs[rule_folder, folder], total.hits[rule_folder, folder]
        print(
            f"  {rule_folder:<32} {folder:<32} {total.events[folder]:>7,} events {pairs:>11,} pairs {hits:>8,} hits"
        )
    for one in total.differences[:MOST_PRINTED]:
        print(f"  DIFFERENT {one}")
    if len(total.differences) > MOST_PRINTED:
        print(f"  .. and {len(total.differences) - MOST_PRINTED:,} more differences")
    return total


if __name__ == "__main__":
    main()
