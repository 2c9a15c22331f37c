"""Rules + model -> a compiled set: which rules run on which log sources, which do not and why; and its cache.

A compiled set is what every worker of a scan loads: parsed rules (so that no worker parses 4,000 YAML texts) and the
model. Buckets are built from it by the scanner, for the kinds of events that really come.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sigma_engine.atoms import AtomTable
from sigma_engine.collection import collection_paused
from sigma_engine.correlation_plan import Correlations, plan_correlations
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


def set_digest(rules: Sequence[AnyRule], model: Model, quiet: Collection[int] = ()) -> str:
    """Names what a compiled set is made of: engine version, model, and rules in their order (SHA-256, hex)."""
    digest = hashlib.sha256(f"{ENGINE_VERSION}\n{_code_digest()}\n{model.digest}\n".encode())
    for rule in rules:
        digest.update(rule.digest.encode())
    digest.update(repr(sorted(quiet)).encode())
    return digest.hexdigest()


@cache
def _code_digest() -> str:
    """Names the engine's own code: a set that other code has pickled is not loaded, whatever its version says."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def load_or_compile(rules: Sequence[AnyRule], model: Model, quiet: Collection[int] = ()) -> CompiledSet:
    """The compiled set from the cache, else compiled and put there. A cache that cannot be written is no fault."""
    digest = set_digest(rules, model, quiet)
    return load_compiled(digest) or store_compiled(compile_rules(rules, model, quiet))


def cache_folder() -> Path:
    """Where compiled sets are kept: `SIGMAWEB_CACHE`, else `sigmaweb` in the user's cache folder."""
    chosen = os.environ.get("SIGMAWEB_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sigmaweb"


def load_compiled(digest: str) -> CompiledSet | None:
    """The compiled set of that digest from the cache, or None. Reads only files that this user alone may write."""
    path = cache_folder() / f"{digest}.set"
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            # A pickle is code: one that others could have written is not read.
            if status.st_uid != os.getuid() or status.st_mode & 0o022:
                return None
            with collection_paused():
                loaded = pickle.load(stream)  # noqa: S301 - see above
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError):
        return None
    return loaded if isinstance(loaded, CompiledSet) and loaded.digest == digest else None


def store_compiled(compiled: CompiledSet) -> CompiledSet:
    """Puts a compiled set into the cache, whole or not at all, and gives it back."""
    with contextlib.suppress(OSError):
        folder = cache_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as stream:
                pickle.dump(compiled, stream, protocol=pickle.HIGHEST_PROTOCOL)
            Path(name).replace(folder / f"{compiled.digest}.set")
        except OSError:
            Path(name).unlink()
            raise
    return compiled
