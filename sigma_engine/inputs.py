"""The command line's inputs: paths -> evidence files and rules, with what could not be used and why."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sigma_engine.rule import ParsedRule
from sigma_engine.rule_reader import parse_rules

EVIDENCE_ENDINGS = (".evtx", ".jsonl", ".json")
RULE_ENDINGS = (".yml", ".yaml")


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


def read_rules(paths: Sequence[str]) -> RuleFiles:
    """All rule documents of files and folders."""
    rules = RuleFiles()
    for path in dict.fromkeys(found for given in paths for found in files_under(given, RULE_ENDINGS)):
        try:
            text = Path(path).read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            rules.unreadable.append((path, f"This is not UTF-8 text: byte {error.start} is {error.reason}."))
            continue
        except OSError as error:
            rules.unreadable.append((path, f"{error.strerror}."))
            continue
        documents = parse_rules(text)
        if not documents:
            rules.unreadable.append((path, "The file holds no YAML document."))
        rules.parsed += [(path, parsed) for parsed in documents]
    return rules
