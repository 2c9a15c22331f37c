"""The command line's inputs: paths -> evidence files and rules, with what could not be used and why."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sigma_engine.collection import collection_paused
from sigma_engine.rule import ParsedRule
from sigma_engine.rule_reader import parse_rules

EVIDENCE_ENDINGS = (".evtx", ".jsonl", ".json")
RULE_ENDINGS = (".yml", ".yaml")


class RuleFile(NamedTuple):
    """A rule file as it was read: its bytes, or why there are none."""

    path: str
    content: bytes
    problem: str = ""


@dataclass
class RuleFiles:
    """Rules read from files: each with the file it came from, and the files that could not be read."""

    parsed: list[tuple[str, ParsedRule]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def files_under(path: str, endings: Sequence[str]) -> Iterator[str]:
    """The file itself, or every file below a folder with one of the endings, sorted; named as `path` names it.

    Links to files are followed, links to folders below `path` are not.
    """
    if not os.path.isdir(path):
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(tuple(endings)):
                yield os.path.join(folder, name)


def evidence_paths(paths: Sequence[str]) -> list[str]:
    """All evidence files, in the order given; a path given twice counts once."""
    return list(dict.fromkeys(found for path in paths for found in files_under(path, EVIDENCE_ENDINGS)))


def rule_files(paths: Sequence[str]) -> list[RuleFile]:
    """All rule files of files and folders, read and not parsed; a path given twice counts once."""
    found = dict.fromkeys(one for given in paths for one in files_under(given, RULE_ENDINGS))
    return [_rule_file(path) for path in found]


def _rule_file(path: str) -> RuleFile:
    try:
        with open(
            path, "rb", buffering=0
        ) as file:  # 4,000 of them: a Path and a buffer take half of the time
            return RuleFile(path, file.read())
    except OSError as error:
        return RuleFile(path, b"", f"{error.strerror}.")


def parse_files(files: Iterable[RuleFile]) -> RuleFiles:
    """All rule documents of the files."""
    rules = RuleFiles()
    with collection_paused():
        for path, content, problem in files:
            if problem:
                rules.unreadable.append((path, problem))
                continue
            try:
                documents = parse_rules(content.decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                reason = f"This is not UTF-8 text: byte {error.start} is {error.reason}."
                rules.unreadable.append((path, reason))
                continue
            if not documents:
                rules.unreadable.append((path, "The file holds no YAML document."))
            rules.parsed += [(path, parsed) for parsed in documents]
    return rules


def read_rules(paths: Sequence[str]) -> RuleFiles:
    """All rule documents of files and folders."""
    return parse_files(rule_files(paths))
