"""Findings while one types: an answer that is older than the text on the screen is never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# What a fast typist does: the text changes after it was sent and before its answer is there.
TYPE_WHEN_THE_ANSWER_COMES = """
document.addEventListener("htmx:beforeOnLoad", () => {
  const field = document.getElementById("id_text");
  field.value = field.value.replace("nowhere", "selection");
}, { once: true });
"""


def test_an_answer_older_than_the_text_is_not_shown(page: Page) -> None:
    from playwright.sync_api import expect

    page.goto("/rules/new/")
    text = page.locator("#id_text")
    findings = page.locator("#findings")
    page.evaluate(TYPE_WHEN_THE_ANSWER_COMES)
    with page.expect_response("**/rules/check/"):
        text.fill(text.input_value().replace("title:", "title: A").replace("selection\n", "nowhere\n"))
    expect(findings).to_have_attribute("aria-busy", "true")
    expect(findings).not_to_contain_text("nowhere")
    expect(findings).to_contain_text("no `title`")  # the answer to the text before, and marked as older

    text.press("End")
    text.press_sequentially(" ")  # the next answer is about the text that is there
    expect(findings).not_to_have_attribute("aria-busy", "true")
    expect(findings).to_contain_text("Nothing to mend")


def test_a_finding_leads_to_its_place_in_the_text(page: Page) -> None:
    page.goto("/rules/new/")
    text = page.locator("#id_text")
    text.fill(text.input_value().replace("condition: selection", "condition: nowhere"))
    page.locator("#findings").get_by_text("nowhere").wait_for()
    page.locator("#findings li", has_text="nowhere").get_by_role("link").click()
    rest = page.evaluate("document.activeElement.value.slice(document.activeElement.selectionStart)")
    assert rest.startswith("nowhere\n")
