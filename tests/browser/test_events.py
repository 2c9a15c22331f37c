"""What a rule author does with raw events: find them, pick them by keyboard, draft a rule and open it in the editor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.conftest import PHONE

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import OpenAs


def test_events_are_picked_and_drafted_from_by_keyboard_alone(page: Page, sample_case: str) -> None:
    page.goto(f"{sample_case}events/")
    page.keyboard.press("/")
    page.keyboard.type("cmd.exe")
    page.keyboard.press("Enter")
    expect(page.locator(".chip-text", has_text="cmd.exe")).to_be_visible()
    expect(page.locator("#events .hit-body").nth(1)).to_be_visible()
    for key in ("Escape", "j", "x", "j", "x"):  # out of the field, then down the rows
        page.keyboard.press(key)
    expect(page.locator("[data-picked]")).to_have_text("2 selected")
    page.keyboard.press("d")
    page.wait_for_url(re.compile(r"/draft/\?event="))
    expect(page.get_by_role("heading", name="Draft from 2 events")).to_be_visible()
    expect(page.locator("#draft-looked")).to_contain_text("the share of")
    text = page.locator("#draft-text")
    expect(text).to_have_value(re.compile("condition: selection"))
    page.get_by_label("Title").fill("A shell in the sample case")
    expect(text).to_have_value(re.compile("title: A shell in the sample case"))
    page.locator("#draft-fields label", has_text=re.compile("^EventID$")).first.click()
    expect(text).to_have_value(re.compile(r"\n        EventID: \d+"))
    page.keyboard.press("Control+Enter")
    page.wait_for_url(re.compile("/rules/new/"))
    expect(page.locator("#rule-form [name=text]")).to_have_value(
        re.compile("title: A shell in the sample case")
    )
    expect(page.locator("#pins")).to_contain_text("2 of 2 hit")


def test_chosen_hits_become_a_draft(page: Page, sample_case: str) -> None:
    page.goto(f"{sample_case}hits/")
    for key in ("j", "x", "d"):
        page.keyboard.press(key)
    page.wait_for_url(re.compile(r"/draft/\?event="))
    expect(page.get_by_role("heading", name="Draft from 1 event")).to_be_visible()


def test_an_event_its_surroundings_and_a_value_lead_to_one_another(open_as: OpenAs, sample_case: str) -> None:
    page = open_as(size=PHONE)
    page.goto(f"{sample_case}events/?event_id=4624")
    page.locator("#events .hit-rule a").first.click()
    page.wait_for_url(re.compile(r"/events/\d+/\d+/$"))
    page.get_by_role("link", name="Events around this one").click()
    expect(page.locator("#events .hit-body[aria-current]")).to_have_count(1)
    page.go_back()
    page.locator("dd a.val", has_text=re.compile("^4624$")).first.click()
    expect(page).to_have_url(re.compile(r"event_id=4624$"))
    expect(page.locator("#events .hit-body").first).to_be_visible()
