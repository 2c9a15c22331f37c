"""The rule editor as its author uses it: by keyboard alone, with odd texts, and after a tab was closed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.rule_text import text_of, write

RULE = """\
title: Desk opened
id: 0a4d3f7e-2b61-4c55-8f6e-6c1d5a2b9c01
logsource:
    category: process_creation
    product: windows
detection:
    selection:
        Image|endswith: '\\desk.exe'
    condition: selection
level: low
"""
NEAR = """\
title: Desk asks who it is
logsource:
    category: process_creation
    product: windows
detection:
    selection:
        Image|endswith: '\\desk.exe'
    person:
        CommandLine|contains: whoami
    condition: selection and person
"""
EVENT = r"""{"System": {"Channel": "Security", "EventID": {"Value": 4688}, "Provider": {"Name":
"Microsoft-Windows-Security-Auditing"}}, "EventData": {"CommandLine": "desk", "NewProcessName": "C:\\other.exe"}}"""
ODD_ONES = 12  # texts of each oddity


def _is_in_editor(page: Page) -> bool:
    return bool(page.evaluate("document.activeElement.classList.contains('cm-content')"))


def _tab_to_editor(page: Page) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if _is_in_editor(page):
            return
    pytest.fail("Tab never came to the editor")


def _accept(page: Page) -> None:
    """Take the suggestion. One that has just appeared is not taken: a person might have meant the key otherwise."""
    page.wait_for_timeout(150)
    page.keyboard.press("Enter")


def test_a_rule_is_written_mended_and_saved_by_keyboard_alone(page: Page) -> None:
    page.goto("/rules/new/")
    expect(page.locator(".cm-content")).to_be_visible()
    _tab_to_editor(page)
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(RULE.replace("endswith", "endwith").replace("level: low\n", "lev"))
    suggested = page.locator(".cm-tooltip-autocomplete")

    page.keyboard.press("Control+End")
    page.keyboard.press("Control+Space")
    expect(suggested).to_contain_text("level")
    _accept(page)
    page.keyboard.type("hi")
    expect(suggested).to_contain_text("high")
    _accept(page)
    assert text_of(page).endswith("\nlevel: high")

    expect(page.locator("#findings")).to_contain_text("Unknown modifier `endwith`")
    expect(page.locator(".cm-lintRange-error")).to_have_count(1)
    page.keyboard.press("Control+.")
    expect(page.locator("#findings")).to_contain_text("Nothing to mend")
    assert "Image|endswith: " in text_of(page)
    page.keyboard.press("Control+z")
    assert "Image|endwith: " in text_of(page)
    page.keyboard.press("Control+y")

    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert not _is_in_editor(page)
    page.keyboard.press("Control+s")
    page.wait_for_url(re.compile(r"/rules/\d+/$"))
    expect(page.locator("main")).to_contain_text("Desk opened")


def test_fields_are_completed_with_their_lambda_and_how_often_the_case_has_them(
    page: Page, sample_case: str
) -> None:
    page.goto(f"/rules/new/?case={sample_case.split('/')[2]}")
    page.wait_for_selector("[data-case-choice]")
    write(page, RULE)
    page.locator(".cm-line", has_text="selection:").first.click()
    page.keyboard.press("End")
    page.keyboard.press("Enter")  # indents by itself
    page.keyboard.type("Ima")
    options = page.locator(".cm-tooltip-autocomplete li")
    expect(options.first).to_contain_text(
        re.compile(r"Image\s*in [\d,]+ of [\d,]+ events \(.+ %\)\s*x=>x\.EventData")
    )
    _accept(page)
    page.keyboard.type("|contains: desk")
    assert "        Image|contains: desk\n" in text_of(page)
    page.locator(".cm-line", has_text="Image|endswith").get_by_text("Image", exact=False).first.hover(
        position={"x": 4, "y": 6}
    )
    hover = page.locator(".cm-tooltip-hover")
    expect(hover).to_contain_text("x=>x.EventData.NewProcessName")
    expect(hover).to_contain_text("Security 4688")


def test_text_that_was_not_saved_is_offered_after_the_tab_was_closed(open_as: Callable[..., Page]) -> None:
    page = open_as()
    page.goto("/rules/new/")
    write(page, RULE.replace("Desk opened", "Desk half written"))
    again = page.context.new_page()
    page.close()
    again.goto("/rules/new/")
    offer = again.locator("#unsaved")
    expect(offer).to_be_visible()
    assert "half written" not in text_of(again)
    offer.get_by_role("button", name="Bring it back").click()
    assert "Desk half written" in text_of(again)
    again.locator("#id_rule_set").fill("Half written")
    again.keyboard.press("Control+s")
    again.wait_for_url(re.compile(r"/rules/\d+/$"))
    again.goto("/rules/new/")
    expect(again.locator(".cm-content")).to_be_visible()
    expect(offer).to_be_hidden()


def test_odd_texts_come_back_from_the_editor_as_they_were(page: Page, shared_data: Path) -> None:
    texts = [path.read_bytes().decode() for path in sorted((shared_data / "sigmahq").rglob("*.yml"))]
    oddities: dict[str, Callable[[str], int]] = {
        "length": len,
        "longest line": lambda text: max(map(len, text.split("\n"))),
        "tabs": lambda text: text.count("\t"),
        "other scripts": lambda text: sum(ord(sign) > 0x7F for sign in text),
        "signs of two units": lambda text: sum(ord(sign) > 0xFFFF for sign in text),
        "spaces at ends": lambda text: len(re.findall(r"[ \t]+$", text, re.MULTILINE)),
        "carriage returns": lambda text: text.count("\r"),
    }
    odd = {text for oddity in oddities.values() for text in sorted(texts, key=oddity)[-ODD_ONES:]}
    odd |= {"", "\n", "no end", "\ufefftitle: a\n", "a: \u2028\u0085\n", "a\r\nb\rc\n"}
    page.goto("/rules/new/")
    page.wait_for_selector(".cm-content")
    changed = page.evaluate(
        """texts => texts.filter(text => {
          const field = document.getElementById("id_text");
          field.value = text;
          const before = field.value;
          field.dispatchEvent(new Event("input"));
          return field.value !== before || before !== text.replace(/\\r\\n?/g, "\\n");
        })""",
        sorted(odd),
    )
    assert changed == []


def test_by_keyboard_one_goes_to_why_at_the_line_and_back_and_asks_what_a_field_maps_to(page: Page) -> None:
    page.goto("/rules/new/")
    write(page, RULE.replace("    condition", "        CommandLine|contains: open\n    condition"))
    page.get_by_text("Paste JSON", exact=True).click()
    page.locator("#pins-json").fill(EVENT)
    page.get_by_role("button", name="Pin these events").click()
    page.locator("label.dot").last.click()
    expect(page.locator("#why")).to_contain_text("does not match this event")

    page.locator(".cm-content").focus()
    page.keyboard.press("Control+Home")
    for _ in range(7):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Alt+i")  # at the start of a line: its first field
    shown = page.locator(".cm-tooltip")
    expect(shown).to_contain_text("x=>x.EventData.NewProcessName")
    page.keyboard.press("Escape")
    expect(shown).to_have_count(0)

    page.keyboard.press("ArrowDown")
    page.keyboard.press("Alt+e")
    node = page.locator("#why summary:focus")
    expect(node).to_contain_text("CommandLine|contains: open")
    page.keyboard.press("Shift+Tab")
    expect(node).to_contain_text("Image|endswith")
    page.keyboard.press("Alt+e")
    assert _is_in_editor(page)
    expect(page.locator("[data-caret]")).to_contain_text("Line 8,")
    page.get_by_role("button", name="Why", exact=False).first.click()
    expect(node).to_contain_text("Image|endswith")
    page.get_by_role("button", name="Remove all my pins").click()
    expect(page.get_by_role("heading", name="No pinned events")).to_be_visible()


def test_a_clause_that_a_near_miss_widens_has_the_caret_and_the_event_is_chosen(
    page: Page, sample_case: str
) -> None:
    page.goto("/rules/new/")
    write(page, NEAR)
    page.locator("#id_rule_set").fill("Near")
    page.keyboard.press("Control+s")
    page.wait_for_url(re.compile(r"/rules/\d+/$"))
    page.goto(f"{sample_case}near/{page.url.split('/')[-2]}/")
    page.get_by_role("button", name="Look for near misses").click()
    page.get_by_role("button", name="Widen in editor").first.click()
    expect(page.locator(".cm-content")).to_be_focused()
    widened = page.locator(".cm-activeLine")
    expect(widened).to_contain_text("- '\\")
    page.keyboard.type(" # widened")  # the caret is at its end
    expect(widened).to_contain_text(re.compile(r"- '\\.+' # widened$"))
    expect(page.locator("#dots-head")).to_contain_text("1 of 1 hit")
    expect(page.locator("#why")).to_contain_text("The text matches this event")
    expect(page.locator("#id_case option:checked")).to_have_text("First steps")
