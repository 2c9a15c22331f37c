"""The main job from an empty case: evidence in, what is wrong with it, a scan, its progress, its hits."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.evtx_writer import write_evtx

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOGS = Path(__file__).parents[2] / "starter" / "evidence"


def _upload(page: Page, case: str, *files: Path) -> None:
    page.goto(f"{case}evidence/")
    page.locator("#files").set_input_files(files)
    expect(page.locator("#uploads .up")).to_have_count(len(files))


def _big_log(path: Path, events: int = 60_000) -> Path:
    """A log that takes a while: one process start again and again."""
    start = {
        "System": {
            "Provider": {"Name": "Microsoft-Windows-Sysmon"},
            "EventID": {"Value": 1},
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": "WS01.harbor.test",
            "TimeCreated": {"SystemTime": 1773300000.5},
        },
        "EventData": {
            "Image": "C:\\Windows\\System32\\whoami.exe",
            "CommandLine": "whoami /all",
            "User": "HARBOR\\ada",
        },
    }
    return write_evtx(path, (start for _ in range(events)))


def test_files_are_catalogued_and_what_is_no_log_is_refused_with_a_sentence(
    page: Page, new_case: Callable[[str], str], tmp_path: Path
) -> None:
    letter = tmp_path / "letter.evtx"
    letter.write_bytes(b"PK no event log at all" * 50)
    case = new_case("Evidence only")
    _upload(page, case, LOGS / "FS01-System.evtx", LOGS / "WS07-PowerShell-damaged.evtx", letter)
    uploads = page.locator("#uploads")
    expect(uploads.locator(".up", has_text="letter.evtx")).to_contain_text(re.compile("not|no ", re.I))
    files = page.locator("#evidence")
    system = files.get_by_role("row", name=re.compile("FS01-System"))
    expect(system).to_contain_text("424")
    expect(system).to_contain_text("FS01.harbor.test")
    expect(files.get_by_role("row", name=re.compile("letter"))).to_have_count(0)

    page.get_by_role("link", name="WS07-PowerShell-damaged.evtx").last.click()
    expect(page.locator("main")).to_contain_text(re.compile("salvaged", re.I))
    expect(page.locator("main")).to_contain_text(re.compile("lost", re.I))


def test_the_same_file_twice_is_stored_once(page: Page, new_case: Callable[[str], str]) -> None:
    case = new_case("Twice")
    _upload(page, case, LOGS / "WS07-Defender.evtx")
    expect(page.locator("#evidence")).to_contain_text("WS07-Defender.evtx")
    page.locator("#files").set_input_files(LOGS / "WS07-Defender.evtx")
    expect(page.locator("#uploads")).to_contain_text("The same bytes as WS07-Defender.evtx")
    expect(page.locator("#evidence").get_by_role("row", name=re.compile("Defender"))).to_have_count(1)


def test_a_scan_says_what_will_run_then_runs_live_and_leads_to_its_hits(
    page: Page, new_case: Callable[[str], str]
) -> None:
    case = new_case("Whole job")
    _upload(page, case, LOGS / "FS01-Security.evtx", LOGS / "FS01-System.evtx")
    expect(page.locator("#evidence").get_by_role("row", name=re.compile("FS01-Security"))).to_contain_text(
        "whole"
    )
    expect(page.locator("#evidence").get_by_role("row", name=re.compile("FS01-System"))).to_contain_text(
        "whole"
    )
    page.goto(f"{case}scans/new/")
    expect(page.locator("main")).to_contain_text("*/windows/security")
    page.get_by_role("button", name=re.compile("Start")).first.click()
    page.wait_for_url(re.compile(r"/scans/\d+/$"))
    expect(page.locator("main")).to_contain_text(re.compile(r"Every unit is over"))
    page.goto(f"{case}hits/")
    expect(page.locator("#stacks")).to_contain_text("PsExec service installed")


def test_progress_moves_without_a_reload_and_cancel_keeps_what_was_found(
    page: Page, new_case: Callable[[str], str], tmp_path: Path
) -> None:
    case = new_case("Cancelled")
    _upload(page, case, *(_big_log(tmp_path / f"big-{n}.evtx", 60_000 + n) for n in range(4)))
    expect(page.locator("#evidence").get_by_text("whole", exact=True)).to_have_count(4, timeout=60_000)
    page.goto(f"{case}scans/new/")
    page.get_by_role("button", name=re.compile("Start")).first.click()
    page.wait_for_url(re.compile(r"/scans/\d+/$"))
    loaded = page.evaluate("performance.timeOrigin")
    hits = page.locator(".prog-nums div", has=page.get_by_text("Hits", exact=True)).locator("dd")
    expect(hits).not_to_have_text(re.compile(r"^0\b"))
    page.get_by_role("button", name=re.compile("Cancel")).first.click()
    expect(page.locator("main")).to_contain_text(re.compile("What it had found stays"))
    assert page.evaluate("performance.timeOrigin") == loaded
