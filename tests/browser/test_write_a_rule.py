"""A rule from nothing: drafted from events, narrowed, tested, compared, reviewed by another person, scanned with."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.rule_text import text_of

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

    from tests.browser.live_server import Server

TITLE = "Account made by a command line"
SET = "Written from events"
# Both who take part see the sample case; it has two events that are alike until the rule is narrowed.
PREPARE = """
from django.contrib.auth.models import User
from scans_app.models import Case
from scans_app.services.cases import add_member
case = Case.objects.get(name="First steps")
for name in ("nora", "emil"):
    add_member(case, User.objects.get(username=name), "analyst")
"""


def test_a_rule_is_drafted_narrowed_tested_compared_reviewed_published_and_hits(
    open_as: Callable[..., Page], server: Server, sample_case: str
) -> None:
    nora, emil = open_as("nora"), open_as("emil")
    server.manage("shell", "-v0", "-c", PREPARE)
    _draft_from_two_events(nora, sample_case)
    _narrow_until_one_is_left(nora)
    _expect_of_both(nora)
    address = _save_and_send(nora)
    _review_and_publish(emil, address)
    _scan_and_see_its_hit(emil, sample_case)


def _draft_from_two_events(page: Page, case: str) -> None:
    page.goto(f"{case}evidence/")
    page.get_by_role("link", name="FS01-Security.evtx").first.click()
    page.get_by_role("link", name=re.compile("^Events")).click()
    page.wait_for_url(re.compile(r"/events/"))
    page.keyboard.press("/")
    page.keyboard.type("net.exe")
    page.keyboard.press("Enter")
    expect(page.locator(".chip-text", has_text="net.exe")).to_be_visible()
    expect(page.locator("#events .hit-body")).to_have_count(2)
    for key in ("Escape", "j", "x", "j", "x", "d"):
        page.keyboard.press(key)
    page.wait_for_url(re.compile(r"/draft/\?event="))
    expect(page.get_by_role("checkbox", name="Image", exact=True)).to_be_checked()
    page.get_by_label("Title").fill(TITLE)
    expect(page.locator("#draft-text")).to_have_value(re.compile(f"title: {TITLE}"))
    page.get_by_role("button", name="Open in the editor").click()
    page.wait_for_url(re.compile("/rules/new/"))
    expect(page.locator("#dots-head")).to_contain_text("2 of 2 hit")


def _narrow_until_one_is_left(page: Page) -> None:
    """One more line in the selection, typed; the second dot flips where it is."""
    page.locator(".cm-line", has_text="Image|endswith: '\\net.exe'").click()
    page.keyboard.press("End")
    page.keyboard.press("Enter")  # indents by itself
    page.keyboard.type("CommandLine|contains: net user")
    assert "\n        CommandLine|contains: net user\n" in text_of(page)
    expect(page.get_by_role("radio", name="Event 1: hit")).to_be_attached()
    expect(page.get_by_role("radio", name="Event 2: not hit")).to_be_attached()
    expect(page.locator("#dots-head")).to_contain_text("1 of 2 hit")


def _expect_of_both(page: Page) -> None:
    """Before the first event of the case becomes a test, its author is told who will read it, and may think again."""
    told: list[str] = []

    def answer(dialog: Dialog) -> None:
        told.append(dialog.message)
        dialog.dismiss() if len(told) == 1 else dialog.accept()

    page.on("dialog", answer)
    page.get_by_role("button", name="Must hit", exact=True).click()
    expect(page.locator("#dots-head")).to_contain_text("No tests")
    page.get_by_role("button", name="Must hit", exact=True).click()
    expect(page.locator("#dots-head")).to_contain_text("1 of 1 tests hold")
    page.locator(".cm-content").focus()
    page.keyboard.press("Alt+j")
    expect(page.get_by_role("radio", name="Event 2")).to_be_checked()
    expect(page.locator("#why")).to_contain_text("net localgroup")  # what was there instead
    page.get_by_role("button", name="Must not hit").click()
    expect(page.locator("#dots-head")).to_contain_text("2 of 2 tests hold")
    assert len(told) == 2
    assert "Everybody who reads rules can then read the event" in told[0]


def _save_and_send(page: Page) -> str:
    """Save the draft, read what it gains on the evidence of the sample's scan, and send it to review."""
    page.get_by_label("Set", exact=True).fill(SET)
    page.get_by_label("What changed, and why").fill("Accounts are made by nobody by hand here")
    page.get_by_role("button", name=re.compile("^Save")).click()
    page.get_by_role("link", name=re.compile("[Rr]eview and publish")).click()
    page.wait_for_url(re.compile(r"/rules/\d+/review/$"))
    _expect_one_gained(page)
    expect(page.locator("#tests")).to_contain_text("2 of 2 hold")
    expect(page.get_by_role("button", name="publish")).to_have_count(0)  # it takes another person
    page.get_by_role("button", name="Send to review").click()
    expect(page.locator("main")).to_contain_text("waits for somebody else")
    return page.url


def _expect_one_gained(page: Page) -> None:
    diff = page.locator("#hit-diff")
    expect(diff.locator(".delta")).to_contain_text(re.compile(r"kept\s+0\s+gained\s+1\s+lost\s+0"))
    expect(diff.locator("#gained")).to_contain_text("net user")


def _review_and_publish(page: Page, address: str) -> None:
    page.goto("/rules/")
    page.get_by_role("link", name=re.compile("waits? for review")).click()
    page.get_by_role("link", name=TITLE, exact=True).click()
    page.get_by_role("link", name=re.compile("^Review v")).click()
    expect(page).to_have_url(address)
    expect(page.locator("main")).to_contain_text("Accounts are made by nobody by hand here")
    _expect_one_gained(page)
    expect(page.locator("#tests")).to_contain_text("2 of 2 hold")
    page.get_by_role("button", name="Approve and publish").click()
    page.wait_for_url(re.compile(r"/rules/\d+/$"))
    expect(page.locator(".steps")).to_contain_text("Published 1")
    expect(page.locator("#history")).to_contain_text("Approved version 1")


def _scan_and_see_its_hit(page: Page, case: str) -> None:
    page.goto(f"{case}scans/new/")
    page.get_by_role("checkbox", name=re.compile(SET)).check()
    expect(page.locator("#preflight")).to_contain_text("1 rule")
    page.get_by_role("button", name="Start scan").click()
    page.wait_for_url(re.compile(r"/scans/\d+/$"))
    expect(page.locator("main")).to_contain_text("Every unit is over")
    page.get_by_role("link", name=re.compile(r"^1 medium")).click()
    hit = page.locator("#hits .hit-body")
    expect(hit).to_have_count(1)
    expect(hit).to_contain_text(TITLE)
    expect(hit).to_contain_text("net user")
