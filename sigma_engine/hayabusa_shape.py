"""Hayabusa's JSON timeline as flat records: channels by their full names, and the data under its own names."""

from __future__ import annotations

import re
from typing import Any, Final

from sigma_engine.event_parts import Document, number

# Hayabusa shortens channel names in its timelines. Those that stand for one channel can be told apart again
# (hayabusa-rules, config/channel_abbreviations.txt).
_CHANNELS: Final = {
    "App": "Application",
    "BitsCli": "Microsoft-Windows-Bits-Client/Operational",
    "CodeInteg": "Microsoft-Windows-CodeIntegrity/Operational",
    "Defender": "Microsoft-Windows-Windows Defender/Operational",
    "Firewall": "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall",
    "NTLM": "Microsoft-Windows-NTLM/Operational",
    "PwSh": "Microsoft-Windows-PowerShell/Operational",
    "PwShClassic": "Windows PowerShell",
    "RDP-Client": "Microsoft-Windows-TerminalServices-RDPClient/Operational",
    "RDS-GTW": "Microsoft-Windows-TerminalServices-Gateway/Operational",
    "RDS-LSM": "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
    "RDS-RCM": "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
    "Sec": "Security",
    "SmbCliSec": "Microsoft-Windows-SmbClient/Security",
    "Sys": "System",
    "Sysmon": "Microsoft-Windows-Sysmon/Operational",
    "TaskSch": "Microsoft-Windows-TaskScheduler/Operational",
    "WMI": "Microsoft-Windows-WMI-Activity/Operational",
    "WinRM": "Microsoft-Windows-WinRM/Operational",
}
# Fields lose the element that they stood in. These events have their data in one of `UserData`.
_USER_DATA: Final = {
    ("Security", 1102): "LogFileCleared",
    ("System", 104): "LogFileCleared",
    ("System", 20001): "InstallDeviceID",
    ("System", 20003): "AddServiceID",
    ("Microsoft-Windows-WMI-Activity/Operational", 5857): "Operation_StartedOperational",
    ("Microsoft-Windows-WMI-Activity/Operational", 5858): "Operation_ClientFailure",
    ("Microsoft-Windows-WMI-Activity/Operational", 5859): "Operation_EssStarted",
    ("Microsoft-Windows-WMI-Activity/Operational", 5860): "Operation_TemporaryEssStarted",
    ("Microsoft-Windows-WMI-Activity/Operational", 5861): "Operation_ESStoConsumerBinding",
    **{
        ("Microsoft-Windows-TerminalServices-LocalSessionManager/Operational", event_id): "EventXML"
        for event_id in (21, 22, 23, 24, 25)
    },
    ("Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational", 1149): "EventXML",
}
_UNNAMED: Final = re.compile(r"Data\[([0-9]{1,4})\]")


def hayabusa_record(document: Document) -> Document:
    """A line of the timeline as a flat record: what its profile kept of the fields is the event's data."""
    data: Document = {}
    for key in ("Details", "ExtraFieldInfo", "AllFieldInfo"):
        if isinstance(document.get(key), dict):
            data.update(document[key])
    shown: str = document["Channel"]
    channel = _CHANNELS.get(shown, shown)
    record = {key: document.get(key) for key in ("EventID", "Computer", "Timestamp", "Provider")}
    record |= {"Channel": channel, "EventRecordID": document.get("RecordID")}
    inside = _USER_DATA.get((channel, number(document["EventID"]) or 0))
    if inside is not None:
        return record | {"UserData": {inside: data}}
    return record | {"EventData": _with_list(data)}


def _with_list(data: Document) -> Document:
    """Data whose unnamed values, `Data[1]`, `Data[2]`, .., are the list `Data` again."""
    places = {name: int(found[1]) for name in data if (found := _UNNAMED.fullmatch(name))}
    if not places:
        return data
    values: list[Any] = [data[name] for name in sorted(places, key=places.__getitem__)]
    return {name: value for name, value in data.items() if name not in places} | {"Data": values}
