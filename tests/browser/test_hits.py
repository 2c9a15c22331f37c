"""What a responder does with the hits of a scan: stack, filter, read, ask why, judge, comment, all by keyboard too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

LSASS = "Memory of LSASS opened by an unusual program"


@pytest.fixture
def hits(page: Page, sample_case: str) -> Page:
    """The hits of the sample case."""
    page.goto(f"{sample_case}hits/")
    return page


def _rows(page: Page) -> Locator:
    return page.locator("#hits .hit-body")


def _open(page: Page, title: str) -> Locator:
    page.locator("#hits").get_by_role("link", name=title).first.click()
    slide = page.locator("#event[data-hit]")
    expect(slide.get_by_role("heading", name=title)).to_be_visible()
    return slide


def test_a_click_on_a_stack_filters_and_its_chip_takes_the_filter_back(hits: Page) -> None:
    everything = _rows(hits).count()
    hits.locator("#order-rare").check(force=True)
    expect(hits).to_have_url(re.compile("order=rare"))
    hits.locator("#stacks").get_by_role("link", name="Service ticket requested with RC4").click()
    expect(_rows(hits)).to_have_count(4)
    hits.get_by_role("link", name=re.compile("Remove the filter")).click()
    expect(_rows(hits)).to_have_count(everything)


def test_stacking_by_a_field_of_the_events_counts_its_values(hits: Page) -> None:
    field = hits.locator("#stack-any")
    field.fill("EventData.DestinationPort")
    field.press("Enter")
    expect(hits.locator("#stacks .stack-name", has_text="8443")).to_be_visible()
    row = hits.locator("#stacks .stack-row", has_text="8443")
    expect(row.locator(".stack-count")).to_have_text("48")


def test_a_filter_lives_in_the_address_and_back_undoes_it(hits: Page) -> None:
    everything = _rows(hits).count()
    hits.locator("#stack").select_option("computer")
    hits.locator("#stacks").get_by_role("link", name="DC01.harbor.test").click()
    expect(hits).to_have_url(re.compile(r"computer=DC01\.harbor\.test"))
    shown = _rows(hits).count()
    shared = hits.context.new_page()
    shared.goto(hits.url)
    expect(_rows(shared)).to_have_count(shown)
    assert shown < everything
    hits.go_back()
    expect(hits).not_to_have_url(re.compile("computer="))
    expect(_rows(hits)).to_have_count(everything)


def test_an_open_hit_shows_its_event_its_rule_and_why(hits: Page) -> None:
    slide = _open(hits, LSASS)
    expect(slide.get_by_text("GrantedAccess", exact=True)).to_be_visible()
    expect(slide.get_by_text("0x1010").first).to_be_visible()
    slide.locator("#tab-rule").click()
    expect(slide.locator("#tab-rule")).to_have_attribute("aria-current", "page")
    expect(slide.get_by_text("read_rights").first).to_be_visible()
    slide.locator("#tab-why").click()
    why = slide.locator("#why")
    expect(why).to_contain_text("matches this event")
    expect(why).to_contain_text("process_access/windows/*")
    expect(why).to_contain_text("TargetImage")


def test_why_answers_for_a_rule_that_was_silent(hits: Page) -> None:
    slide = _open(hits, LSASS)
    slide.locator("#tab-why").click()
    slide.get_by_role("searchbox", name="Find a rule").fill("Registry hive")
    slide.get_by_role("button", name="Find").click()
    slide.get_by_role("link", name="Registry hive with credentials written to a file").click()
    expect(slide.locator("#why")).to_contain_text("was not tried on this event")


def test_a_verdict_and_a_comment_stay_with_their_author(hits: Page) -> None:
    hits.goto(f"{hits.url}?title=Event+log+cleared")
    slide = _open(hits, "Event log cleared")
    slide.locator("#judge-1").click()
    row = hits.locator("#hits .hit-body", has=hits.get_by_role("link", name="Event log cleared", exact=True))
    expect(row.locator("[data-verdict]")).to_have_attribute("data-verdict", "true_positive")

    slide.locator("#tab-notes").click()
    hits.locator("#comment").fill("Application log, right after the shadow copies <b>went</b>")
    hits.get_by_role("button", name="Comment", exact=True).click()
    expect(hits.locator("#notes")).to_contain_text("right after the shadow copies <b>went</b>")
    hits.reload()
    notes = hits.locator("#notes")
    expect(notes).to_contain_text("admin")
    expect(notes).to_contain_text(re.compile("true positive by admin", re.I))


def test_selected_hits_are_judged_together(hits: Page) -> None:
    hits.goto(f"{hits.url.split('?')[0]}?title=Service+ticket+requested+with+RC4")
    expect(_rows(hits)).to_have_count(4)
    for box in _rows(hits).get_by_role("checkbox").all():
        box.check()
    hits.locator(".bulk").get_by_role("button", name=re.compile("^True")).click()
    expect(hits.locator("#hits [data-verdict=true_positive]")).to_have_count(4)


def test_the_keyboard_alone_walks_opens_judges_and_returns_to_the_row(hits: Page) -> None:
    keys = hits.keyboard
    keys.press("j")
    keys.press("j")
    keys.press("j")
    keys.press("k")
    second = _rows(hits).nth(1)
    expect(second).to_be_focused()
    title = second.locator("[data-open]").inner_text()
    keys.press("Enter")
    slide = hits.locator("#event[data-hit]")
    expect(slide.get_by_role("heading", name=title)).to_be_visible()
    keys.press("e")
    expect(slide.locator("#why")).to_be_visible()
    hit = slide.get_attribute("data-hit")
    keys.press("2")
    judged = hits.locator(f"#verdict-{hit}")
    expect(judged).to_have_attribute("data-verdict", "benign")
    expect(slide).not_to_have_attribute("data-hit", hit)  # the next unjudged hit is open
    opened = slide.get_attribute("data-hit")
    keys.press("Escape")
    expect(slide).to_have_count(0)
    expect(hits.locator(f"#hit-{opened}")).to_be_focused()


def test_the_question_mark_shows_the_keys_and_escape_hides_them(hits: Page) -> None:
    hits.keyboard.press("?")
    keys = hits.locator("#keys")
    expect(keys).to_be_visible()
    expect(keys).to_contain_text("true positive")
    hits.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_slash_goes_to_the_search_and_finds_text_of_the_details(hits: Page) -> None:
    hits.keyboard.press("/")
    expect(hits.locator("#find")).to_be_focused()
    hits.keyboard.type("lsass.dmp")
    hits.keyboard.press("Enter")
    expect(hits).to_have_url(re.compile(r"q=lsass\.dmp"))
    expect(_rows(hits).first).to_contain_text("lsass.dmp")


def test_the_menu_of_a_value_excludes_it(hits: Page) -> None:
    everything = _rows(hits).count()
    value = hits.locator("#hits .hit-host a.val", has_text="FS01.harbor.test").first
    value.click(button="right")
    menu = hits.get_by_role("menu", name="computer")
    expect(menu).to_be_visible()
    menu.get_by_role("menuitem", name=re.compile("Exclude it")).click()
    expect(hits).to_have_url(re.compile(r"not\.computer=FS01"))
    expect(hits.locator("#hits .hit-host", has_text="FS01")).to_have_count(0)
    assert 0 < _rows(hits).count() <= everything


def test_dragging_over_the_histogram_narrows_the_time(hits: Page) -> None:
    box = hits.locator(".hist-svg[data-first]").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    hits.mouse.move(box["x"] + box["width"] * 0.9, middle)
    hits.mouse.down()
    hits.mouse.move(box["x"] + box["width"], middle, steps=5)
    hits.mouse.up()
    expect(hits).to_have_url(re.compile("from=2026-03-12T10"))
    expect(_rows(hits).first).to_contain_text(re.compile("1[01]:"))
