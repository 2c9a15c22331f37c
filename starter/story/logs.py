"""The logs of the sample case: which file holds what happened on which computer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from starter.story import intrusion_servers, intrusion_workstation, quiet_servers, quiet_workstation
from starter.story.cast import CONTROLLER, FILE_SERVER, WORKSTATION, Diary
from starter.story.forms import Record


@dataclass(frozen=True, slots=True)
class Log:
    """One file of the case. A damaged one is written whole and then spoilt."""

    file_name: str
    records: list[Record]
    damaged: bool = False


def all_logs() -> Iterator[Log]:
    """Every log of the sample case, always the same."""
    diary = Diary(WORKSTATION, "ws07 sysmon")
    quiet_workstation.sysmon(diary, 330)
    intrusion_workstation.sysmon(diary)
    yield Log("WS07-Sysmon.evtx", diary.in_order())

    diary = Diary(WORKSTATION, "ws07 powershell")
    quiet_workstation.powershell(diary, 420)
    intrusion_workstation.powershell(diary)
    yield Log("WS07-PowerShell-damaged.evtx", diary.in_order(), damaged=True)

    diary = Diary(WORKSTATION, "ws07 defender")
    quiet_workstation.defender(diary, 60)
    intrusion_workstation.defender(diary)
    yield Log("WS07-Defender.evtx", diary.in_order())

    diary = Diary(FILE_SERVER, "fs01 security")
    quiet_servers.share_use(diary, 300)
    quiet_servers.server_programs(diary, 110)
    intrusion_servers.server_security(diary)
    yield Log("FS01-Security.evtx", diary.in_order())

    diary = Diary(FILE_SERVER, "fs01 system")
    quiet_servers.services(diary, 420)
    intrusion_servers.server_system(diary)
    yield Log("FS01-System.evtx", diary.in_order())

    diary = Diary(FILE_SERVER, "fs01 tasks")
    quiet_servers.tasks(diary, 460)
    intrusion_servers.server_tasks(diary)
    yield Log("FS01-TaskScheduler.evtx", diary.in_order())

    diary = Diary(CONTROLLER, "dc01 security")
    quiet_servers.tickets(diary, 480)
    intrusion_servers.controller_security(diary)
    yield Log("DC01-Security.evtx", diary.in_order())
