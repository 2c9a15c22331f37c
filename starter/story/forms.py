"""How the events of the story are laid out: provider, channel, header and fields. Read from `forms.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of event. `fields` maps the name of each data field to the kind of its value."""

    provider: str
    guid: str
    channel: str
    event_id: int
    fields: Mapping[str, str]
    version: int
    level: int
    task: int
    opcode: int
    keywords: int
    user_data: str


@dataclass(frozen=True, slots=True)
class Record:
    """One event of the story: its form, where and when it was written, its values in order of the fields."""

    form: Form
    time: datetime
    computer: str
    values: tuple[Any, ...]
    user_sid: str
    process_id: int
    thread_id: int


def _form(entry: dict[str, Any], sources: dict[str, dict[str, str]]) -> Form:
    pairs = (word.partition(":") for word in entry.get("fields", "").split())
    return Form(
        **sources[entry["source"]],
        fields={name.replace("_", " "): kind or "string" for name, _, kind in pairs},
        user_data=entry.get("user_data", ""),
        **{key: entry[key] for key in ("event_id", "version", "level", "task", "opcode", "keywords")},
    )


def _read() -> dict[str, Form]:
    document = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
    return {name: _form(entry, document["sources"]) for name, entry in document["forms"].items()}


FORMS: dict[str, Form] = _read()
