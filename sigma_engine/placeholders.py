"""Lists that each site defines for itself: `%name%` in a rule stands for their values (`expand`).

They are written as a YAML map, and are as much a part of what a rule means as its text:

    admins: [adm_*, root]
    workstations:
      - PC1
      - PC2
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import yaml

from sigma_engine.findings import Finding, Severity
from sigma_engine.yaml_source import Node, load_document, split_documents

Placeholders = Mapping[str, Sequence[str]]
PlaceholderValues = tuple[tuple[str, tuple[str, ...]], ...]  # (name, values), sorted by name

MAX_NAMES = 100
MAX_VALUES = 10_000  # of all names together
MAX_BYTES = 64 * 1024  # as `write_placeholders` writes them
MAX_NAME = 100  # characters


class AskedPlaceholders(Mapping[str, Sequence[str]]):
    """Placeholders that remember which of them a rule asked for, whether they are there or not.

    Getting one is asking for it; `in` is not.
    """

    def __init__(self, placeholders: Placeholders) -> None:
        self._placeholders = placeholders
        self._asked: set[str] = set()

    def __getitem__(self, name: str) -> Sequence[str]:
        self._asked.add(name)
        return self._placeholders[name]

    def __contains__(self, name: object) -> bool:
        return name in self._placeholders

    def __iter__(self) -> Iterator[str]:
        return iter(self._placeholders)

    def __len__(self) -> int:
        return len(self._placeholders)

    @property
    def names(self) -> tuple[str, ...]:
        """What was asked for, sorted."""
        return tuple(sorted(self._asked))

    def values_asked(self) -> PlaceholderValues:
        """The values of what was asked for and is there."""
        return tuple((name, tuple(self._placeholders[name])) for name in self.names if name in self)


def parse_placeholders(text: str) -> tuple[dict[str, list[str]], list[Finding]]:
    """The lists of a text, and everything that is wrong with it. Never raises for bad text.

    A value alone is a list of one. Values are texts as they are written: `007` and `yes` stay so. With an error
    among the findings the lists are what could be read, and not to be used.
    """
    documents = split_documents(text)
    if not documents:
        return {}, []
    if len(documents) > 1:
        message, hint = "A second YAML document begins here.", "Keep all names in one."
        return {}, [Finding("several_documents", Severity.ERROR, message, hint, documents[1][0] + 1)]
    root, findings = load_document(text)
    if root is None:
        return {}, findings
    if root.kind != "map":
        hint = "Write such as `admins: [adm_*, root]`."
        return {}, [*findings, _error("placeholders_type", "This is no map of names to values.", root, hint)]
    lists = {name: list(_values(name, node, findings)) for name, node in root.value.items()}
    for key in root.keys.values():
        _check_name(key, findings)
    if not findings:
        findings += _too_much(lists, root)
    return lists, findings


def write_placeholders(lists: Placeholders) -> str:
    """Lists as the text that `parse_placeholders` reads, names sorted, a value a line; "" for none."""
    if not lists:
        return ""
    plain = {name: list(values) for name, values in lists.items()}
    written: str = yaml.dump(
        plain, Dumper=yaml.CSafeDumper, sort_keys=True, allow_unicode=True, width=MAX_BYTES
    )
    return written


def _check_name(key: Node, findings: list[Finding]) -> None:
    name = key.text
    if not name or len(name) > MAX_NAME or "%" in name or any(map(str.isspace, name)):
        message = f"`{name[:MAX_NAME]}` cannot be the name of a placeholder."
        hint = f"A name has 1 to {MAX_NAME} characters, no spaces and no `%`: a rule's `%admins%` is `admins` here."
        findings.append(_error("placeholder_name", message, key, hint))
    elif not _can_be_stored(name):
        findings.append(_error("placeholder_name", "The name holds a character that is no text.", key))


def _values(name: str, node: Node, findings: list[Finding]) -> Iterator[str]:
    nodes = node.value if node.kind == "list" else [node]
    if not nodes:
        findings.append(
            _error("placeholder_empty", f"`{name}` has no values.", node, "Add one, or leave it out.")
        )
    for one in nodes:
        if one.kind != "scalar":
            hint = "Put a `-` before each value."
            findings.append(_error("placeholder_value", f"A value of `{name}` is no single text.", one, hint))
        elif one.value is None or one.text == "":
            findings.append(
                _error("placeholder_empty", f"A value of `{name}` is empty.", one, "Write or remove it.")
            )
        elif not _can_be_stored(one.text):
            message = f"A value of `{name}` holds a character that is no text."
            findings.append(
                _error("placeholder_value", message, one, "Remove NUL and halves of surrogate pairs.")
            )
        else:
            yield one.text


def _can_be_stored(text: str) -> bool:
    """Whether databases take it as text: no NUL, and no half of a surrogate pair."""
    return not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text)


def _too_much(lists: Placeholders, root: Node) -> Iterator[Finding]:
    count = sum(map(len, lists.values()))
    if len(lists) > MAX_NAMES:
        message = f"There are {len(lists):,} names; at most {MAX_NAMES:,} are kept."
        yield _error("placeholders_too_many", message, root)
    if count > MAX_VALUES:
        message = f"There are {count:,} values; at most {MAX_VALUES:,} are kept."
        yield _error("placeholders_too_many", message, root)
    size = len(write_placeholders(lists).encode())
    if size > MAX_BYTES:
        message = f"Written a value a line this has {size:,} bytes; at most {MAX_BYTES:,} are kept."
        yield _error("placeholders_too_large", message, root)


def _error(code: str, message: str, node: Node, hint: str = "") -> Finding:
    return Finding(code, Severity.ERROR, message, hint, node.line, node.column)
