"""A Velociraptor model file (velociraptor-sigma-rules, `config/*.yaml`) -> the parts of a model, as it is.

Recognised by its keys. Log sources are translated from their VQL queries (`velociraptor_source`), field mappings and
default details are lambdas already, and constants of the artifact's template (`LET Lookup <= dict(..)`) are the
model's tables. What cannot be said here is a warning at its place, and the rest of the model works; only what is no
such file at all is an error.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

from sigma_engine.findings import Finding, Scope, Severity
from sigma_engine.lambda_values import json_of
from sigma_engine.lambdas import Lambda, LambdaError, compile_lambda
from sigma_engine.log_source import Source
from sigma_engine.mapping import ORIGIN_MODEL, Mapping
from sigma_engine.model_file import Import, ModelFile
from sigma_engine.places import lambda_place
from sigma_engine.values import ABSENT
from sigma_engine.velociraptor_source import Taken, Translator, Untold
from sigma_engine.vql_query import Let, read_lets
from sigma_engine.yaml_source import Node

_KEYS = frozenset(
    {
        *("Name", "Description", "Preamble", "FieldMappings", "DefaultDetails", "Sources", "ExportTemplate"),
        *("DocTemplate", "QueryTemplate", "Postscript", "BaseReferenceURL", "RuleDirectories"),
        *("BadFieldMappings", "BadSources", "EventResolver", "IncludeArtifacts", "ImportConfigs"),
    }
)
_NO_NAME = "Velociraptor model"
_NOTHING = "x=>FALSE"
_MAX_LETS = 500  # definitions of a template; published ones have some 25
_MAX_CONSTANTS = 1024 * 1024  # characters of all constants together, as JSON


def is_velociraptor_model(root: Node) -> bool:
    """Whether a document is a Velociraptor model file: it has keys of one, and none of our own."""
    return root.kind == "map" and not root.value.keys().isdisjoint(_KEYS) and "log_sources" not in root.value


def read_velociraptor_model(root: Node, text: str, findings: list[Finding]) -> ModelFile:
    """The parts of a Velociraptor model file. `findings` are those of its YAML, to which others are added.

    A key that stands twice counts as it does for Velociraptor: the last one does, which is a warning here.
    """
    findings[:] = [_weakened(finding) for finding in findings]
    return _Reader(text, findings).read(root)


def _weakened(finding: Finding) -> Finding:
    if finding.code != "yaml_duplicate_key":
        return finding
    message = finding.message.replace("only one could count", "the last one counts, as in Velociraptor")
    return replace(finding, message=message, severity=Severity.WARNING, scope=Scope.MODEL)


class _Reader:
    def __init__(self, text: str, findings: list[Finding]) -> None:
        self._lines = text.splitlines()
        self._findings = findings
        self._tables: dict[str, Any] = {}

    def read(self, root: Node) -> ModelFile:
        lets = self._lets(root)
        self._tables = constants_of(lets)
        lookup, query = self._details(root)
        fields = self._fields(root)
        parts = ModelFile(
            name=_text(root, "Name").strip() or _NO_NAME,
            description=_text(root, "Description").strip(),
            imports=tuple(
                Import(node.text, node.line, node.column) for node in _items(root, "ImportConfigs")
            ),
            fields=fields,
            sources=self._sources(root, Translator(lets, self._tables), fields),
            default_details={} if query else lookup,
            details_query=query,
            bad_fields=frozenset(node.text for node in _items(root, "BadFieldMappings")),
            bad_sources=frozenset(node.text for node in _items(root, "BadSources")),
        )
        if not (parts.sources or parts.fields or parts.imports):
            self._warn("velociraptor_empty", "This file holds no log sources and no field mappings.", root)
        for key, node in root.keys.items():
            if key not in _KEYS:
                message = f"`{key}` is no key of a Velociraptor model; it is left out."
                self._warn("velociraptor_key", message, node)
        return parts

    def _lets(self, root: Node) -> dict[str, Let]:
        lets = read_lets(_text(root, "ExportTemplate"))
        if len(lets) > _MAX_LETS:
            message = f"The template has {len(lets):,} definitions; the first {_MAX_LETS} are read."
            self._warn("velociraptor_template", message, root.value["ExportTemplate"])
        return dict(islice(lets.items(), _MAX_LETS))

    # Field mappings and details

    def _fields(self, root: Node) -> dict[str, Mapping]:
        found: dict[str, Mapping] = {}
        for name, node in _members(root, "FieldMappings"):
            if not name:
                message = "This mapping is for keywords, which are searched in every value of an event here."
                self._findings.append(_finding("velociraptor_keywords", message, node, Severity.INFO))
                continue
            compiled = self._lambda(node, f"the field `{name}`")
            if compiled is not None:
                found[name] = Mapping(name, ORIGIN_MODEL, compiled)
        return found

    def _details(self, root: Node) -> tuple[dict[str, str | Lambda], Lambda | None]:
        """The lookup by provider and event id, and the query that uses it, which decides when there is one."""
        details = root.get("DefaultDetails")
        if details is None:
            return {}, None
        lookup = {name: node.text for name, node in _members(details, "Lookup")}
        self._tables.setdefault("DefaultDetails", lookup)
        query = details.get("Query")
        compiled = self._lambda(query, "`DefaultDetails`") if query is not None else None
        return dict(lookup), compiled

    def _lambda(self, node: Node, what: str) -> Lambda | None:
        if not isinstance(node.value, str):
            self._warn("velociraptor_lambda", f"What stands here for {what} is no lambda.", node)
            return None
        try:
            return compile_lambda(node.value.strip(), self._tables)
        except LambdaError as error:
            line, column = lambda_place(self._lines, node, error)
            message = f"The lambda of {what} is left out: {error.message}"
            self._findings.append(
                Finding("velociraptor_lambda", Severity.WARNING, message, "", line, column, Scope.MODEL)
            )
            return None

    # Log sources

    def _sources(self, root: Node, translator: Translator, fields: dict[str, Mapping]) -> list[Source]:
        sources: list[Source] = []
        for name, node in _members(root, "Sources"):
            parts = name.split("/")
            if len(parts) != 3 or not all(parts):
                message = f"`{name}` is no `category/product/service`; it is left out."
                self._warn("velociraptor_source", message, node)
                continue
            query = _text(node, "query")
            try:
                taken = [_unless_mapped(one, fields) for one in translator.taken(query)]
                sources += [self._source(name, node, query, one) for one in taken]
            except (Untold, LambdaError) as error:
                sources.append(self._untold(name, node, query, str(error)))
        return sources

    def _source(self, name: str, node: Node, query: str, taken: Taken) -> Source:
        """One source. Raises LambdaError when its condition cannot be said."""
        where = " AND ".join(f"({part})" if " OR " in part.upper() else part for part in taken.where)
        return Source(
            name,
            channels=taken.channels,
            event_ids=taken.event_ids,
            files=taken.files,
            where=compile_lambda(f"x=>{where}", self._tables) if where else None,
            fields=self._computed(name, node, taken),
            line=node.line,
            query=query,
        )

    def _computed(self, name: str, node: Node, taken: Taken) -> dict[str, Mapping]:
        found = {}
        for field, text in taken.fields.items():
            try:
                found[field] = Mapping(field, name, compile_lambda(text, self._tables))
            except LambdaError as error:
                message = f"The query of `{name}` computes `{field}`, which is left out: {error.message}"
                self._warn("velociraptor_query", message, node.get("query") or node)
        return found

    def _untold(self, name: str, node: Node, query: str, reason: str) -> Source:
        """A source whose query cannot be told: kept, with the channels that the file lists for it, if any."""
        channels = [item.text for item in _items(node, "channel")]
        rest = f"it takes the channels {', '.join(channels)}" if channels else "it takes no event"
        message = f"The query of `{name}` cannot be translated: {reason}; {rest}."
        hint = "A model that extends this one can say where its events are."
        place = node.get("query") or node
        self._findings.append(_finding("velociraptor_query", message, place, Severity.WARNING, hint))
        where = None if channels else compile_lambda(_NOTHING)
        return Source(name, channels=channels, where=where, line=node.line, query=query)

    def _warn(self, code: str, message: str, node: Node) -> None:
        self._findings.append(_finding(code, message, node, Severity.WARNING))


def _unless_mapped(taken: Taken, fields: dict[str, Mapping]) -> Taken:
    """What is taken, without computed fields that the model's mapping would not read plainly under their name."""
    plain = {
        name: text
        for name, text in taken.fields.items()
        if name not in fields or fields[name].path in ((name,), ("EventData", name))
    }
    return replace(taken, fields=plain)


def constants_of(lets: dict[str, Let]) -> dict[str, Any]:
    """The definitions whose value needs neither an event nor a machine, by name; `_MAX_CONSTANTS` in all.

    Any other is none of ours, and a lambda that uses it is refused by its name.
    """
    found: dict[str, Any] = {}
    left = _MAX_CONSTANTS
    for name, let in lets.items():
        if let.parameters or left < 0:
            continue
        try:
            compiled = compile_lambda(f"x=>{let.body}")
            value = compiled({}) if not compiled.inputs else ABSENT
            left -= len(json_of(value))
            if value is not ABSENT and left >= 0:
                found[name] = value
        except LambdaError:
            continue
    return found


def _finding(code: str, message: str, node: Node, severity: Severity, hint: str = "") -> Finding:
    return Finding(code, severity, message, hint, node.line, node.column, Scope.MODEL)


def _text(node: Node, key: str) -> str:
    child = node.get(key)
    return child.value if child is not None and isinstance(child.value, str) else ""


def _items(node: Node, key: str) -> list[Node]:
    child = node.get(key)
    return [item for item in child.value if item.kind == "scalar"] if child and child.kind == "list" else []


def _members(node: Node, key: str) -> list[tuple[str, Node]]:
    """The members of a map below `key`; of a key that stands twice, the last."""
    child = node.get(key)
    if child is None or child.kind != "map":
        return []
    return [(name, (child.repeated or {}).get(name, value)) for name, value in child.value.items()]
