"""Findings while one types: an answer that is older than the text on the screen is never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.rule_text import text_of, write

if TYPE_CHECKING:
    from playwright.sync_api import Page

# What a fast typist does: the text changes after it was sent and before its answer is there.
TYPE_WHEN_THE_ANSWER_COMES = """
document.addEventListener("htmx:beforeOnLoad", () => {
  const field = document.getElementById("id_text");
  field.value = field.value.replace("nowhere", "selection");
  field.dispatchEvent(new Event("input"));
}, { once: true });
"""


def test_an_answer_older_than_the_rule_is_not_shown(page: Page) -> None:
    from playwright.sync_api import expect

    page.goto("/rules/new/")
    findings = page.locator("#findings")
    page.wait_for_selector(".cm-content")
    page.evaluate(TYPE_WHEN_THE_ANSWER_COMES)
    page.evaluate("""() => {
      const shown = document.getElementById("findings");
      window.everShown = [];
      const watch = new MutationObserver(() => window.everShown.push(shown.textContent));
      watch.observe(shown, { childList: true, subtree: true });
    }""")
    write(page, text_of(page).replace("title:", "title: A").replace("selection\n", "nowhere\n"))
    expect(findings.locator("[data-stale]")).to_have_count(1)
    expect(findings.locator("[data-stale]")).to_have_count(0)
    expect(findings).to_contain_text("Nothing to mend")
    assert not any("nowhere" in text for text in page.evaluate("window.everShown"))


def test_the_findings_follow_the_set_that_a_new_rule_is_put_into(page: Page) -> None:
    from playwright.sync_api import expect

    page.goto("/rules/new/")
    page.locator("#id_rule_set").fill("A set with lists")
    write(
        page,
        text_of(page).replace("title:", "title: A").replace("Image|endswith: '\\'", "User|expand: '%ops%'"),
    )
    expect(page.locator("#findings")).to_contain_text("`%ops%` has no values")
    page.keyboard.press("Control+s")

    page.get_by_role("link", name="A set with lists", exact=True).click()
    write(page, "ops: []")
    expect(page.locator("#findings")).to_contain_text("`ops` has no values")
    write(page, "ops: [root]")
    expect(page.locator("#findings")).to_contain_text("Nothing to mend")
    page.keyboard.press("Control+s")
    expect(page.locator("#messages")).to_contain_text("1 rule asks for placeholders, 0 broken")

    page.goto("/rules/new/")
    findings = page.locator("#findings")
    write(
        page,
        text_of(page).replace("title:", "title: B").replace("Image|endswith: '\\'", "User|expand: '%ops%'"),
    )
    expect(findings).to_contain_text("`%ops%` has no values")
    page.locator("#id_rule_set").fill("A set with lists")
    page.locator("#id_rule_set").blur()
    expect(findings).to_contain_text("Nothing to mend")


def test_a_finding_leads_to_its_place_in_the_text(page: Page) -> None:
    page.goto("/rules/new/")
    page.wait_for_selector(".cm-content")
    write(page, text_of(page).replace("condition: selection", "condition: nowhere"))
    page.locator("#findings").get_by_text("nowhere").first.wait_for()
    page.locator("#findings li", has_text="nowhere").get_by_role("link").click()
    page.keyboard.type("now")
    assert "condition: nownowhere\n" in text_of(page)
