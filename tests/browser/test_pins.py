"""The dots beside the editor: they flip where they are, and an answer to an older text is never shown as current."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.browser.rule_text import write

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

TEXT = """\
title: A tool was started
logsource:
    category: process_creation
    product: windows
detection:
    selection:
        Image|endswith: '\\one.exe'
    condition: selection
"""
OTHER = TEXT.replace("one.exe", "two.exe")


def started(program: str) -> dict[str, object]:
    return {
        "System": {
            "Provider": {"Name": "Microsoft-Windows-Sysmon"},
            "EventID": {"Value": 1},
            "Channel": "Microsoft-Windows-Sysmon/Operational",
        },
        "EventData": {"Image": f"C:\\Tools\\{program}.exe", "CommandLine": f"{program}.exe"},
    }


def without_pins(page: Page) -> None:
    """The editor of a new rule; what other tests have pinned is gone."""
    from playwright.sync_api import expect

    page.goto("/rules/new/")
    if not page.get_by_role("heading", name="No pinned events").is_visible():
        page.get_by_role("button", name="Remove all my pins").click()
        expect(page.get_by_role("heading", name="No pinned events")).to_be_visible()


@pytest.fixture
def editor(page: Page) -> Page:
    """The editor of a new rule with two pinned events, of which the text hits the first."""
    from playwright.sync_api import expect

    without_pins(page)
    write(page, TEXT)
    page.get_by_text("Paste JSON").click()
    page.locator("#pins-json").fill("\n".join(json.dumps(started(name)) for name in ("one", "two")))
    page.get_by_role("button", name="Pin these events").click()
    expect(page.locator("#pins-said")).to_contain_text("2 events are pinned")
    expect(page.locator("#dots-head")).to_contain_text("1 of 2 hit")
    return page


def said(page: Page) -> list[str]:
    """What each dot says, in their order."""
    dots = page.locator("#dots input[name=pin]")
    return dots.evaluate_all("dots => dots.map(dot => dot.getAttribute('aria-label'))")


def test_a_dot_flips_at_its_place_and_becomes_a_test_by_keyboard_and_button(editor: Page) -> None:
    from playwright.sync_api import expect

    assert said(editor) == ["Event 1: hit", "Event 2: not hit"]
    write(editor, OTHER)
    expect(editor.get_by_role("radio", name="Event 2: hit")).to_be_attached()
    assert said(editor) == ["Event 1: not hit", "Event 2: hit"]

    editor.locator(".cm-content").focus()
    editor.keyboard.press("Alt+j")  # while the text has the focus
    expect(editor.get_by_role("radio", name="Event 2")).to_be_checked()
    editor.get_by_role("button", name="Must not hit").click()
    expect(editor.locator("#dots-head")).to_contain_text("1 of 1 test fails")
    write(editor, TEXT)
    expect(editor.locator("#dots-head")).to_contain_text("1 of 1 tests hold")

    editor.get_by_role("button", name="Expect nothing").click()
    expect(editor.locator("#dots-head")).to_contain_text("No tests")
    editor.get_by_role("button", name="Remove all my pins").click()
    expect(editor.locator("#dots-head")).to_contain_text("No pinned events")


def test_an_answer_that_comes_after_the_next_change_is_not_shown(editor: Page) -> None:
    from playwright.sync_api import expect

    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    editor.route("**/rules/dots/", hold_first)
    with editor.expect_request("**/rules/dots/"):
        write(editor, OTHER)
    expect(editor.locator("#dots")).to_have_attribute("data-stale", "")
    write(editor, TEXT + "level: high\n")
    held[0].continue_()
    expect(editor.locator("#dots")).not_to_have_attribute("data-stale", "")
    assert said(editor) == ["Event 1: hit", "Event 2: not hit"]


def test_while_the_text_does_not_parse_the_last_good_answer_stays_and_says_of_when_it_is(
    editor: Page,
) -> None:
    from playwright.sync_api import expect

    write(editor, TEXT + "level: [\n")
    expect(editor.locator("#dots-head")).to_contain_text("Line 9")
    expect(editor.locator(".dots-older")).to_contain_text("Answer for the text of")
    expect(editor.locator(".dots-older")).to_be_visible()
    assert said(editor) == ["Event 1: hit", "Event 2: not hit"]
    write(editor, TEXT)
    expect(editor.locator(".dots-older")).not_to_be_visible()


def test_a_text_is_tried_on_the_sample_case_and_its_hits_are_pinned(page: Page, sample_case: str) -> None:
    from playwright.sync_api import expect

    without_pins(page)
    page.goto(f"/rules/new/?case={sample_case.strip('/').split('/')[-1]}")  # others may have scanned last
    write(page, TEXT.replace("\\one.exe", "\\whoami.exe"))
    page.get_by_role("button", name="Try this text").click()
    trial = page.locator("#trial")
    expect(trial).to_contain_text("Looked through all")
    expect(trial.get_by_role("row")).to_have_count(2)  # its head and one hit
    trial.get_by_role("button", name="Pin the listed 1 hit").click()
    expect(page.locator("#messages")).to_contain_text("1 event pinned")
    expect(page.locator("#dots-head")).to_contain_text("1 of 1 hit")
    page.get_by_role("button", name="Remove all my pins").click()
    trial.get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text("whoami")
