"""An ordinary morning on two servers: logons, shares, tickets, services and tasks while nothing is wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from starter.story.cast import CONTROLLER, DOMAIN, DOMAIN_SID, STAFF, Diary, Person
from starter.story.programs import PARENTS, PROGRAMS
from starter.story.quiet_workstation import steps

SERVICE_NAMES = (
    "Windows Update",
    "Background Intelligent Transfer Service",
    "Windows Modules Installer",
    "WinHTTP Web Proxy Auto-Discovery",
    "Software Protection",
    "Network List Service",
    "Device Setup Manager",
    "Windows Error Reporting Service",
    "Volume Shadow Copy",
    "Microsoft Account Sign-in Assistant",
    "Application Experience",
    "Windows Installer",
)
TASK_NAMES = (
    (r"\Microsoft\Windows\UpdateOrchestrator\Schedule Scan", r"C:\Windows\system32\usoclient.exe"),
    (r"\Microsoft\Windows\Defrag\ScheduledDefrag", r"C:\Windows\system32\defrag.exe"),
    (r"\Microsoft\Windows\Registry\RegIdleBackup", r"C:\Windows\system32\svchost.exe"),
    (r"\Microsoft\Windows\Time Synchronization\SynchronizeTime", r"C:\Windows\system32\sc.exe"),
    (r"\Microsoft\Windows\WindowsUpdate\Scheduled Start", r"C:\Windows\system32\sc.exe"),
    (r"\Microsoft\Windows\Diagnosis\Scheduled", r"C:\Windows\system32\sdiagschd.dll"),
    (r"\GoogleUpdaterTaskSystem", r"C:\Program Files (x86)\Google\GoogleUpdater\updater.exe"),
    (r"\Backup\Nightly copy of the shares", r"C:\Program Files\Harbor Backup\hbackup.exe"),
)


def services(diary: Diary, number: int) -> None:
    """A server's System log: services come and go, updates are installed, the clock is set."""
    for count, time in enumerate(sorted(steps(diary, number))):
        name = diary.random.choice(SERVICE_NAMES)
        if count % 40 == 7:
            diary.write(
                "clock_changed", time, NewTime=time, OldTime=time - timedelta(milliseconds=12), Reason=2
            )
        elif count % 55 == 9:
            diary.write(
                "update_installed",
                time,
                updateTitle=f"Security Intelligence Update, version 1.445.{count}.0",
                updateGuid=UUID(int=diary.random.getrandbits(128)),
                updateRevisionNumber=200,
                serviceGuid=UUID(int=0x9482F4B4),
            )
        elif count % 25 == 3:
            diary.write(
                "service_start_type",
                time,
                param1=name,
                param2="demand start",
                param3="auto start",
                param4=name[:4],
            )
        else:
            diary.write(
                "service_state", time, param1=name, param2=diary.random.choice(("running", "stopped"))
            )


def tasks(diary: Diary, number: int) -> None:
    """The task scheduler's usual work: each run is a trigger, a process, an action and its end."""
    for time in steps(diary, number // 4):
        name, action = diary.random.choice(TASK_NAMES)
        instance, pid = UUID(int=diary.random.getrandbits(128)), diary.process(action).pid
        diary.write("task_triggered", time, TaskName=name, InstanceId=instance)
        diary.write(
            "task_process",
            time + timedelta(milliseconds=40),
            TaskName=name,
            Path=action,
            ProcessID=pid,
            Priority=16384,
        )
        diary.write(
            "task_action",
            time + timedelta(milliseconds=45),
            TaskName=name,
            ActionName=action,
            TaskInstanceId=instance,
            EnginePID=pid,
        )
        diary.write(
            "task_action_done",
            time + timedelta(seconds=3),
            TaskName=name,
            TaskInstanceId=instance,
            ActionName=action,
            EnginePID=pid,
        )


def session(
    diary: Diary, time: datetime, person: Person, address: str, station: str, logon_type: int = 3
) -> int:
    """A logon over the network, as the target's Security log has it. Returns the logon's id."""
    logon = diary.random.randrange(0x100000, 0xFFFFFF)
    diary.write(
        "logon",
        time,
        SubjectUserSid="S-1-0-0",
        TargetUserSid=person.sid,
        TargetUserName=person.name,
        TargetDomainName=person.domain,
        TargetLogonId=logon,
        LogonType=logon_type,
        LogonProcessName="User32" if logon_type == 10 else "Kerberos",
        AuthenticationPackageName="Negotiate" if logon_type == 10 else "Kerberos",
        WorkstationName=station,
        LogonGuid=UUID(int=diary.random.getrandbits(128)),
        IpAddress=address,
        IpPort=str(diary.random.randrange(49200, 65000)),
        ImpersonationLevel="%%1833",
        VirtualAccount="%%1843",
        ElevatedToken="%%1842",
    )
    return logon


def share_use(diary: Diary, number: int) -> None:
    """A file server on which people log on, open files of the shares, and log off."""
    for time in steps(diary, number // 4):
        person, station, address = diary.random.choice(STAFF)
        logon = session(diary, time, person, address, station)
        for count in range(2):
            file = diary.random.choice(
                (r"Orders\flour-march.xlsx", r"Orders\notes.txt", r"Letters\supplier.docx", "Recipes")
            )
            diary.write(
                "share_file",
                time + timedelta(seconds=4 + count),
                SubjectUserSid=person.sid,
                SubjectUserName=person.name,
                SubjectDomainName=DOMAIN,
                SubjectLogonId=logon,
                ObjectType="File",
                IpAddress=address,
                IpPort="50114",
                ShareName=r"\\*\Bakery",
                ShareLocalPath=r"\??\D:\Shares\Bakery",
                RelativeTargetName=file,
                AccessMask=0x120089,
                AccessList="%%1538 %%1541 %%4416",
                AccessReason="-",
            )
        diary.write(
            "logoff",
            time + timedelta(minutes=6),
            TargetUserSid=person.sid,
            TargetUserName=person.name,
            TargetDomainName=DOMAIN,
            TargetLogonId=logon,
            LogonType=3,
        )


def server_programs(diary: Diary, number: int) -> None:
    """Processes of a server without Sysmon: Security 4688 with its command line."""
    for time in steps(diary, number):
        image, command_line, parent, _ = diary.random.choice(PROGRAMS[4:])
        diary.write(
            "new_process",
            time,
            SubjectUserSid="S-1-5-18",
            SubjectUserName="FS01$",
            SubjectDomainName=DOMAIN,
            SubjectLogonId=0x3E7,
            NewProcessId=diary.process(image).pid,
            NewProcessName=image,
            TokenElevationType="%%1936",
            ProcessId=diary.process(parent).pid,
            CommandLine=command_line,
            ParentProcessName=PARENTS[parent],
            MandatoryLabel="S-1-16-16384",
        )


def tickets(diary: Diary, number: int) -> None:
    """A domain controller that gives out tickets with AES, as it should."""
    for time in steps(diary, number // 3):
        person, station, address = diary.random.choice(STAFF)
        source = {"IpAddress": f"::ffff:{address}", "IpPort": str(diary.random.randrange(49200, 65000))}
        diary.write(
            "ticket_granting",
            time,
            TargetUserName=person.name,
            TargetDomainName=DOMAIN,
            TargetSid=person.sid,
            ServiceName="krbtgt",
            ServiceSid=f"{DOMAIN_SID}-502",
            TicketOptions=0x40810010,
            TicketEncryptionType=0x12,
            PreAuthType="2",
            CertIssuerName="",
            CertSerialNumber="",
            CertThumbprint="",
            **source,
        )
        service = diary.random.choice(("FS01$", "DC01$", f"{station}$"))
        diary.write(
            "service_ticket",
            time + timedelta(milliseconds=30),
            TargetUserName=f"{person.name}@HARBOR.TEST",
            TargetDomainName="HARBOR.TEST",
            ServiceName=service,
            ServiceSid=f"{DOMAIN_SID}-1001",
            TicketOptions=0x40810000,
            TicketEncryptionType=0x12,
            LogonGuid=UUID(int=diary.random.getrandbits(128)),
            **source,
        )
        session(diary, time + timedelta(milliseconds=60), person, address, "-")
    for time in steps(diary, number // 40):
        diary.write(
            "privileges",
            time,
            SubjectUserSid="S-1-5-18",
            SubjectUserName=f"{CONTROLLER.short}$",
            SubjectDomainName=DOMAIN,
            SubjectLogonId=0x3E7,
            PrivilegeList="SeSecurityPrivilege SeBackupPrivilege",
        )
