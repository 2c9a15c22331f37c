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
    """What to compile: the text of the model and those of the rules, whose index is their position."""

    model: str
    rules: list[str]


class CompileAnswer(TypedDict):
    """What was compiled: `kept` are the positions in the order that became the set's rules, one after another.

    `served` is {index in the set: names of log sources}, `left_out` [[position in the order, sentence], ..].
    `error` is a sentence when nothing was compiled, "" otherwise.
    """

    engine: str
    digest: str
    kept: list[int]
    served: dict[str, list[str]]
    left_out: list[list[int | str]]
    error: str


def compile_order(order: CompileOrder) -> CompileAnswer:
    """Compile, put the set into the engine's cache, and say what runs on which log sources."""
    answer = CompileAnswer(
        engine=sigma_engine.ENGINE_VERSION, digest="", kept=[], served={}, left_out=[], error=""
    )
    model, findings = sigma_engine.parse_model(order["model"])
    if model is None:
        answer["error"] = "The model is broken: " + " ".join(finding.message for finding in findings[:3])
        return answer
    rules = []
    for position, text in enumerate(order["rules"]):
        parsed = sigma_engine.parse_rules(text)
        if len(parsed) != 1 or parsed[0].rule is None or parsed[0].broken:
            answer["error"] = f"The rule at position {position} was in order when saved and is not now."
            return answer
        if reason := _why_not(parsed[0].rule):
            answer["left_out"].append([position, reason])
            continue
        answer["kept"].append(position)
        rules.append(parsed[0].rule)
    compiled = sigma_engine.load_or_compile(rules, model)
    answer["digest"] = compiled.digest
    answer["served"] = {str(position): list(names) for position, names in compiled.served.items()}
    answer["left_out"] += [
        [answer["kept"][left.index], " ".join(finding.message for finding in left.findings)]
        for left in compiled.left_out
    ]
    return answer


def _why_not(rule: sigma_engine.AnyRule) -> str:
    """Why a rule in order does not run in a scan of a case, "" when it does.

    What needs the matches of all units together is left out by name: without them it would be silent.
    """
    if isinstance(rule, sigma_engine.Correlation):
        return "It is a correlation: scans of a case do not run those yet, the command line does."
    if isinstance(rule, sigma_engine.Rule) and rule.aggregation is not None:
        return "Its condition counts events: scans of a case do not do that yet, the command line does."
    return ""


if __name__ == "__main__":
    json.dump(compile_order(json.load(sys.stdin)), sys.stdout)
