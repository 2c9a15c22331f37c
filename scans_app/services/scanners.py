"""The scanner of a scan, kept between the units that a process works on.

Loading a compiled set takes a second and its caches of values and verdicts are what makes it fast, so a
process keeps the scanners of the last scans it was on. The rules are always the frozen versions.
"""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

import sigma_engine
from rules_app.models import RuleVersion
from rules_app.selection import load_event_model, load_rule
from scans_app.models import Scan
from scans_app.services.event_rows import FrozenRule, clean_text
from scans_app.services.placeholders import frozen_lists
from scans_app.services.wanted_chunks import KeysByFile

SCANNERS_KEPT = 2
GROWTH = 32 * 1024**2  # what is freed rarely returns to the system: drop again only after growing this much

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedScan:
    """What matching a scan's chunks needs. `rules` are in the order of the compiled set, `keys` say which chunks it
    wants; `questions` are those of a debug scan."""

    scanner: sigma_engine.Scanner
    compiled: sigma_engine.CompiledSet
    rules: list[FrozenRule]
    keys: KeysByFile
    questions: sigma_engine.Questions | None = None


_kept: OrderedDict[int, LoadedScan] = OrderedDict()
_sets: OrderedDict[str, sigma_engine.CompiledSet] = OrderedDict()  # by digest


def load_scan(scan: Scan) -> LoadedScan:
    """The scanner and rules of a prepared scan, from this process, the engine's cache, or compiled anew."""
    if scan.pk in _kept:
        _kept.move_to_end(scan.pk)
        return _kept[scan.pk]
    while len(_kept) >= SCANNERS_KEPT:
        _kept.popitem(last=False)
    loaded = _kept[scan.pk] = _load(scan)
    return loaded


def forget_scans() -> None:
    """Let go of all scanners and sets of this process."""
    _kept.clear()
    _sets.clear()


@dataclass(frozen=True, slots=True)
class UnreadRule:
    """Stands for a rule whose text nobody has parsed: without placeholders, a rule's digest is that of its text."""

    digest: str


def known_set(scan: Scan, versions: Sequence[RuleVersion]) -> sigma_engine.CompiledSet | None:
    """The compiled set of the scan's rules, in their order, if this process or the engine's cache knows it by their
    texts; None where it does not, where lists of placeholders go into the rules, and for a broken model."""
    if scan.manifest.get("placeholders"):
        return None
    try:
        model = load_event_model(scan.model_version)
    except ValueError:
        return None
    quiet = range(len(scan.manifest["rules"]["versions"]), len(versions))
    digest = sigma_engine.set_digest([UnreadRule(version.sha256) for version in versions], model, quiet)
    compiled = _sets.get(digest) or sigma_engine.load_compiled(digest)
    return _keep_set(compiled) if compiled is not None else None


def load_set(scan: Scan, digest: str, versions: Iterable[RuleVersion]) -> sigma_engine.CompiledSet:
    """The compiled set of the scan's rules, in their order: from this process, the engine's cache, or compiled anew."""
    compiled = _sets.get(digest) or sigma_engine.load_compiled(digest)
    if compiled is None:
        logger.info("compiling the rules of scan %d again: they are not in the cache", scan.pk)
        rules = [load_rule(version, frozen_lists(scan, version)) for version in versions]
        quiet = range(len(scan.manifest["rules"]["versions"]), len(rules))
        compiled = sigma_engine.load_or_compile(rules, load_event_model(scan.model_version), quiet)
    return _keep_set(compiled)


def _keep_set(compiled: sigma_engine.CompiledSet) -> sigma_engine.CompiledSet:
    _sets.pop(compiled.digest, None)
    while len(_sets) >= SCANNERS_KEPT:
        _sets.popitem(last=False)
    _sets[compiled.digest] = compiled
    return compiled


def _load(scan: Scan) -> LoadedScan:
    rows = scan.rules.select_related("rule_version__rule")
    compiled = load_set(scan, scan.manifest["compiled"], (row.rule_version for row in rows.iterator()))
    keys = list(rows.values_list("rule_version__rule", "rule_version"))
    frozen = [
        FrozenRule(rule_pk, version_pk, clean_text(rule.title), sigma_engine.level_rank(rule.level))
        for (rule_pk, version_pk), rule in zip(keys, compiled.rules, strict=True)
    ]
    questions = sigma_engine.Questions(compiled) if scan.debug else None
    scanner = sigma_engine.Scanner(compiled, questions)
    return LoadedScan(scanner, compiled, frozen, KeysByFile(compiled), questions)


class MemoryGuard:
    """Watches what this process holds in memory, and lets caches go before it is too much."""

    def __init__(self) -> None:
        self._end_over: int = settings.WORKER_MEMORY * 1024**2
        self._drop_from = self._end_over * 3 // 4
        self._drop_over = self._drop_from

    def look(self) -> bool:
        """Drop the caches of all scanners if it is time. False when the process should end soon."""
        resident = resident_bytes()
        if resident > self._drop_over:
            for loaded in _kept.values():
                loaded.scanner.drop_caches()
            resident = resident_bytes()
            self._drop_over = max(self._drop_from, resident + GROWTH)
            logger.info("dropped the caches of %d scanners at %d MiB", len(_kept), resident // 2**20)
        return resident <= self._end_over


def resident_bytes() -> int:
    """The memory that this process holds in RAM (Linux; 0 where the system doesn't say)."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
