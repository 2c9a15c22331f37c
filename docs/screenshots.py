"""Take the pictures of the guide from the sample case: `python -m docs.screenshots [NAME...]`.

It starts a Sigmaweb of its own with new data, so that nobody's evidence gets into a picture.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.live_server import CHROMIUM, CHROMIUM_ARGUMENTS, Server, running_server
from tests.browser.rule_text import text_of, write

FOLDER = Path(__file__).parent / "screenshots"
MAX_BYTES = 200_000
WIDE, PHONE = (1280, 800), (390, 780)
LSASS = "Memory of LSASS opened by an unusual program"
LANE = "One address tries many accounts that do not exist"


class Picture(NamedTuple):
    """A page of the sample case, and what to do on it before the picture is taken."""

    name: str
    address: str
    prepare: Callable[[Page], object] = lambda page: None
    size: tuple[int, int] = WIDE
    scheme: str = "light"


def _open_hit(page: Page, tab: str) -> None:
    page.locator("#hits").get_by_role("link", name=LSASS, exact=True).first.click()
    page.wait_for_load_state("networkidle")
    page.locator(f"#tab-{tab}").click()
    page.locator(f"#tab-{tab}[aria-current]").wait_for()
    page.evaluate("scrollTo(0, 0)")


def _misspell(page: Page) -> None:
    write(
        page,
        text_of(page)
        .replace("condition: target and", "condition: targt and")
        .replace("GrantedAccess:", "GrantedAcces:"),
    )
    page.locator("#findings").get_by_text("targt").first.wait_for()
    page.evaluate("scrollTo(0, 0)")


def _try_and_pin(page: Page) -> None:
    """Try the text on the sample case, pin what it hits, and expect of one event that it is not hit."""
    page.get_by_role("button", name="Try this text").click()
    page.locator("#trial").get_by_text("Looked through all").wait_for()
    page.get_by_role("button", name="Pin the listed").click()
    page.locator("#dots-head").get_by_text("hit", exact=False).first.wait_for()
    page.locator("#dots input[name=pin]").first.wait_for(state="attached")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Must not hit").click()
    page.locator("#dots-head").get_by_text("fail").wait_for()
    page.locator("#messages > *").first.wait_for(state="hidden")
    page.evaluate("scrollTo(0, 0)")


def _save_draft(page: Page) -> None:
    """Save a draft, and wait for what it gains and loses."""
    write(page, text_of(page).replace("    GrantedAccess:\n      - '0x1010'\n", "    GrantedAccess:\n"))
    page.locator("#id_comment").fill("0x1010 is asked for by our own agent")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/review/")
    page.locator("#diff .delta").wait_for()


def _find_rule(page: Page, title: str) -> None:
    page.get_by_role("link", name=title, exact=True).first.click()
    page.wait_for_load_state("networkidle")


def _debug(page: Page) -> None:
    """Start a debug scan and wait for its table."""
    page.get_by_label("Debug", exact=True).check()
    page.get_by_role("button", name="Start scan").click()
    page.locator("#to-debug").click()
    page.locator(".debug-table").wait_for()


def _debug_rule(page: Page) -> None:
    """The first silent rule of the newest scan, which `_debug` started."""
    page.locator("[data-row] a").first.click()
    page.locator("#to-debug").click()
    page.get_by_role("link", name="A field was never there").click()
    page.locator(".debug-table tbody a").first.click()
    page.locator("#cause").wait_for()


def _near(page: Page) -> None:
    """The near misses of a rule, from its sheet."""
    _find_rule(page, "Office program starts a script interpreter")
    page.get_by_role("link", name="Near misses").first.click()
    page.get_by_role("button", name="Look for near misses").click()
    page.locator("#clauses-title").wait_for()


def _lane(page: Page) -> None:
    """The window of a correlation's hit."""
    page.locator("#hits").get_by_role("link", name=LANE, exact=True).click()
    page.get_by_role("heading", name="Events of this window").wait_for()
    page.evaluate("scrollTo(0, 0)")


def _triage(page: Page) -> None:
    """A star, an assignment, and verdicts that can be undone."""
    page.keyboard.press("j")
    page.keyboard.press("s")
    page.locator("button.star[aria-pressed=true]").first.wait_for()
    page.keyboard.press("a")
    page.locator(".hit-who .val").first.wait_for()
    for box in page.locator("#hits input[name=hit]").all()[1:3]:
        box.check()
    page.keyboard.press("2")
    page.locator("#undo button").wait_for()
    page.locator("#hits [data-verdict=benign]").nth(1).wait_for()
    page.locator("#hit-counts", has_text="2 unjudged").wait_for()  # counted a moment later


def _rules_of_event(page: Page) -> None:
    """What would hit an event."""
    page.locator("#events .hit-rule a").first.click()
    page.get_by_role("link", name="What would hit this?").click()
    page.get_by_role("heading", name="Matches").wait_for()


def _pick_events(page: Page) -> None:
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)


def _draft(page: Page) -> None:
    _pick_events(page)
    page.keyboard.press("d")
    page.locator("#draft-looked", has_text="the share of").wait_for()


PICTURES = (
    Picture("cases", "/cases/"),
    Picture("case", "{case}"),
    Picture("evidence", "{case}evidence/"),
    Picture(
        "evidence-damaged", "{case}evidence/", lambda page: _find_rule(page, "WS07-PowerShell-damaged.evtx")
    ),
    Picture("events", "{case}events/?q=lsass", _pick_events),
    Picture("draft", "{case}events/?q=lsass", _draft),
    Picture("scan-new", "{case}scans/new/"),
    Picture("scan", "{case}scans/1/"),
    Picture("debug", "{case}scans/new/", _debug),
    Picture("debug-rule", "{case}scans/", _debug_rule),
    Picture("hits", "{case}hits/?from=2026-03-12T09:05:12&order=rare", lambda page: _open_hit(page, "event")),
    Picture("hits-stack", "{case}hits/?stack=event.EventData.DestinationIp&level=high&order=common"),
    Picture(
        "hits-why", "{case}hits/?from=2026-03-12T09:05:12&order=rare", lambda page: _open_hit(page, "why")
    ),
    Picture(
        "explain",
        "{case}hits/?from=2026-03-12T09:05:12&order=rare",
        lambda page: (_open_hit(page, "why"), _find_rule(page, "Rule, tree and event side by side")),
    ),
    Picture("rules-of-event", "{case}events/?q=comsvcs", _rules_of_event),
    Picture("lane", f"{{case}}hits/?title={LANE}", _lane),
    Picture("near", "/rules/?q=Office program starts", _near),
    Picture("hits-dark", "{case}hits/?level=critical", scheme="dark"),
    Picture("hits-phone", "{case}hits/?level=critical", size=PHONE),
    Picture("hits-triage", "{case}hits/?level=critical", _triage),
    Picture("case-delete", "{case}delete/"),
    Picture("keys", "{case}hits/", lambda page: page.keyboard.press("?")),
    Picture("rules", "/rules/"),
    Picture("rules-import", "/rules/import/"),
    Picture("rule", f"/rules/?q={LSASS}", lambda page: _find_rule(page, LSASS)),
    Picture("rule-review", "/rules/{rule}/edit/", _save_draft),
    Picture("rule-edit", "/rules/{rule}/edit/", _misspell),
    Picture("rule-pins", "/rules/{rule}/edit/", _try_and_pin),
    Picture("model", "/models/", lambda page: _find_rule(page, "Windows event logs")),
)


def _judge_some(server: Server, page: Page, case: str) -> None:
    """A few verdicts, so that the pictures show work that is going on."""
    for title, verdict in (
        ("Failed logon from a public address", "benign"),
        ("Event log cleared", "true_positive"),
    ):
        page.goto(f"{case}hits/?title={title}")
        page.locator("[data-check-all]").check()
        page.locator(f".bulk [value={verdict}]").click()
        page.locator(f"#hits [data-verdict={verdict}]").first.wait_for()


def take(names: list[str]) -> None:
    """Take the named pictures, or all of them. Raises ValueError for one that is too large to be committed."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        running_server(Path(data)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*CHROMIUM_ARGUMENTS, "--disable-lcd-text"]
        )
        first = browser.new_page(base_url=server.address)
        first.goto(server.link)
        first.wait_for_url("**/hits/**")
        case = first.url.removeprefix(server.address).partition("hits/")[0]
        _judge_some(server, first, case)
        first.goto(f"/rules/?q={LSASS}")
        rule = first.get_by_role("link", name=LSASS, exact=True).get_attribute("href")
        for picture in PICTURES:
            if not names or picture.name in names:
                _take(browser, server, first, picture, case=case, rule=rule.split("/")[2])
        browser.close()


def _take(browser: Browser, server: Server, first: Page, picture: Picture, **addresses: str) -> None:
    context = browser.new_context(
        base_url=server.address,
        storage_state=first.context.storage_state(),
        viewport={"width": picture.size[0], "height": picture.size[1]},
        color_scheme=picture.scheme,
    )
    page = context.new_page()
    page.goto(picture.address.format(**addresses))
    page.wait_for_load_state("networkidle")
    picture.prepare(page)
    page.wait_for_load_state("networkidle")
    path = FOLDER / f"{picture.name}.png"
    shot = Image.open(io.BytesIO(page.screenshot()))
    context.close()
    # A palette is all that a page of text needs, at a third of the bytes.
    shot.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        path, optimize=True
    )
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(
            f"{path.name} has {path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are committed"
        )


if __name__ == "__main__":
    take(sys.argv[1:])
