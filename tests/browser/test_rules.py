"""What a rule author does: import, edit with findings as they type, save, and meet somebody else's edit."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.rule_text import write

if TYPE_CHECKING:
    from playwright.sync_api import Page

RULE = """title: Oven started from {folder}
id: 6f0c1d0e-6a57-4f0b-9d55-0c1a2b3c4d{number:02d}
status: test
description: A made-up rule for the tests of the pages.
author: Tests
date: 2026-11-24
tags:
  - attack.execution
logsource:
  category: process_creation
  product: windows
detection:
  selection:
    Image|contains: '\\{folder}\\'
  condition: selection
falsepositives:
  - None
level: low
"""
BROKEN = """title: Oven without a condition
logsource:
  product: windows
detection:
  selection:
    Image: oven.exe
"""


def _rule(folder: str, number: int) -> str:
    return RULE.format(folder=folder, number=number)


def _archive(**files: str) -> dict[str, object]:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"ovens/{name}.yml", text)
    return {"name": "ovens.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}


def _import(page: Page, rule_set: str, *files: dict[str, object]) -> None:
    page.goto("/rules/import/")
    page.get_by_label("Files").set_input_files(files)
    page.get_by_label("Set").fill(rule_set)
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url(re.compile(r"/rules/import/\d+/"))


def _number(page: Page, label: str) -> str:
    return page.locator(".prog-nums div", has=page.get_by_text(label, exact=True)).locator("dd").inner_text()


def _new_rule(page: Page, rule_set: str, text: str) -> str:
    page.goto("/rules/new/")
    write(page, text)
    page.locator("#id_rule_set").fill(rule_set)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(r"/rules/\d+/$"))
    return page.url


def test_a_zip_of_rules_is_imported_and_a_broken_one_is_kept_with_its_findings(page: Page) -> None:
    _import(page, "Ovens", _archive(one=_rule("Red", 1), two=_rule("Blue", 2), three=BROKEN))
    expect(page.get_by_role("status")).to_contain_text("Finished in")
    assert [_number(page, label) for label in ("Created", "Unchanged", "Broken, kept")] == ["3", "0", "1"]
    page.get_by_role("link", name="Show the set").click()
    expect(page.get_by_role("link", name="Oven started from Red")).to_be_visible()
    page.get_by_role("link", name="Oven without a condition").click()
    expect(page.locator("main")).to_contain_text("condition")
    expect(page.locator("main")).to_contain_text(re.compile("[Bb]roken"))


def test_the_same_files_again_change_nothing_and_the_page_says_so(page: Page) -> None:
    files = _archive(one=_rule("Green", 3), two=_rule("White", 4))
    _import(page, "Same ovens", files)
    expect(page.get_by_role("status")).to_contain_text("Finished in")
    _import(page, "Same ovens", files)
    expect(page.get_by_role("status")).to_contain_text("Nothing changed: all 2 rules were there already")


def test_findings_follow_the_typing_and_go_when_the_text_is_mended(page: Page) -> None:
    address = _new_rule(page, "Edited", _rule("Grey", 5))
    page.goto(f"{address}edit/")
    write(page, _rule("Grey", 5).replace("condition: selection", "condition: selektion"))
    findings = page.locator("#findings")
    expect(findings).to_contain_text("selektion")
    write(page, _rule("Grey", 5))
    expect(findings).not_to_contain_text("selektion")


def test_ctrl_s_saves_a_new_version_that_the_sheet_shows(page: Page) -> None:
    address = _new_rule(page, "Edited", _rule("Black", 6))
    page.goto(f"{address}edit/")
    write(page, _rule("Black", 6).replace("level: low", "level: high"))
    page.keyboard.press("Control+s")
    page.wait_for_url(f"{address}review/")
    page.goto(address)
    expect(page.locator("main")).to_contain_text("level: high")
    expect(page.locator("main")).to_contain_text("High")
    page.goto(f"{address}versions/1/")
    expect(page.locator("main")).to_contain_text("level: low")


def test_two_people_at_once_get_a_conflict_page_and_nothing_is_lost(open_as: Callable[..., Page]) -> None:
    mira, jonas = open_as("mira"), open_as("jonas")
    address = _new_rule(mira, "Edited", _rule("Brown", 7))
    for person in (mira, jonas):
        person.goto(f"{address}edit/")
    write(mira, _rule("Brown", 7).replace("level: low", "level: high"))
    mira.get_by_role("button", name="Save").click()
    mira.wait_for_url(f"{address}review/")
    write(jonas, _rule("Brown", 7).replace("status: test", "status: stable"))
    jonas.get_by_role("button", name="Save").click()
    page = jonas.locator("main")
    expect(page).to_contain_text("mira")
    expect(page).to_contain_text("level: high")
    expect(page).to_contain_text("status: stable")


def test_the_library_narrows_while_one_types_and_by_its_filters(page: Page) -> None:
    page.goto("/rules/")
    page.keyboard.press("/")
    page.keyboard.type("shadow copies")
    expect(page.get_by_role("link", name="Backup copies of this computer deleted")).to_be_visible()
    expect(page.get_by_role("link", name="Account added to the local administrators")).to_have_count(0)
    page.goto("/rules/?level=critical")
    expect(page.get_by_role("link", name="Directory replication asked for by a user account")).to_be_visible()
    expect(page.get_by_role("link", name="Account added to the local administrators")).to_have_count(0)
