"""The programs that run on an ordinary morning, and the places that they ask for. All sites are invented."""

from __future__ import annotations

# image, command line, parent image, whether the person runs it (else SYSTEM)
PROGRAMS = (
    (
        r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
        r'"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --type=renderer --lang=en-GB',
        "msedge",
        True,
    ),
    (
        r"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE",
        r'"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE" "P:\Orders\flour-march.xlsx"',
        "explorer",
        True,
    ),
    (
        r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE",
        r'"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE" /n "P:\Letters\supplier.docx"',
        "explorer",
        True,
    ),
    (
        r"C:\Windows\System32\notepad.exe",
        r'"C:\Windows\system32\notepad.exe" P:\Orders\notes.txt',
        "explorer",
        True,
    ),
    (
        r"C:\Windows\System32\svchost.exe",
        r"C:\Windows\system32\svchost.exe -k netsvcs -p -s Schedule",
        "services",
        False,
    ),
    (
        r"C:\Windows\System32\svchost.exe",
        r"C:\Windows\System32\svchost.exe -k wsappx -p -s ClipSVC",
        "services",
        False,
    ),
    (r"C:\Windows\System32\taskhostw.exe", r"taskhostw.exe Install $(Arg0)", "svchost", False),
    (
        r"C:\Windows\System32\backgroundTaskHost.exe",
        r'"C:\Windows\system32\backgroundTaskHost.exe"',
        "svchost",
        True,
    ),
    (
        r"C:\Windows\System32\RuntimeBroker.exe",
        r"C:\Windows\System32\RuntimeBroker.exe -Embedding",
        "svchost",
        True,
    ),
    (
        r"C:\Windows\System32\SearchProtocolHost.exe",
        r'"C:\Windows\system32\SearchProtocolHost.exe" Global\UsGth1',
        "svchost",
        False,
    ),
    (
        r"C:\Windows\System32\conhost.exe",
        r"\??\C:\Windows\system32\conhost.exe 0xffffffff -ForceV1",
        "svchost",
        False,
    ),
    (
        r"C:\Windows\System32\wbem\WmiPrvSE.exe",
        r"C:\Windows\system32\wbem\wmiprvse.exe -secured -Embedding",
        "svchost",
        False,
    ),
    (r"C:\Windows\System32\gpupdate.exe", r"gpupdate.exe /target:user", "svchost", True),
    (
        r"C:\Windows\System32\dllhost.exe",
        r"C:\Windows\system32\DllHost.exe /Processid:{AB8902B4-09CA-4BB6-B78D-A8F59079A8D5}",
        "svchost",
        True,
    ),
)
PARENTS = {
    "msedge": r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    "explorer": r"C:\Windows\explorer.exe",
    "services": r"C:\Windows\System32\services.exe",
    "svchost": r"C:\Windows\System32\svchost.exe",
}
SITES = (
    ("search.example", "192.0.2.10"),
    ("login.example", "192.0.2.20"),
    ("mail.example", "192.0.2.21"),
    ("flour-exchange.example", "192.0.2.80"),
    ("weather.harbor-town.example", "192.0.2.81"),
    ("ocsp.example", "192.0.2.30"),
    ("updates.example", "192.0.2.22"),
    ("parcels.example", "192.0.2.82"),
    ("fs01.harbor.test", "10.20.1.12"),
)
