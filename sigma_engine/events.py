"""Evidence and events: open a file, read its chunks, know an event by its key and its facts.

This is the face of the readers: `open_evidence` recognises a file by its content; `event_key` and
`event_facts` read from an event what routing, hits and stacks need.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from sigma_engine.event_parts import number, seconds_of
from sigma_engine.event_shapes import to_event
from sigma_engine.evidence import (
    UNIT_BYTES,
    ChunkProblem,
    ChunkRead,
    EvidenceError,
    EvidenceFile,
    Record,
    units_of,
)
from sigma_engine.evtx_file import EvtxFile
from sigma_engine.file_kinds import kind_of, refuse
from sigma_engine.json_file import JsonLinesFile, open_json, rewrite_json

__all__ = [
    "UNIT_BYTES",
    "ChunkProblem",
    "ChunkRead",
    "EventFacts",
    "EventKey",
    "EvidenceError",
    "EvidenceFile",
    "EvtxFile",
    "JsonLinesFile",
    "Record",
    "event_facts",
    "event_key",
    "event_time",
    "open_evidence",
    "rewrite_json",
    "to_event",
    "units_of",
]

# Events that tell of a session or a process of somebody: the user is whom it is about, not who wrote it down.
_TARGET_FIRST: Final = frozenset({4624, 4625, 4634, 4647, 4688, 4768, 4769, 4770, 4771, 4776, 4778, 4779})
_NO_USER: Final = frozenset({"", "-", "N/A", "S-1-0-0"})


class EventKey(NamedTuple):
    """What log sources choose by; "" and -1 where the event has none."""

    channel: str
    event_id: int
    provider: str


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What a hit shows of its event. `time` is microseconds since the epoch in UTC, 0 when there is none."""

    time: int
    computer: str
    channel: str
    provider: str
    event_id: int | None
    record_id: int | None
    user: str


def open_evidence(path: str | Path) -> EvidenceFile:
    """The evidence in a file, recognised by its content and not by its name.

    JSON that is not one object a line is rewritten into a temporary file, which lives as long as the object
    in the process that opened it.
    Raises EvidenceError when it is neither an event log nor JSON, OSError when it cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    kind = kind_of(path)
    if kind == "evtx":
        return EvtxFile(path, size)
    if kind == "json":
        return open_json(path)
    raise refuse(path, size)


def event_key(event: dict[str, Any]) -> EventKey:
    """The key of an event in the shape of `event_shapes`; `EventKey("", -1, "")` for one without `System`."""
    system = event.get("System")
    if not isinstance(system, dict):
        return EventKey("", -1, "")
    channel, provider = system.get("Channel"), system.get("Provider")
    name = provider.get("Name") if isinstance(provider, dict) else provider
    event_id = _event_id(system)
    return EventKey(
        channel if isinstance(channel, str) else "",
        -1 if event_id is None else event_id,
        name if isinstance(name, str) else "",
    )


def event_time(event: dict[str, Any]) -> int:
    """The time of an event in microseconds since the epoch in UTC; 0 when it has none.

    That of an event without `TimeCreated` is its `Timestamp`, the column by which Velociraptor tells it.
    """
    system = event.get("System")
    created = system.get("TimeCreated") if isinstance(system, dict) else None
    if created is None:
        created = event.get("Timestamp")
    seconds = seconds_of(created.get("SystemTime") if isinstance(created, dict) else created)
    return 0 if seconds is None else round(seconds * 1_000_000)


def event_facts(event: dict[str, Any]) -> EventFacts:
    """The facts of an event; of a JSON event without `System` its time alone. Never raises."""
    system = event.get("System")
    if not isinstance(system, dict):
        return EventFacts(event_time(event), "", "", "", None, None, "")
    computer, channel, provider = (system.get(name) for name in ("Computer", "Channel", "Provider"))
    name = provider.get("Name") if isinstance(provider, dict) else provider
    event_id = _event_id(system)
    return EventFacts(
        time=event_time(event),
        computer=computer if isinstance(computer, str) else "",
        channel=channel if isinstance(channel, str) else "",
        provider=name if isinstance(name, str) else "",
        event_id=event_id,
        record_id=number(system.get("EventRecordID")),
        user=_user(event, system, event_id),
    )


def _event_id(system: dict[str, Any]) -> int | None:
    value = system.get("EventID")
    return number(value.get("Value") if isinstance(value, dict) else value)


def _user(event: dict[str, Any], system: dict[str, Any], event_id: int | None) -> str:
    """The user of an event: `User` as Sysmon names it, else `DOMAIN\\name` of the event's subject or target,
    else the SID of the account that wrote it; "" when there is none."""
    data = event.get("EventData")
    if not isinstance(data, dict):
        held = event.get("UserData")
        bodies = held.values() if isinstance(held, dict) else ()
        data = next((body for body in bodies if isinstance(body, dict)), {})
    if _is_user(user := data.get("User")):
        return str(user)
    for side in ("Target", "Subject") if event_id in _TARGET_FIRST else ("Subject", "Target"):
        if account := _account(data.get(f"{side}DomainName"), data.get(f"{side}UserName")):
            return account
    security = system.get("Security")
    user = security.get("UserID") if isinstance(security, dict) else None
    return str(user) if _is_user(user) else ""


def _is_user(name: Any) -> bool:
    return isinstance(name, str) and name not in _NO_USER


def _account(domain: Any, name: Any) -> str | None:
    if not isinstance(name, str) or name in _NO_USER:
        return None
    return f"{domain}\\{name}" if isinstance(domain, str) and domain not in _NO_USER else name
