"""What a rule author does with an explanation: read what decided and the hint, follow a line to the event and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.rule_text import write

if TYPE_CHECKING:
    from playwright.sync_api import Page

RULE = "Backup copies of this computer deleted"
TEXT = r"""title: Almost
logsource:
  category: process_creation
  product: windows
detection:
  selection:
    CommandLine|contains|cased: 'Delete Shadows'
  condition: selection
"""
EVENT = r"""{"System": {"Channel": "Security", "EventID": {"Value": 4688}, "Provider": {"Name":
"Microsoft-Windows-Security-Auditing"}}, "EventData": {"CommandLine": "vssadmin delete shadows"}}"""


def test_a_line_of_the_rule_its_node_and_the_value_it_read_are_marked_together(
    page: Page, sample_case: str
) -> None:
    page.goto(f"{sample_case}hits/?q={RULE}")
    page.locator("#hits").get_by_role("link", name=RULE).first.click()
    page.locator("#event #tab-why").click()
    page.get_by_role("link", name="Rule, tree and event side by side").click()
    expect(page.get_by_role("heading", name=re.compile(f"{RULE} matches this event"))).to_be_visible()
    line = page.locator(".code-line", has_text="'\\vssadmin.exe'").first
    value = page.locator('[data-path="EventData.NewProcessName"]')
    expect(value).not_to_have_attribute("data-linked", "")
    line.hover()
    expect(value).to_have_attribute("data-linked", "")
    expect(
        page.locator("summary.why-head", has_text="Image|endswith: \\vssadmin.exe").first
    ).to_have_attribute("data-linked", "")
    page.locator('[data-path="System.Computer"]').hover()
    expect(line).not_to_have_attribute("data-linked", "")
    value.focus()
    expect(line).to_have_attribute("data-linked", "")
    expect(page.get_by_role("heading", name="Smallest edits that escape the rule")).to_be_visible()
    expect(page.locator("tr[data-escape=character]").first).to_be_visible()

    page.emulate_media(
        media="print"
    )  # on paper the reasons stand before the rule, and closed branches have no mark
    expect(page.get_by_role("navigation").first).to_be_hidden()
    assert page.evaluate(
        """() => {
          const top = id => document.getElementById(id).getBoundingClientRect().top;
          const closed = document.querySelector(".why-node:not([open]) > summary");
          return top("explain-why") < top("explain-rule") && getComputedStyle(closed, "::after").content === "none";
        }"""
    )


def test_the_editor_says_why_a_pinned_event_is_not_hit_with_a_hint_and_follows_the_text(page: Page) -> None:
    page.goto("/rules/new/")
    write(page, TEXT)
    page.get_by_text("Paste JSON", exact=True).click()
    page.locator("#pins-json").fill(EVENT)
    page.get_by_role("button", name="Pin these events").click()
    page.locator("label.dot").last.click()
    why = page.locator("#why")
    expect(why).to_contain_text("does not match this event")
    expect(why.locator("[data-hint=case]").first).to_contain_text("Differs only in case, and cased heeds it.")
    expect(why.locator("[data-hint=case] .why-mended").first).to_have_text(
        "CommandLine|contains: 'Delete Shadows'"
    )
    write(page, TEXT.replace("|cased", ""))
    expect(why).to_contain_text("The text matches this event")


def test_what_would_hit_an_event_is_found_while_the_page_stands(page: Page, sample_case: str) -> None:
    page.goto(f"{sample_case}hits/?q={RULE}")
    page.locator("#hits").get_by_role("link", name=RULE).first.click()
    page.locator("#event #tab-why").click()
    page.get_by_role("link", name="What would hit this?").click()
    found = page.locator("#rules-found")
    expect(found.locator(".rules-matched").get_by_role("link", name=RULE)).to_be_visible()
    expect(found).to_contain_text("One clause away")
