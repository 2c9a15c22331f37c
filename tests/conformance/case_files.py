"""The case files of this folder, and the rule texts that their cases stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases"
BASE = "ABC"  # base rules of correlation cases, one a letter


def load_cases(name: str) -> list[dict[str, Any]]:
    """The cases of one file."""
    cases: list[dict[str, Any]] = yaml.safe_load((CASES / f"{name}.yml").read_text(encoding="utf-8"))
    return cases


def case_text(case: dict[str, Any]) -> str:
    """The rule of a case; `text_replace` makes of the dumped text what a dump would quote."""
    detection = case.get("detection") or {"selection": case["selection"], "condition": "selection"}
    logsource = case.get("logsource", {"product": "windows"})
    text: str = yaml.safe_dump(
        {"title": case["name"], "logsource": logsource, "detection": detection}, sort_keys=False
    )
    return text.replace(*case.get("text_replace", ("", "")))


def correlation_cases() -> list[dict[str, Any]]:
    """The cases of correlations, every value as text: times such as 1:30 are numbers to YAML 1.1."""
    text = (CASES / "correlations.yml").read_text(encoding="utf-8")
    cases: list[dict[str, Any]] = yaml.load(text, Loader=yaml.BaseLoader)
    return cases


def correlation_text(case: dict[str, Any]) -> str:
    """The base rules and correlations of a case, one document each."""
    return "---\n".join(_typed(yaml.safe_dump(document, sort_keys=False)) for document in _documents(case))


def _documents(case: dict[str, Any]) -> list[dict[str, Any]]:
    documents = [_base(letter) for letter in BASE]
    if "legacy" in case:
        documents[0]["detection"] |= case["legacy"]
        documents[0]["detection"]["condition"] = case["legacy"]["condition"].replace("A |", "selection |")
    for number, part in enumerate(("inner", "correlation")):
        if part in case:
            correlation = dict(case[part])
            name = correlation.pop("name", "outer")
            head = {"title": name, "id": f"00000000-0000-4000-8000-{number:012}", "name": name}
            documents.append(
                head | {"correlation": correlation} | (case.get("root", {}) if part == "correlation" else {})
            )
    return documents


def _base(letter: str) -> dict[str, Any]:
    detection = {"selection": {"R|contains": letter}, "condition": "selection"}
    return {"title": letter, "name": letter, "logsource": {"product": "windows"}, "detection": detection}


def _typed(text: str) -> str:
    """The documents as the case file's text would be: numbers and truths unquoted."""
    loaded = yaml.load(text, Loader=yaml.BaseLoader)

    def convert(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: convert(item) for key, item in value.items()}
        if isinstance(value, list):
            return [convert(item) for item in value]
        is_plain = value.replace(".", "").lstrip("-").isdigit() or value == "true"
        return yaml.safe_load(value) if is_plain else value

    typed: str = yaml.safe_dump(convert(loaded), sort_keys=False)
    return typed
