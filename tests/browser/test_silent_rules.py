"""A person asks why ten rules were silent: a debug scan, and on the first screen of each rule's page the cause."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from playwright.sync_api import expect

from tests.evtx_writer import write_evtx
from tests.evtx_writer.values import Typed

if TYPE_CHECKING:
    from playwright.sync_api import Page

SILENT = yaml.safe_load(Path(__file__).with_name("silent_rules.yml").read_text(encoding="utf-8"))
BASE = """\
logsource: {product: windows, service: security}
detection:
  selection: {EventID: 4625}
  condition: selection
"""


def rule_text(number: int, title: str, body: str, level: str = "high", name: str = "") -> bytes:
    uid = f"5a1e0000-0000-4000-8000-{number:012}"
    head = f"title: {title}\nid: {uid}\nstatus: test\nlevel: {level}\n"
    return (head + (f"name: {name}\n" if name else "") + body).encode()


def rules_archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("base.yml", rule_text(0, "Failed logon", BASE, name="failed-logon"))
        for number, one in enumerate(SILENT, 1):
            text = rule_text(number, one["title"], one["rule"], one.get("level", "high"))
            archive.writestr(f"{number}.yml", text)
    return packed.getvalue()


def event(provider: str, channel: str, event_id: int, second: int, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "System": {
            "Provider": {"Name": provider},
            "EventID": {"Value": event_id},
            "Channel": channel,
            "Computer": "WS01.harbor.test",
            "TimeCreated": {"SystemTime": 1773300000.0 + second},
        },
        "EventData": data,
    }


def evidence(folder: Path) -> list[Path]:
    start = {
        "Image": "C:\\Windows\\System32\\whoami.exe",
        "CommandLine": "whoami /all",
        "User": "HARBOR\\ada",
    }
    logon = {
        "TargetUserName": "ada",
        "Status": Typed("hex32", 0xC000006A),
        "LogonType": Typed("uint32", 3),
        "IpAddress": "10.0.0.7",
    }
    sysmon = ("Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational", 1)
    security = ("Microsoft-Windows-Security-Auditing", "Security", 4625)
    return [
        write_evtx(folder / "starts.evtx", (event(*sysmon, n, start) for n in range(12))),
        write_evtx(
            folder / "logons.evtx", (event(*security, n, {**logon, "ProcessId": 4000 + n}) for n in range(8))
        ),
    ]


def test_the_page_of_each_silent_rule_names_its_cause_on_the_first_screen(
    page: Page, new_case: Callable[[str], str], tmp_path: Path
) -> None:
    page.goto("/rules/import/")
    page.locator("#id_files").set_input_files(
        {"name": "silent.zip", "mimeType": "application/zip", "buffer": rules_archive()}
    )
    page.locator("#id_rule_set").fill("Silent rules")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("main")).to_contain_text("11")
    case = new_case("Silence")
    page.goto(f"{case}evidence/")
    page.locator("#files").set_input_files(evidence(tmp_path))
    expect(page.locator("#evidence").get_by_text("whole", exact=True)).to_have_count(2)

    page.goto(f"{case}scans/new/")
    page.get_by_label("Silent rules").check()
    page.get_by_label("High", exact=True).check()
    page.get_by_label("Debug", exact=True).check()
    expect(page.locator("#debug-cost")).to_contain_text("20 events is read and counted")
    page.get_by_role("button", name=re.compile("Start")).first.click()
    page.locator("#to-debug").click()
    debug = page.url

    for one in SILENT:
        page.goto(f"{debug}?q={one['title']}")
        page.get_by_role("link", name=one["title"], exact=True).click()
        cause = page.locator("#cause")
        expect(cause).to_have_attribute("data-cause", one["cause"])
        for said in one["says"]:
            expect(cause).to_contain_text(said.replace("`", ""))  # shown as code
        expect(cause).to_be_in_viewport(ratio=1)
