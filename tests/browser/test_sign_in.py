"""The first minute: the link of a start, and what it opens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_the_link_of_a_start_opens_the_sample_cases_hits_and_works_once(server, chromium: Browser) -> None:
    first = chromium.new_context().new_page()
    first.goto(server.link)
    first.wait_for_url(re.compile(r"/cases/\d+/hits/\?scan=\d+"))
    expect(first.get_by_role("heading", name="First steps")).to_be_visible()
    assert first.locator("#hits .hit-body").count() > 20

    second = chromium.new_context().new_page()
    second.goto(server.link)
    expect(second.get_by_role("heading", name="no longer works")).to_be_visible()
    for window in (first, second):
        window.context.close()


def test_signing_out_ends_the_session(server, chromium: Browser) -> None:
    page = chromium.new_context(base_url=server.address).new_page()
    page.goto(server.manage("sign_in_link", "leaving", "--new"))
    page.wait_for_url(re.compile("/cases/"))
    page.locator(".top-user summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/rules/")
    expect(page).to_have_url(re.compile("/sign-in/"))
    page.context.close()
