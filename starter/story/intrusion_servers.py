"""What the intruder does on the servers, in the order in which it happens.

06:41 passwords are guessed from outside; 09:15 service tickets are collected from DC01; 10:03 the
administrator's account opens FS01 with PsExec; 10:40 the domain's hashes are replicated from DC01; 10:52 FS01
loses its backup copies and a log.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from starter.story.cast import (
    ADMINISTRATOR,
    DOMAIN,
    DOMAIN_SID,
    INTRUDERS_ACCOUNT,
    MIRA,
    WORKSTATION,
    Diary,
    at,
)
from starter.story.intrusion_workstation import CMD, ENCODED, SYSTEM32
from starter.story.quiet_servers import session

GUESSER = "198.51.100.23"


def server_security(diary: Diary) -> None:
    """FS01: guesses from outside at dawn, then the administrator's stolen account at work."""
    _guesses(diary)
    session(diary, at("10:02:40"), ADMINISTRATOR, WORKSTATION.address, WORKSTATION.short)
    subject = {
        "SubjectUserSid": ADMINISTRATOR.sid,
        "SubjectUserName": ADMINISTRATOR.name,
        "SubjectDomainName": DOMAIN,
        "SubjectLogonId": 0x5A11C0,
    }
    diary.write(
        "privileges", at("10:02:40.100000"), PrivilegeList="SeDebugPrivilege SeBackupPrivilege", **subject
    )
    diary.write(
        "share_file",
        at("10:02:58"),
        ObjectType="File",
        IpAddress=WORKSTATION.address,
        IpPort="50733",
        ShareName=r"\\*\ADMIN$",
        ShareLocalPath=r"\??\C:\Windows",
        RelativeTargetName="PSEXESVC.exe",
        AccessMask=0x17019F,
        AccessList="%%1537 %%1538 %%4417",
        **subject,
    )
    service = r"C:\Windows\PSEXESVC.exe"
    for clock, image, command_line in (
        ("10:03:05", CMD, "cmd.exe"),
        ("10:05:10", SYSTEM32 + "net.exe", "net user svc_update Parcel-2026 /add"),
        ("10:05:24", SYSTEM32 + "net.exe", "net localgroup administrators svc_update /add"),
        (
            "10:12:02",
            SYSTEM32 + "schtasks.exe",
            r"schtasks /create /tn ParcelSync /sc minute /mo 30 /tr C:\Users\Public\sync.exe",
        ),
        (
            "10:31:40",
            r"C:\Users\Public\7z.exe",
            r"7z.exe a -pParcel-2026 C:\ProgramData\books.7z D:\Shares\Bakery\Orders",
        ),
        ("10:52:11", SYSTEM32 + "vssadmin.exe", "vssadmin.exe delete shadows /all /quiet"),
        ("10:52:19", SYSTEM32 + "bcdedit.exe", "bcdedit /set {default} recoveryenabled No"),
        ("10:58:02", SYSTEM32 + "wevtutil.exe", "wevtutil cl Application"),
    ):
        diary.write(
            "new_process",
            at(clock),
            SubjectUserSid="S-1-5-18",
            SubjectUserName="FS01$",
            SubjectDomainName=DOMAIN,
            SubjectLogonId=0x3E7,
            NewProcessId=diary.process(image).pid,
            NewProcessName=image,
            TokenElevationType="%%1936",
            ProcessId=0x1A2C,
            CommandLine=command_line,
            TargetUserSid=ADMINISTRATOR.sid,
            TargetUserName=ADMINISTRATOR.name,
            TargetDomainName=DOMAIN,
            TargetLogonId=0x5A11C0,
            ParentProcessName=service if image == CMD else CMD,
            MandatoryLabel="S-1-16-12288",
        )
    _new_account_and_task(diary, subject)
    session(diary, at("10:20:33"), ADMINISTRATOR, WORKSTATION.address, "FS01", 10)
    session(diary, at("10:44:07"), INTRUDERS_ACCOUNT, GUESSER, "FS01", 10)


def _guesses(diary: Diary) -> None:
    """Passwords tried over the internet: known names fail with 0xc000006a, unknown ones with 0xc0000064."""
    names = ("administrator", "admin", "test", "scanner", "backup", "guest", "office")
    for count in range(21):
        name = names[count % len(names)]
        known = name in ("administrator", "guest")
        diary.write(
            "logon_failed",
            at("06:41:03") + timedelta(seconds=16 * count + diary.random.randrange(9)),
            TargetUserName=name,
            TargetDomainName="",
            Status=0xC000006D,
            FailureReason="%%2313",
            SubStatus=0xC000006A if known else 0xC0000064,
            LogonType=3,
            LogonProcessName="NtLmSsp",
            AuthenticationPackageName="NTLM",
            WorkstationName="KALLAX",
            IpAddress=GUESSER,
            IpPort="0",
        )


def _new_account_and_task(diary: Diary, subject: dict[str, object]) -> None:
    new = f"{DOMAIN_SID}-{INTRUDERS_ACCOUNT.rid}"
    diary.write(
        "user_created",
        at("10:05:10.300000"),
        TargetUserName=INTRUDERS_ACCOUNT.name,
        TargetDomainName="FS01",
        TargetSid=new,
        SamAccountName=INTRUDERS_ACCOUNT.name,
        PrimaryGroupId="513",
        OldUacValue="0x0",
        NewUacValue="0x15",
        **subject,
    )
    diary.write(
        "member_added",
        at("10:05:24.300000"),
        MemberSid=new,
        TargetUserName="Administrators",
        TargetDomainName="Builtin",
        TargetSid="S-1-5-32-544",
        **subject,
    )
    content = (
        '<?xml version="1.0" encoding="UTF-16"?><Task version="1.2"><Triggers><TimeTrigger>'
        "<Repetition><Interval>PT30M</Interval></Repetition></TimeTrigger></Triggers><Actions><Exec>"
        "<Command>C:\\Users\\Public\\sync.exe</Command></Exec></Actions></Task>"
    )
    diary.write(
        "task_created", at("10:12:02.300000"), TaskName="\\ParcelSync", TaskContent=content, **subject
    )


def server_system(diary: Diary) -> None:
    """FS01: the services that carry the intruder's commands, and the log that was emptied."""
    diary.write(
        "service_installed",
        at("10:03:01"),
        ServiceName="PSEXESVC",
        ImagePath=r"%SystemRoot%\PSEXESVC.exe",
        ServiceType="user mode service",
        StartType="demand start",
        AccountName="LocalSystem",
    )
    diary.write("service_state", at("10:03:02"), param1="PSEXESVC", param2="running")
    diary.write(
        "service_installed",
        at("10:08:15"),
        ServiceName="PrintQueueHelper",
        AccountName="LocalSystem",
        ImagePath=f"%COMSPEC% /c start /b powershell.exe -nop -w hidden -enc {ENCODED}",
        ServiceType="user mode service",
        StartType="auto start",
    )
    diary.write(
        "log_cleared",
        at("10:58:02.500000"),
        user_sid=ADMINISTRATOR.sid,
        SubjectUserName=ADMINISTRATOR.name,
        SubjectDomainName=DOMAIN,
        Channel="Application",
        BackupPath="",
    )


def server_tasks(diary: Diary) -> None:
    """FS01: the task that starts the intruder's program every half hour."""
    name, action = "\\ParcelSync", r"C:\Users\Public\sync.exe"
    diary.write("task_registered", at("10:12:02.400000"), TaskName=name, UserContext=ADMINISTRATOR.account)
    for run in range(3):
        time, instance = at("10:12:30") + timedelta(minutes=30 * run), UUID(int=diary.random.getrandbits(128))
        diary.write("task_triggered", time, TaskName=name, InstanceId=instance)
        diary.write(
            "task_action",
            time + timedelta(milliseconds=30),
            TaskName=name,
            ActionName=action,
            TaskInstanceId=instance,
        )
        diary.write(
            "task_action_done",
            time + timedelta(seconds=9),
            TaskName=name,
            TaskInstanceId=instance,
            ActionName=action,
        )


def controller_security(diary: Diary) -> None:
    """DC01: tickets to be guessed offline, and in the end the hashes of everybody."""
    source = {"IpAddress": f"::ffff:{WORKSTATION.address}", "IpPort": "50601"}
    for count, service in enumerate(("svc-orders", "svc-print", "svc-backup", "svc-web")):
        diary.write(
            "service_ticket",
            at("09:15:02") + timedelta(milliseconds=210 * count),
            TargetDomainName="HARBOR.TEST",
            TargetUserName=f"{MIRA.name}@HARBOR.TEST",
            ServiceName=service,
            ServiceSid=f"{DOMAIN_SID}-{1201 + count}",
            TicketOptions=0x40810000,
            TicketEncryptionType=0x17,
            LogonGuid=UUID(int=diary.random.getrandbits(128)),
            **source,
        )
    diary.write(
        "ticket_granting",
        at("09:40:18"),
        TargetUserName="svc-scan",
        TargetDomainName=DOMAIN,
        TargetSid=f"{DOMAIN_SID}-1210",
        ServiceName="krbtgt",
        ServiceSid=f"{DOMAIN_SID}-502",
        TicketOptions=0x40800010,
        TicketEncryptionType=0x17,
        PreAuthType="0",
        **source,
    )
    session(diary, at("10:39:50"), ADMINISTRATOR, "10.20.1.12", "-")
    rights = (
        "{1131f6aa-9c07-11d1-f79f-00c04fc2dcd2}",
        "{1131f6ad-9c07-11d1-f79f-00c04fc2dcd2}",
        "{89e95b76-444d-4c62-991a-0facbeda640c}",
    )
    for count, right in enumerate(rights):
        diary.write(
            "directory_access",
            at("10:40:02") + timedelta(milliseconds=90 * count),
            SubjectUserSid=ADMINISTRATOR.sid,
            SubjectUserName=ADMINISTRATOR.name,
            SubjectDomainName=DOMAIN,
            SubjectLogonId=0x71B0E2,
            ObjectServer="DS",
            ObjectType="%{19195a5b-6da0-11d0-afd3-00c04fd930c9}",
            ObjectName="%{c6a1f2de-5f0f-4a34-9c11-7b5a3c0e2d11}",
            OperationType="Object Access",
            AccessList="%%7688",
            AccessMask=0x100,
            Properties=(f"%%7688 {right} {{19195a5b-6da0-11d0-afd3-00c04fd930c9}}"),
        )
