"""Rules + model -> a compiled set: which rules run on which log sources, which do not and why; and its cache.

A compiled set is what every worker of a scan loads: parsed rules (so that no worker parses 4,000 YAML texts) and the
model. Buckets are built from it by the scanner, for the kinds of events that really come.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from sigma_engine import disk_cache
from sigma_engine.atoms import AtomTable
from sigma_engine.correlation_plan import Correlations, plan_correlations
from sigma_engine.disk_cache import code_digest
from sigma_engine.findings import Finding, Scope, Severity
from sigma_engine.global_filter import filtered
from sigma_engine.model import Model
from sigma_engine.rule import AnyRule, Filter, Rule

ENGINE_VERSION = "0.1.0"


@dataclass(frozen=True)
class LeftOut:
    """A rule of the set that does not run, by its index, and the findings that say why."""

    index: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class CompiledSet:
    """Rules ready to scan with; a rule's index is its place in `rules`.

    `rules` are as given but for the conditions that global filters added. `served` maps the index of a rule
    that runs to the names of its log sources; a filter is neither served nor left out. What correlations need
    is in `correlations`.
    """

    rules: tuple[AnyRule, ...]
    model: Model
    served: dict[int, tuple[str, ...]]
    left_out: tuple[LeftOut, ...]
    correlations: Correlations
    digest: str

    @cached_property
    def atoms(self) -> AtomTable:
        """The detection rules as truths over atoms: made when first asked for or when the set is pickled."""
        return AtomTable(self.detection_rules())

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"atoms": self.atoms}

    def detection_rules(self) -> Iterator[tuple[int, Rule]]:
        """The rules that are matched against single events, by index."""
        for index in self.served:
            rule = self.rules[index]
            if isinstance(rule, Rule):
                yield index, rule


def not_served(rule: Rule, model: Model) -> Finding:
    """The finding of a rule for whose log source the model has no events."""
    return Finding(
        "logsource_not_served",
        Severity.ERROR,
        f"The model `{model.name}` has no log source for `{rule.logsource}`.",
        "Choose another model, or add the log source to this one.",
        rule.logsource.line,
        rule.logsource.column,
        Scope.MODEL,
    )


def compile_rules(rules: Sequence[AnyRule], model: Model, quiet: Collection[int] = ()) -> CompiledSet:
    """The compiled set of `rules` under `model`. `quiet` rules only serve correlations and give no hits."""
    filters = [rule for rule in rules if isinstance(rule, Filter)]
    ready = tuple(filtered(rule, filters) if isinstance(rule, Rule) else rule for rule in rules)
    served: dict[int, tuple[str, ...]] = {}
    left_out: list[LeftOut] = []
    for index, rule in enumerate(ready):
        if not isinstance(rule, Rule):
            continue
        sources = model.sources_for(rule.logsource)
        if sources:
            served[index] = tuple(dict.fromkeys(source.name for source in sources))
        else:
            left_out.append(LeftOut(index, (not_served(rule, model),)))
    plan = plan_correlations(ready, served, quiet)
    for plan_index, finding in plan.left_out:
        left_out.append(LeftOut(plan_index, (finding,)))
    return CompiledSet(
        ready,
        model,
        served | plan.served,
        tuple(left_out),
        plan.correlations,
        set_digest(rules, model, quiet),
    )


class HasDigest(Protocol):
    """A rule, or what stands for one that is not parsed yet."""

    @property
    def digest(self) -> str:
        """As `Rule.digest`."""


def set_digest(rules: Iterable[HasDigest], model: Model, quiet: Collection[int] = ()) -> str:
    """Names what a compiled set is made of: engine version, model, and rules in their order (SHA-256, hex)."""
    digest = hashlib.sha256(f"{ENGINE_VERSION}\n{code_digest().hex()}\n{model.digest}\n".encode())
    for rule in rules:
        digest.update(rule.digest.encode())
    digest.update(repr(sorted(quiet)).encode())
    return digest.hexdigest()


def load_or_compile(rules: Sequence[AnyRule], model: Model, quiet: Collection[int] = ()) -> CompiledSet:
    """The compiled set from the cache, else compiled and put there."""
    digest = set_digest(rules, model, quiet)
    return load_compiled(digest) or store_compiled(compile_rules(rules, model, quiet))


def load_compiled(digest: str) -> CompiledSet | None:
    """The compiled set of that digest from the cache, or None."""
    loaded = disk_cache.load(digest, CompiledSet)
    return loaded if loaded is not None and loaded.digest == digest else None


def store_compiled(compiled: CompiledSet) -> CompiledSet:
    """Puts a compiled set into the cache, and gives it back."""
    disk_cache.store(compiled.digest, compiled)
    return compiled
