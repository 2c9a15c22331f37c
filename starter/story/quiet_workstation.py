"""An ordinary morning on a workstation: what Sysmon, PowerShell and Defender write while nothing is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from starter.story.cast import MIRA, SYSTEM, Diary, at, hashes, start
from starter.story.programs import PARENTS, PROGRAMS, SITES

FIRST, LAST = at("06:30:00"), at("11:40:00")

BLOCKS = (
    "prompt",
    "$global:?",
    "{ Set-StrictMode -Version 1; $_.PSMessageDetails }",
    "Get-ChildItem P:\\Orders -Filter *.xlsx | Sort-Object LastWriteTime | Select-Object -Last 5",
    "Get-Printer | Where-Object PrinterStatus -ne 'Normal' | Format-Table Name, PrinterStatus",
    "Test-Connection fs01.harbor.test -Count 2",
    "Get-PSDrive -PSProvider FileSystem",
    "Import-Csv P:\\Orders\\flour.csv",
    "Get-Service Spooler | Restart-Service -WhatIf",
    "Get-Date -Format 'yyyy-MM-dd'",
)


def steps(diary: Diary, number: int) -> Iterator[datetime]:
    """`number` moments of the morning, at random."""
    for _ in range(number):
        yield diary.moment(FIRST, LAST)


def sysmon(diary: Diary, number: int) -> None:
    """A workstation that Mira uses, as Sysmon sees it."""
    kinds = (_program, _program, _dns, _connection, _file, _registry, _library, _access, _pipe)
    for time in steps(diary, number):
        diary.random.choice(kinds)(diary, time)


def _program(diary: Diary, time: datetime) -> None:
    image, command_line, parent, by_person = diary.random.choice(PROGRAMS)
    start(
        diary,
        time,
        image,
        command_line,
        diary.process(PARENTS[parent]),
        MIRA.account if by_person else SYSTEM,
    )


def _browser(diary: Diary) -> dict[str, object]:
    process = diary.process(PARENTS["msedge"] if diary.random.random() < 0.7 else PARENTS["svchost"])
    user = MIRA.account if process.image == PARENTS["msedge"] else "NT AUTHORITY\\NETWORK SERVICE"
    return {"ProcessGuid": process.guid, "ProcessId": process.pid, "Image": process.image, "User": user}


def _dns(diary: Diary, time: datetime) -> None:
    site, address = diary.random.choice(SITES)
    diary.write(
        "dns", time, QueryName=site, QueryStatus="0", QueryResults=f"::ffff:{address};", **_browser(diary)
    )


def _connection(diary: Diary, time: datetime) -> None:
    site, address = diary.random.choice(SITES)
    port, service = diary.random.choice(((443, "https"), (443, "https"), (80, "http")))
    diary.write(
        "connection",
        time,
        Protocol="tcp",
        Initiated=True,
        SourceIp="10.20.4.17",
        SourceHostname="WS07.harbor.test",
        SourcePort=diary.random.randrange(49200, 65000),
        DestinationIp=address,
        DestinationHostname=site,
        DestinationPort=port,
        DestinationPortName=service,
        **_browser(diary),
    )


def _file(diary: Diary, time: datetime) -> None:
    name = diary.random.choice(
        (
            r"AppData\Local\Microsoft\Edge\User Data\Default\Cache\f_%06x",
            r"AppData\Local\Temp\~DF%06X.TMP",
            r"AppData\Roaming\Microsoft\Office\Recent\flour-%06x.LNK",
            r"Documents\~$order-%06x.docx",
        )
    )
    diary.write(
        "file",
        time,
        TargetFilename="C:\\Users\\mira.holt\\" + name % diary.random.getrandbits(24),
        **_browser(diary),
    )


def _registry(diary: Diary, time: datetime) -> None:
    key, details = diary.random.choice(
        (
            (
                rf"HKU\{MIRA.sid}\Software\Microsoft\Office\16.0\Word\Reading Locations\Document 1\Datetime",
                "2026-03-12T08:12",
            ),
            (
                r"HKLM\System\CurrentControlSet\Services\bam\State\UserSettings\S-1-5-18\SequenceNumber",
                "DWORD (0x00000011)",
            ),
            (
                r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\LastOnlineScanTime",
                "Binary Data",
            ),
            (
                r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run\SecurityHealth",
                r"%windir%\system32\SecurityHealthSystray.exe",
            ),
        )
    )
    diary.write("registry", time, EventType="SetValue", TargetObject=key, Details=details, **_browser(diary))


def _library(diary: Diary, time: datetime) -> None:
    image, _, _, by_person = diary.random.choice(PROGRAMS)
    library = diary.random.choice(
        (
            r"C:\Windows\System32\amsi.dll",
            r"C:\Windows\System32\winhttp.dll",
            r"C:\Windows\System32\wbem\fastprox.dll",
            r"C:\Windows\System32\dbghelp.dll",
        )
    )
    process = diary.process(image)
    diary.write(
        "library",
        time,
        ProcessGuid=process.guid,
        ProcessId=process.pid,
        Image=image,
        ImageLoaded=library,
        Company="Microsoft Corporation",
        Hashes=hashes(library),
        Signed="true",
        Signature="Microsoft Windows",
        SignatureStatus="Valid",
        User=MIRA.account if by_person else SYSTEM,
    )


def _access(diary: Diary, time: datetime) -> None:
    source = diary.process(
        diary.random.choice(
            (PARENTS["svchost"], r"C:\ProgramData\Microsoft\Windows Defender\Platform\MsMpEng.exe")
        )
    )
    target = diary.process(diary.random.choice((r"C:\Windows\System32\lsass.exe", PARENTS["explorer"])))
    diary.write(
        "access",
        time,
        SourceProcessGUID=source.guid,
        SourceProcessId=source.pid,
        SourceImage=source.image,
        TargetProcessGUID=target.guid,
        TargetProcessId=target.pid,
        TargetImage=target.image,
        GrantedAccess=0x1000,
        CallTrace=r"C:\Windows\SYSTEM32\ntdll.dll+9d4c4|C:\Windows\System32\KERNELBASE.dll+2c0ae",
        SourceUser=SYSTEM,
        TargetUser=SYSTEM,
    )


def _pipe(diary: Diary, time: datetime) -> None:
    browser = _browser(diary)
    diary.write(
        "pipe",
        time,
        EventType="CreatePipe",
        PipeName=f"\\mojo.{browser['ProcessId']}.{diary.random.getrandbits(40)}",
        **browser,
    )


def powershell(diary: Diary, number: int) -> None:
    """Scripts of a person who looks after printers and order lists."""
    for time in steps(diary, number):
        if diary.random.random() < 0.15:
            diary.write("console_starting", time, user_sid=MIRA.sid)
            diary.write("console_ready", time + timedelta(milliseconds=180), user_sid=MIRA.sid)
            continue
        diary.write(
            "script_block",
            time,
            user_sid=MIRA.sid,
            MessageNumber=1,
            MessageTotal=1,
            ScriptBlockText=diary.random.choice(BLOCKS),
            ScriptBlockId=str(UUID(int=diary.random.getrandbits(128))),
            Path="",
        )


def defender(diary: Diary, number: int) -> None:
    """Scans and new definitions of a healthy antivirus."""
    product = {"Product_Name": "Microsoft Defender Antivirus", "Product_Version": "4.18.26010.5"}
    for count, time in enumerate(sorted(steps(diary, number))):
        if count % 2:
            diary.write(
                "scan_started",
                time,
                Scan_ID=f"{{{diary.random.getrandbits(128):032X}}}",
                Scan_Type_Index=1,
                Scan_Type="Antimalware",
                Scan_Parameters_Index=1,
                Scan_Parameters="Quick Scan",
                Domain="NT AUTHORITY",
                User="SYSTEM",
                SID="S-1-5-18",
                **product,
            )
            continue
        diary.write(
            "definitions_updated",
            time,
            Current_Signature_Version=f"1.445.{count + 1}.0",
            Previous_Signature_Version=f"1.445.{count}.0",
            Domain="NT AUTHORITY",
            User="SYSTEM",
            SID="S-1-5-18",
            Signature_Type_Index=1,
            Signature_Type="AntiVirus",
            Update_Type_Index=2,
            Update_Type="Delta",
            Current_Engine_Version="1.1.26010.3",
            Previous_Engine_Version="1.1.26010.3",
            **product,
        )
