"""Sysmon's events as documents of the Elastic Common Schema alone, as Elastic's Sysmon pipeline names things."""

from __future__ import annotations

import ntpath
from datetime import UTC, datetime
from typing import Any

Event = dict[str, Any]

_KINDS: dict[int, tuple[list[str], list[str]]] = {
    1: (["process"], ["start"]),
    2: (["file"], ["change"]),
    3: (["network"], ["start", "connection", "protocol"]),
    5: (["process"], ["end"]),
    6: (["driver"], ["start"]),
    7: (["process"], ["change"]),
    11: (["file"], ["creation"]),
    12: (["configuration", "registry"], ["change"]),
    13: (["configuration", "registry"], ["change"]),
    15: (["file"], ["access"]),
    17: (["file"], ["creation"]),
    18: (["file"], ["access"]),
    22: (["network"], ["connection", "protocol", "info"]),
    23: (["file"], ["deletion"]),
}


def ecs_document(event: Event) -> Event | None:
    """The document of one event; None for a kind that ECS has no names for."""
    system, data = event["System"], event["EventData"]
    number = system["EventID"]["Value"]
    if number not in _KINDS:
        return None
    category, kind = _KINDS[number]
    moment = datetime.fromtimestamp(system["TimeCreated"]["SystemTime"], UTC)
    domain, _, user = str(data.get("User", "")).rpartition("\\")
    return {
        "@timestamp": moment.isoformat().replace("+00:00", "Z"),
        "event": {
            "kind": "event",
            "code": str(number),
            "provider": system["Provider"]["Name"],
            "category": category,
            "type": kind,
            "module": "sysmon",
        },
        "host": {"name": system["Computer"], "os": {"type": "windows"}},
        "user": {"name": user, "domain": domain},
        "process": _process(data),
        **_rest(number, data),
    }


def _process(data: Event) -> Event:
    return _held(
        {
            "entity_id": data.get("ProcessGuid"),
            "executable": data.get("Image"),
            "name": ntpath.basename(str(data.get("Image", ""))),
            "pid": data.get("ProcessId"),
            "command_line": data.get("CommandLine"),
            "working_directory": data.get("CurrentDirectory"),
            "hash": _hashes(data),
            "pe": _pe(data),
            "parent": _held(
                {
                    "entity_id": data.get("ParentProcessGuid"),
                    "executable": data.get("ParentImage"),
                    "pid": data.get("ParentProcessId"),
                    "command_line": data.get("ParentCommandLine"),
                }
            ),
        }
    )


def _hashes(data: Event) -> Event:
    pairs = (pair.partition("=") for pair in str(data.get("Hashes", "")).split(",") if pair)
    return {name.lower(): value.lower() for name, _, value in pairs if name != "IMPHASH"}


def _pe(data: Event) -> Event:
    imphash = next((p[8:] for p in str(data.get("Hashes", "")).split(",") if p.startswith("IMPHASH=")), None)
    return _held(
        {
            "original_file_name": data.get("OriginalFileName"),
            "company": data.get("Company"),
            "description": data.get("Description"),
            "product": data.get("Product"),
            "file_version": data.get("FileVersion"),
            "imphash": imphash,
        }
    )


def _rest(number: int, data: Event) -> Event:
    if number == 3:
        return {
            "network": {
                "transport": data["Protocol"],
                "direction": "egress" if str(data["Initiated"]).lower() == "true" else "ingress",
            },
            "source": _held({"ip": data["SourceIp"], "port": data["SourcePort"]}),
            "destination": _held(
                {
                    "ip": data["DestinationIp"],
                    "port": data["DestinationPort"],
                    "domain": data.get("DestinationHostname"),
                }
            ),
        }
    if number in (12, 13):
        return {
            "registry": _held({"path": data["TargetObject"], "data": _registry_data(data.get("Details"))})
        }
    if number == 22:
        answers = [{"data": text} for text in str(data.get("QueryResults", "")).split(";") if text]
        return {"dns": {"question": {"name": data["QueryName"]}, "answers": answers}}
    if number in (17, 18):
        return {"file": {"name": data["PipeName"]}}
    if number in (6, 7):
        signature = {"subject_name": data.get("Signature"), "status": data.get("SignatureStatus")}
        signature["signed"] = str(data.get("Signed")).lower() == "true"
        loaded = _held({"hash": _hashes(data), "pe": _pe(data), "code_signature": _held(signature)})
        return {"file": {"path": data["ImageLoaded"], **loaded}}
    if "TargetFilename" in data:
        return {"file": {"path": data["TargetFilename"]}}
    return {}


def _registry_data(details: str | None) -> Event | None:
    if not details:
        return None
    if details.startswith("DWORD ("):
        return {"type": "SZ_DWORD", "strings": [details[7:-1]]}
    return {"type": "REG_SZ", "strings": [details]}


def _held(members: Event) -> Event:
    return {name: value for name, value in members.items() if value not in (None, "", {}, "-")}
