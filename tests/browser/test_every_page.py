"""Every page as such: it fits a phone, obeys its content security policy, and has one heading and one main part.

Errors on the console and blocked code are caught by the watch of `open_as` on each of these pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

PHONE = (390, 844)

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = (
    "/cases/",
    "/cases/new/",
    "{case}",
    "{case}history/",
    "{case}delete/",
    "{case}evidence/{file}/delete/",
    "/cases/deletions/",
    "{case}evidence/",
    "{case}evidence/{file}/",
    "{case}scans/",
    "{case}scans/new/",
    "{case}scans/{scan}/",
    "{case}hits/",
    "{case}hits/?stack=computer&order=rare",
    "{case}hits/?hit={hit}",
    "{case}hits/?hit={hit}&tab=why",
    "{case}hits/?hit={hit}&tab=rule",
    "{case}hits/?hit={hit}&tab=notes",
    "{case}hits/?q=nothing-has-this-text-which-is-wider-than-the-window-of-a-phone",
    "{case}events/",
    "{case}evidence/{file}/events/",
    "{case}evidence/{file}/events/0/0/",
    "{case}draft/?event={file}:0:0",
    "{case}evidence/{file}/events/0/0/explain/?rule={rule}",
    "{case}evidence/{file}/events/0/0/rules/",
    "{case}scans/{scan}/debug/",
    "{case}scans/{scan}/diff/?rule={rule}&version=1",
    "/rules/",
    "/rules/import/",
    "/rules/new/",
    "/rules/sets/",
    "/rules/sets/{set}/",
    "/rules/{rule}/",
    "/rules/{rule}/edit/",
    "/rules/{rule}/review/",
    "/rules/{rule}/explain/",
    "/rules/{rule}/review/",
    "/rules/{rule}/versions/1/",
    "/cases/diff/{rule}/1/",
    "/cases/rule/{rule}/",
    "/models/",
    "/models/{model}/",
    "/models/{model}/edit/",
    "/no-such-page/",
)
WIDER = """() => {
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over <= 0) return [];
  const parts = [...document.querySelectorAll("main *, header *")];
  const wide = parts.filter(e => e.getBoundingClientRect().right > innerWidth + 1);
  return [`${over} px too wide`, ...wide.slice(0, 5).map(e => `${e.tagName}.${e.className}`)];
}"""


@pytest.fixture(scope="session")
def numbers(server, sample_case: str) -> dict[str, str]:
    """The ids that stand in the addresses of the sample case's pages."""
    said = server.manage(
        "shell",
        "-v0",
        "-c",
        "from scans_app.models import *; from rules_app.models import EventModel\n"
        "hit = Hit.objects.filter(title__contains='LSASS').order_by('pk').first()\n"
        "default = EventModel.objects.default().pk\n"
        "print(hit.pk, hit.scan_id, hit.evidence_id, hit.rule_id, hit.rule.rule_set_id, default)",
    ).splitlines()[-1]
    return dict(
        zip(("hit", "scan", "file", "rule", "set", "model"), said.split(), strict=True), case=sample_case
    )


@pytest.mark.parametrize("address", PAGES)
def test_a_page_fits_a_screen_and_a_phone_and_has_one_heading(
    address: str, page: Page, numbers: dict[str, str]
) -> None:
    page.goto(address.format(**numbers))
    page.wait_for_load_state("networkidle")
    assert page.evaluate(WIDER) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate(WIDER) == []
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert re.search(r"\S · Sigmaweb$", page.title())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_the_contrast_that_the_theme_promises(
    scheme: str, open_as: Callable[..., Page], numbers: dict[str, str]
) -> None:
    page = open_as(color_scheme=scheme)
    page.goto("{case}hits/".format(**numbers))
    ground, text = page.evaluate(
        "() => [getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.body).color]"
    )
    levels = [_luminance(colour) for colour in (ground, text)]
    assert (max(levels) + 0.05) / (min(levels) + 0.05) >= 7
    assert (levels[0] > 0.5) == (scheme == "light")


def test_the_theme_that_a_person_chooses_stays(page: Page) -> None:
    page.goto("/rules/")
    page.locator(".top-user summary").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    page.wait_for_load_state("networkidle")
    page.goto("/models/")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_a_page_sends_a_policy_without_inline_code(page: Page, numbers: dict[str, str]) -> None:
    answer = page.goto("{case}hits/".format(**numbers))
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy and "unsafe-eval" not in policy
    assert "style=" not in answer.text() and "onclick" not in answer.text()


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
