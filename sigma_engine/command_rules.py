"""The rules of a `scan` of the command line: read, chosen and compiled, or all of that from the cache on disk.

The cache asks what files hold before any is parsed. It keeps what there was to tell of them too, so that a scan says
the same whether its rules were known or not.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from sigma_engine import disk_cache
from sigma_engine.compiler import CompiledSet, compile_rules
from sigma_engine.correlation_plan import needed_rules
from sigma_engine.findings import Severity
from sigma_engine.funnel_document import NeverTried
from sigma_engine.inputs import RuleFile, RuleFiles, parse_files, rule_files
from sigma_engine.model import load_model
from sigma_engine.rule import AnyRule
from sigma_engine.selection import select_rules
from sigma_engine.tuning import apply_tuning, parse_tuning

_TUNING = ("level_tuning", "noisy_rules", "exclude_rules")


@dataclass
class Complaints:
    """What could not be used, told on stderr as it comes; `told` decides about `--strict`."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, what: str, reason: str) -> None:
        """One line: what it was, and why it could not be used."""
        self.told.append((what, reason))
        print(f"{what}: {reason}", file=sys.stderr)


@dataclass(frozen=True)
class ChosenRules:
    """The compiled set of a scan, the rules that are broken or that the choice leaves out, and what was told."""

    compiled: CompiledSet
    never: list[NeverTried]
    told: list[tuple[str, str]]


def choose_rules(options: argparse.Namespace, complaints: Complaints) -> ChosenRules:
    """The rules that the options name, under the model that they name; those that they need stay silent.

    Raises ModelError for a model and SelectionError for a choice that cannot be understood, OSError and ValueError for
    tuning lists that cannot be read.
    """
    # A model that ships with the engine is known by its name, as the engine's code is.
    model = load_model(options.model) if Path(options.model).exists() else None
    files = rule_files(options.rules)
    lists = _tuning_lists(options)
    name = _digest(files, lists, options, model.digest if model is not None else "")
    known = disk_cache.load(name, ChosenRules)
    if known is not None:
        for what, reason in known.told:
            complaints.tell(what, reason)
        return known
    model = model or load_model(options.model)
    parsed = parse_files(files)
    rules, never = _usable(parsed, complaints), _broken(parsed)
    if options.tuning:
        rules = _tuned(rules, lists, options.tuning, complaints)
    chosen = select_rules(
        rules,
        levels=options.level,
        statuses=options.status,
        tags=options.tag,
        title=options.title,
        rule_filter=options.rule_filter,
    )
    needed = needed_rules(rules, chosen)
    taken = {*chosen, *needed}
    never += [
        NeverTried(rule.id, rule.title, rule.level, "not_selected", _why_not_selected(rule, options))
        for index, rule in enumerate(rules)
        if index not in taken
    ]
    quiet = range(len(chosen), len(chosen) + len(needed))
    compiled = compile_rules([rules[index] for index in (*chosen, *needed)], model, quiet)
    made = ChosenRules(compiled, never, list(complaints.told))
    disk_cache.store(name, made)
    return made


def _digest(files: list[RuleFile], lists: list[str], options: argparse.Namespace, model: str) -> str:
    """Names all that the choice is made of: the engine, the model, files with their names, lists and options."""
    digest = hashlib.sha256(disk_cache.code_digest())
    digest.update(repr((options.model, model, lists, options.tuning)).encode())
    choice = (options.level, options.status, options.tag, options.title, options.rule_filter)
    digest.update(repr(choice).encode())
    for path, content, problem in files:
        digest.update(repr((path, len(content), problem)).encode())
        digest.update(content)
    return digest.hexdigest()


def _usable(files: RuleFiles, complaints: Complaints) -> list[AnyRule]:
    """The rules that can be evaluated; tells of every file and rule that cannot be used as it is."""
    for path, reason in files.unreadable:
        complaints.tell(path, reason)
    for path, parsed in files.parsed:
        for finding in parsed.findings:
            if finding.severity is Severity.ERROR:
                place = f"{path}:{finding.line + parsed.line_offset}"
                complaints.tell(place, f"{finding.message} [{finding.code}]")
    return [parsed.rule for _, parsed in files.parsed if parsed.rule is not None]


def _broken(files: RuleFiles) -> list[NeverTried]:
    never = []
    for _, parsed in files.parsed:
        errors = [finding for finding in parsed.findings if finding.severity is Severity.ERROR]
        if parsed.rule is None and errors:
            line, message = errors[0].line + parsed.line_offset, errors[0].message
            level = str(parsed.meta.get("level", ""))
            never.append(NeverTried(parsed.rule_id, parsed.title, level, "broken", f"line {line}: {message}"))
    return never


def _why_not_selected(rule: AnyRule, options: argparse.Namespace) -> str:
    """Which of the options left a rule out."""
    for name, given, wanted in (
        ("level", options.level, rule.level),
        ("status", options.status, rule.status),
    ):
        if given and wanted not in given:
            return f"Its {name} is {wanted or 'not given'}; the scan took {', '.join(given)}."
    return "The tags, title or filter of the scan leave it out."


def _tuning_lists(options: argparse.Namespace) -> list[str]:
    """The texts of Hayabusa's lists in the folder that the options name; "" for one that is not there."""
    if not options.tuning:
        return []
    paths = [Path(options.tuning) / f"{name}.txt" for name in _TUNING]
    return [path.read_text("utf-8") if path.exists() else "" for path in paths]


def _tuned(rules: list[AnyRule], lists: list[str], folder: str, complaints: Complaints) -> list[AnyRule]:
    """The rules that the lists leave, with the levels that they ask for."""
    tuning, findings = parse_tuning(*lists)
    for finding in findings:
        complaints.tell(folder, finding.message)
    tuned = [one for one in apply_tuning(rules, tuning) if not one.left_out_by]
    return [cast(AnyRule, replace(one.rule, level=one.level)) for one in tuned]
