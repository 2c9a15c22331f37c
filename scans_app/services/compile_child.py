"""Compile a scan's rules in a process that exits: parsing thousands of YAML texts takes memory that a worker
would keep. Run as a module; texts come in by stdin and the answer goes out by stdout, both JSON, so that
this process needs no database.
"""

from __future__ import annotations

import json
import sys
from typing import TypedDict

import sigma_engine


class CompileOrder(TypedDict):
    """What to compile: the text of the model and those of the rules, whose index is their position, each with its set.

    `placeholders` are those of each set, as the scan has frozen them. The rules from `quiet_from` on give no hits of
    their own.
    """

    model: str
    rules: list[tuple[str, str]]
    placeholders: dict[str, dict[str, list[str]]]
    quiet_from: int


class CompileAnswer(TypedDict):
    """What was compiled: `served` is {position: names of log sources}, `left_out` [[position, sentence], ..].

    `correlates` says whether matches must be kept for correlations. `error` is a sentence when nothing was
    compiled, "" otherwise.
    """

    engine: str
    digest: str
    served: dict[str, list[str]]
    left_out: list[list[int | str]]
    correlates: bool
    error: str


def compile_order(order: CompileOrder, model: sigma_engine.Model | None = None) -> CompileAnswer:
    """Compile, put the set into the engine's cache, and say what runs on which log sources.

    `model` is the order's, where it is parsed already.
    """
    if model is None:
        model, findings = sigma_engine.parse_model(order["model"])
        if model is None:
            return _refusal("The model is broken: " + " ".join(finding.message for finding in findings[:3]))
    rules = []
    for position, (text, rule_set) in enumerate(order["rules"]):
        parsed = sigma_engine.parse_rules(text, order["placeholders"].get(rule_set))
        if len(parsed) != 1 or parsed[0].rule is None or parsed[0].broken:
            return _refusal(f"The rule at position {position} was in order when saved and is not now.")
        rules.append(parsed[0].rule)
    return answer_of(sigma_engine.load_or_compile(rules, model, range(order["quiet_from"], len(rules))))


def answer_of(compiled: sigma_engine.CompiledSet) -> CompileAnswer:
    """What a compiled set says of its rules."""
    return CompileAnswer(
        engine=sigma_engine.ENGINE_VERSION,
        digest=compiled.digest,
        served={str(position): list(names) for position, names in compiled.served.items()},
        left_out=[
            [left.index, " ".join(finding.message for finding in left.findings)] for left in compiled.left_out
        ],
        correlates=bool(compiled.correlations.plans),
        error="",
    )


def _refusal(error: str) -> CompileAnswer:
    return CompileAnswer(
        engine=sigma_engine.ENGINE_VERSION, digest="", served={}, left_out=[], correlates=False, error=error
    )


if __name__ == "__main__":
    json.dump(compile_order(json.load(sys.stdin)), sys.stdout)
