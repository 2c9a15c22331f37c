"""Where in a YAML text the fault of a lambda stands, which has places of its own."""

from __future__ import annotations

from collections.abc import Sequence

from sigma_engine.lambda_values import LambdaError
from sigma_engine.yaml_source import Node


def lambda_place(lines: Sequence[str], node: Node, error: LambdaError) -> tuple[int, int]:
    """Line and column of a lambda's fault; the lambda may be plain, quoted, or a block below its key.

    Where YAML has folded its lines into one, the place is where the lambda begins.
    """
    start = lines[node.line - 1][node.column - 1 :][:1] if node.line <= len(lines) else ""
    if start in ("|", ">"):
        first = next((n for n in range(node.line, len(lines)) if lines[n].strip()), None)
        if first is None:
            return node.line, node.column
        indent = len(lines[first]) - len(lines[first].lstrip())
        if start == ">":  # folded: the line breaks are lost
            return first + 1, indent + 1
        return first + error.line, indent + error.column
    if error.line > 1:  # a plain or quoted scalar that goes on in the next line has lost its line breaks
        return node.line, node.column
    return node.line, node.column + error.column - 1 + (start in ("'", '"'))
