"""What SigmaHQ asks of a well-kept rule, as findings of severity info; none of it changes what a rule matches.

The list follows SigmaHQ's rule conventions and pySigma's validators; the words are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches

from sigma_engine.findings import Finding, Severity
from sigma_engine.yaml_source import Node

_TAG = re.compile(r"[a-z0-9_-]+\.[a-z0-9._-]+")
NAMESPACES = ("attack", "car", "cve", "d3fend", "detection", "stp", "tlp")
TACTICS = frozenset(
    [
        "reconnaissance",
        "resource-development",
        "initial-access",
        "execution",
        "persistence",
        "privilege-escalation",
        "stealth",
        "defense-impairment",
        "defense-evasion",
        "credential-access",
        "discovery",
        "lateral-movement",
        "collection",
        "command-and-control",
        "exfiltration",
        "impact",
    ]
)
TECHNIQUE = re.compile(r"(t\d{4}(\.\d{3})?|(g|s|c|ta|ds)\d{4})")
_MAX_TITLE = 110
_VAGUE = ("none", "pentest", "penetration test", "unknow", "n/a", "no", "-")
KNOWN_KEYS = frozenset(
    [
        "title",
        "id",
        "related",
        "name",
        "taxonomy",
        "status",
        "description",
        "license",
        "author",
        "references",
        "date",
        "modified",
        "logsource",
        "detection",
        "correlation",
        "filter",
        "fields",
        "falsepositives",
        "level",
        "tags",
        "scope",
        "generate",
        "details",
        "enrichment",
        "vql",
        "vql_args",
        "ruletype",
        "sample-evtx",
        "sample-message",
        "regression_tests_path",
        "simulation",
    ]
)


def validate(node: Node) -> list[Finding]:
    """Every matter of form in a rule's map."""
    return [
        *_title(node),
        *_description(node),
        *_dates(node),
        *_tags(node),
        *_lists(node),
        *_keys(node),
    ]


def _info(code: str, message: str, node: Node, hint: str = "") -> Finding:
    return Finding(code, Severity.INFO, message, hint, node.line, node.column)


def _text(node: Node, name: str) -> Node | None:
    found = node.get(name)
    return found if found is not None and found.kind == "scalar" and found.value is not None else None


def _title(node: Node) -> Iterator[Finding]:
    title = _text(node, "title")
    if title is None:
        return
    if len(title.text) > _MAX_TITLE:
        message = f"The title has {len(title.text)} characters, more than {_MAX_TITLE}."
        yield _info("title_long", message, title, "Move what explains into the description.")
    if title.text.endswith("."):
        yield _info("title_form", "A title is no sentence: it ends without a full stop.", title)
    if title.text.lower().startswith(("detects ", "detect ")):
        yield _info("title_form", "A title names what is found; it need not begin with `Detects`.", title)


def _description(node: Node) -> Iterator[Finding]:
    description = _text(node, "description")
    if description is not None and len(description.text) < 16:
        yield _info("description_short", "The description says too little to judge a hit by.", description)


def _dates(node: Node) -> Iterator[Finding]:
    days: dict[str, date] = {}
    for name in ("date", "modified"):
        found = _text(node, name)
        if found is None:
            continue
        try:
            days[name] = date.fromisoformat(found.text.replace("/", "-"))
        except ValueError:
            yield _info("date_form", f"`{found.text}` is no date.", found, "Write such as 2026-11-24.")
            continue
        if "/" in found.text:
            yield _info("date_form", "Sigma writes dates with hyphens.", found, f"Write {days[name]}.")
    if "modified" in days and days["modified"] < days.get("date", days["modified"]):
        yield _info("date_order", "The rule was modified before it was written.", node.value["modified"])
    if "modified" in days and "date" not in days:
        yield _info("date_missing", "The rule has `modified` and no `date`.", node.value["modified"])


def _tags(node: Node) -> Iterator[Finding]:
    tags = node.get("tags")
    seen: set[str] = set()
    for tag in tags.value if tags is not None and tags.kind == "list" else ():
        if tag.kind != "scalar":
            continue
        if tag.text in seen:
            yield _info("tag_twice", f"The tag `{tag.text}` stands here twice.", tag)
        seen.add(tag.text)
        yield from _tag(tag)


def _tag(tag: Node) -> Iterator[Finding]:
    if not _TAG.fullmatch(tag.text):
        yield _info("tag_namespace", f"The tag `{tag.text}` has no namespace such as `attack.`.", tag)
        return
    namespace, _, name = tag.text.partition(".")
    if namespace not in NAMESPACES:
        message = f"`{namespace}` is not a namespace that Sigma knows."
        yield _info("tag_namespace", message, tag, f"Sigma has: {', '.join(NAMESPACES)}.")
    if namespace == "attack" and name not in TACTICS and not TECHNIQUE.fullmatch(name):
        message = f"`{name}` is no ATT&CK tactic or technique."
        yield _info("tag_attack", message, tag, "Write such as `attack.t1059.001`.")


def _lists(node: Node) -> Iterator[Finding]:
    for name in ("references", "falsepositives", "fields", "tags"):
        found = node.get(name)
        if found is not None and found.kind == "scalar" and found.value is not None:
            yield _info("list_form", f"`{name}` is a list.", found, "Put a `-` before each entry.")
    falsepositives = node.get("falsepositives")
    for item in falsepositives.value if falsepositives is not None and falsepositives.kind == "list" else ():
        if item.kind == "scalar" and item.text.lower().rstrip(".") in _VAGUE:
            yield _info("falsepositive_vague", f"`{item.text}` helps nobody to judge a hit.", item)
    references = node.get("references")
    seen: set[str] = set()
    for item in references.value if references is not None and references.kind == "list" else ():
        if item.kind == "scalar" and item.text in seen:
            yield _info("reference_twice", "This reference stands here twice.", item)
        seen.add(item.text)


def _keys(node: Node) -> Iterator[Finding]:
    for name, key in node.keys.items():
        if name not in KNOWN_KEYS:
            close = get_close_matches(name, KNOWN_KEYS, 1, 0.8)
            if close and close[0] not in node.value:
                yield _info(
                    "key_unknown", f"`{name}` is no key of a rule.", key, f"Did you mean `{close[0]}`?"
                )
