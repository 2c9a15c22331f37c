"""What Velociraptor's dialect adds to a rule: `vql` and `vql_args`, which change the event, and `enrichment`.

Both are lambdas of our own language (docs/models.md). What it cannot say is a finding that names it: an error in
`vql`, since the rule would see another event than its author meant, a warning in `enrichment`, which only shows more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sigma_engine.findings import Finding, Severity
from sigma_engine.lambdas import Lambda, LambdaError, compile_lambda
from sigma_engine.places import lambda_place
from sigma_engine.yaml_source import Node


class RuleVql(NamedTuple):
    """The lambdas of a rule, None where it has none."""

    vql: Lambda | None
    enrichment: Lambda | None


def read_rule_vql(root: Node, lines: Sequence[str]) -> tuple[RuleVql, list[Finding]]:
    """The lambdas of a rule's document, and what is wrong with them."""
    findings: list[Finding] = []
    arguments = root.get("vql_args")
    tables: dict[str, Any] = {}
    if arguments is not None and arguments.kind == "map":
        tables = arguments.plain()
    elif arguments is not None:
        findings.append(_finding("vql_args", "`vql_args` is a map of names and values.", arguments))
    vql = _lambda(root, "vql", tables, lines, findings, Severity.ERROR)
    enrichment = _lambda(root, "enrichment", {}, lines, findings, Severity.WARNING)
    return RuleVql(vql, enrichment), findings


def no_vql(root: Node) -> list[Finding]:
    """The findings of a correlation or filter that has what only a rule over events can have."""
    message = "`{}` is evaluated for rules over single events only; here it is left out."
    hint = "The hit of a correlation lists its events."
    keys = [key for key in ("vql", "vql_args", "enrichment") if root.get(key) is not None]
    return [_finding("vql_kind", message.format(key), root.keys[key], Severity.WARNING, hint) for key in keys]


def _lambda(
    root: Node,
    key: str,
    tables: dict[str, Any],
    lines: Sequence[str],
    findings: list[Finding],
    severity: Severity,
) -> Lambda | None:
    node = root.get(key)
    if node is None:
        return None
    if not isinstance(node.value, str):
        findings.append(_finding(f"{key}_lambda", f"`{key}` is a lambda, as in `x=>x`.", node, severity))
        return None
    try:
        return compile_lambda(node.value.strip(), tables)
    except LambdaError as error:
        line, column = lambda_place(lines, node, error)
        message = f"`{key}` cannot be evaluated: {error.message}"
        findings.append(Finding(f"{key}_lambda", severity, message, "", line, column))
        return None


def _finding(
    code: str, message: str, node: Node, severity: Severity = Severity.ERROR, hint: str = ""
) -> Finding:
    return Finding(code, severity, message, hint, node.line, node.column)
