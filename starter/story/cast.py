"""Who and what takes part: computers, people, running processes, and the diary they are written into."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from starter.story.forms import FORMS, Record

DOMAIN = "HARBOR"
DOMAIN_SID = "S-1-5-21-1804289383-846930886-1681692777"
EMPTY = {"string": "-", "sid": "S-1-0-0", "guid": UUID(int=0), "bool": False}


@dataclass(frozen=True, slots=True)
class Computer:
    """A computer of the invented company, with its DNS name and IPv4 address."""

    name: str
    address: str

    @property
    def short(self) -> str:
        """The NetBIOS name, which is also that of the computer's account without `$`."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Person:
    """An account of the domain, or of one computer when `domain` names it."""

    name: str
    rid: int
    domain: str = DOMAIN

    @property
    def account(self) -> str:
        return f"{self.domain}\\{self.name}"

    @property
    def sid(self) -> str:
        return f"{DOMAIN_SID}-{self.rid}"


WORKSTATION = Computer("WS07.harbor.test", "10.20.4.17")
FILE_SERVER = Computer("FS01.harbor.test", "10.20.1.12")
CONTROLLER = Computer("DC01.harbor.test", "10.20.1.10")

MIRA = Person("mira.holt", 1112)
ADMINISTRATOR = Person("t.brandt", 1105)
INTRUDERS_ACCOUNT = Person("svc_update", 1004, "FS01")
STAFF = (
    (Person("jonas.weir", 1113), "WS03", "10.20.4.13"),
    (Person("ada.finch", 1114), "WS04", "10.20.4.14"),
    (Person("luis.ortega", 1115), "WS05", "10.20.4.15"),
    (Person("priya.nair", 1116), "WS11", "10.20.4.21"),
    (Person("ken.osei", 1117), "WS12", "10.20.4.22"),
    (MIRA, "WS07", "10.20.4.17"),
)
SYSTEM = "NT AUTHORITY\\SYSTEM"


def at(clock: str) -> datetime:
    """12 March 2026, `HH:MM:SS` UTC."""
    return datetime.fromisoformat(f"2026-03-12T{clock}").replace(tzinfo=UTC)


def sysmon_time(time: datetime) -> str:
    """A time as Sysmon writes it into its data."""
    return time.strftime("%Y-%m-%d %H:%M:%S.") + f"{time.microsecond // 1000:03d}"


@dataclass(frozen=True, slots=True)
class Process:
    """A process as Sysmon refers to it."""

    image: str
    pid: int
    guid: UUID
    command_line: str
    user: str


@dataclass
class Diary:
    """Collects the records of one log. The same seed gives the same random choices."""

    computer: Computer
    seed: str
    records: list[Record] = field(default_factory=list)
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 (a story, not a secret)

    def write(
        self,
        form_name: str,
        time: datetime,
        *,
        user_sid: str = "S-1-5-18",
        process_id: int = 2480,
        **values: object,
    ) -> None:
        """Add one event. A blank in a field's name is written `_`. Raises KeyError for an unknown field."""
        form = FORMS[form_name]
        if not time.microsecond:  # told to the second: no log has events at full seconds only
            time += timedelta(microseconds=self.random.randrange(250_000))
        given = {
            name.replace("_", " ") if name.replace("_", " ") in form.fields else name: value
            for name, value in values.items()
        }
        unknown = given.keys() - form.fields.keys()
        if unknown:
            raise KeyError(f"{form_name} has no field {sorted(unknown)}")
        if "UtcTime" in form.fields:
            given.setdefault("UtcTime", sysmon_time(time))
        row = tuple(given.get(name, EMPTY.get(kind, 0)) for name, kind in form.fields.items())
        thread_id = 1000 + 4 * self.random.randrange(1500)
        self.records.append(Record(form, time, self.computer.name, row, user_sid, process_id, thread_id))

    def process(self, image: str, command_line: str = "", user: str = SYSTEM) -> Process:
        """A process that runs, or is about to; its ids come from this diary's random numbers."""
        pid = 4 * self.random.randrange(300, 3500)
        return Process(image, pid, UUID(int=self.random.getrandbits(128)), command_line or f'"{image}"', user)

    def moment(self, first: datetime, last: datetime) -> datetime:
        """A random moment between two, to the microsecond."""
        return first + timedelta(
            microseconds=self.random.randrange(int((last - first) / timedelta(microseconds=1)))
        )

    def in_order(self) -> list[Record]:
        """All records by time, as a log holds them."""
        return sorted(self.records, key=lambda record: record.time)


def hashes(image: str) -> str:
    """Invented but steady hashes for a program, in Sysmon's form."""
    digest = sha256(image.lower().encode()).hexdigest().upper()
    return f"SHA256={digest},IMPHASH={digest[:32]}"


def start(
    diary: Diary,
    time: datetime,
    image: str,
    command_line: str,
    parent: Process,
    user: str,
    integrity: str = "Medium",
) -> Process:
    """A process start as Sysmon records it. Returns the new process, to be the parent of others."""
    child = diary.process(image, command_line, user)
    file_name = image.rpartition("\\")[2]
    windows = image.lower().startswith("c:\\windows\\")
    diary.write(
        "process",
        time,
        ProcessGuid=child.guid,
        ProcessId=child.pid,
        Image=image,
        FileVersion="10.0.22631.2506 (WinBuild.160101.0800)" if windows else "-",
        Product="Microsoft Windows Operating System" if windows else "-",
        Company="Microsoft Corporation" if windows else "-",
        OriginalFileName=file_name if windows else "-",
        CommandLine=command_line,
        CurrentDirectory="C:\\Windows\\system32\\",
        User=user,
        LogonGuid=UUID(int=0x2F4C61),
        LogonId=0x2F4C61 if user != SYSTEM else 0x3E7,
        TerminalSessionId=0 if user == SYSTEM else 1,
        IntegrityLevel="System" if user == SYSTEM else integrity,
        Hashes=hashes(image),
        ParentProcessGuid=parent.guid,
        ParentProcessId=parent.pid,
        ParentImage=parent.image,
        ParentCommandLine=parent.command_line,
        ParentUser=parent.user,
    )
    return child
