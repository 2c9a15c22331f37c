"""Triage by keyboard: undo, star, assign; and the deletion of a case with what it holds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.scans.conftest import log_bytes

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_verdicts_are_undone_and_hits_starred_and_taken_by_keys(page: Page, sample_case: str) -> None:
    page.goto(f"{sample_case}hits/?title=Failed+logon+from+a+public+address")
    rows = page.locator("#hits .hit-body")
    count = rows.count()
    assert count
    keys = page.keyboard
    page.locator("[data-check-all]").check()
    keys.press("3")
    judged = page.locator("#hits [data-verdict=false_positive]")
    expect(judged).to_have_count(count)
    expect(page.locator("#messages").get_by_role("button", name="Undo")).to_be_visible()
    page.reload()
    keys.press("u")
    expect(page.locator("#messages")).to_contain_text("of before again")
    expect(judged).to_have_count(0)

    keys.press("j")
    keys.press("s")
    expect(rows.first.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    keys.press("a")
    expect(rows.first.locator(".hit-who")).to_have_text("admin")
    page.get_by_text("Filter", exact=True).click()
    page.get_by_role("link", name="Assigned to me").click()
    expect(page).to_have_url(re.compile("assignee=admin"))
    expect(rows).to_have_count(1)
    keys.press("j")
    keys.press("Enter")
    slide = page.locator("#event[data-hit]")
    expect(slide).to_contain_text("Starred by admin")
    keys.press("s")
    expect(slide.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "false")
    expect(rows.first.get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "false")


def test_a_case_is_deleted_with_its_name_and_the_page_ends_when_it_is_gone(page: Page) -> None:
    page.goto("/cases/new/")
    page.get_by_label("Name").fill("Deleted <b>soon</b>")
    page.get_by_role("button", name="Create case").click()
    page.locator("#files").set_input_files(
        {"name": "a.evtx", "mimeType": "application/octet-stream", "buffer": log_bytes(3)}
    )
    expect(page.locator("#evidence, .page").last).to_contain_text("a.evtx")
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="Delete this case").click()
    page.locator("#name").fill("Deleted <b>soon</b>")
    page.get_by_role("button", name="Delete case").click()
    expect(page.get_by_role("heading", name="Deleted <b>soon</b> is gone")).to_be_visible()
    expect(page.locator("#deletion")).to_contain_text("1 file")
    page.goto("/cases/")
    page.get_by_role("link", name="What was deleted").click()
    expect(page.locator("[data-row]", has_text="Deleted <b>soon</b>")).to_contain_text("gone")
