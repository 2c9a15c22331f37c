"""The logs of the sample case: which file holds what happened on which computer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from starter.story import intrusion_servers, intrusion_workstation, quiet_servers, quiet_workstation
from starter.story.cast import CONTROLLER, FILE_SERVER, WORKSTATION, Computer, Diary
from starter.story.forms import Record

Chapter = Callable[[Diary], None]


@dataclass(frozen=True, slots=True)
class Log:
    """One file of the case: what an ordinary morning writes into it, and what the intruder adds.

    A damaged one is written whole and then spoilt.
    """

    file_name: str
    computer: Computer
    quiet: tuple[Chapter, ...]
    intrusion: Chapter
    damaged: bool = False

    def quiet_records(self) -> list[Record]:
        """The events of a morning without an intruder, by time."""
        return self._tell(self.quiet)

    def records(self) -> list[Record]:
        """All events, by time."""
        return self._tell((*self.quiet, self.intrusion))

    def _tell(self, chapters: tuple[Chapter, ...]) -> list[Record]:
        diary = Diary(self.computer, self.file_name)
        for chapter in chapters:
            chapter(diary)
        return diary.in_order()


def _many(chapter: Callable[[Diary, int], None], number: int) -> Chapter:
    return partial(chapter, number=number)


LOGS = (
    Log(
        "WS07-Sysmon.evtx",
        WORKSTATION,
        (_many(quiet_workstation.sysmon, 330),),
        intrusion_workstation.sysmon,
    ),
    Log(
        "WS07-PowerShell-damaged.evtx",
        WORKSTATION,
        (_many(quiet_workstation.powershell, 420),),
        intrusion_workstation.powershell,
        damaged=True,
    ),
    Log(
        "WS07-Defender.evtx",
        WORKSTATION,
        (_many(quiet_workstation.defender, 60),),
        intrusion_workstation.defender,
    ),
    Log(
        "FS01-Security.evtx",
        FILE_SERVER,
        (_many(quiet_servers.share_use, 300), _many(quiet_servers.server_programs, 110)),
        intrusion_servers.server_security,
    ),
    Log(
        "FS01-System.evtx",
        FILE_SERVER,
        (_many(quiet_servers.services, 420),),
        intrusion_servers.server_system,
    ),
    Log(
        "FS01-TaskScheduler.evtx",
        FILE_SERVER,
        (_many(quiet_servers.tasks, 460),),
        intrusion_servers.server_tasks,
    ),
    Log(
        "DC01-Security.evtx",
        CONTROLLER,
        (_many(quiet_servers.tickets, 480),),
        intrusion_servers.controller_security,
    ),
)
