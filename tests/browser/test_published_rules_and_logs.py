"""The main job at its real size: all of SigmaHQ's rules and a folder of other people's logs, through the pages."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting")
MINUTES_MS = 240_000


def _archive(folder: Path, target: Path) -> int:
    """Pack the published rules as a release does; how many files went in."""
    files = [file for name in FOLDERS for file in sorted((folder / name).rglob("*.yml"))]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(folder))
    return len(files)


def _count(page: Page, label: str) -> int:
    shown = page.locator(".prog-nums div", has=page.get_by_text(label, exact=True)).locator("dd").inner_text()
    return int(re.sub(r"\D.*", "", shown.replace(",", "")))


def test_all_published_rules_find_what_is_in_all_published_logs(
    page: Page, new_case: Callable[[str], str], shared_data: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "sigmahq.zip"
    files = _archive(shared_data / "sigmahq", archive)
    page.goto("/rules/import/")
    page.get_by_label("Files").set_input_files(archive)
    page.get_by_label("Set").fill("SigmaHQ")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Finished in", timeout=MINUTES_MS)
    assert _count(page, "Created") >= files
    assert _count(page, "Files refused") == 0

    logs = sorted((shared_data / "evtx-attack-samples").rglob("*.evtx"))
    case = new_case("Attack samples")
    page.goto(f"{case}evidence/")
    page.locator("#files").set_input_files(logs)
    expect(page.locator("#uploads .up")).to_have_count(len(logs))
    expect(page.locator("#uploads").get_by_role("button", name="Stop")).to_have_count(0, timeout=MINUTES_MS)
    page.goto(f"{case}evidence/")
    expect(page.locator("#evidence").get_by_text(re.compile("waiting|cataloguing"))).to_have_count(
        0, timeout=MINUTES_MS
    )

    page.goto(f"{case}scans/new/")
    page.get_by_label("SigmaHQ").check()
    expect(page.locator("#preflight")).to_contain_text("process_creation/windows/*")
    page.get_by_role("button", name=re.compile("Start")).first.click()
    page.wait_for_url(re.compile(r"/scans/\d+/$"))
    expect(page.locator("main")).to_contain_text("Every unit is over", timeout=MINUTES_MS)
    assert _count(page, "Hits") > 1_000

    page.goto(f"{case}hits/?stack=title&order=common")
    rows = page.locator("#stacks .stack-row")
    expect(rows).to_have_count(50)
    most = rows.first
    wanted = most.locator(".stack-count").inner_text()
    most.locator(".stack-name").click()
    expect(page.locator("main")).to_contain_text(re.compile(rf"{wanted} of "))
