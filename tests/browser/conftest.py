"""A real server (web, worker, Redis, as `make run` starts them) and a real Chromium that a person's hands drive.

Every page that a test opens is watched: an error on the console, a blocked script or style, an answer of 500 or a
page that is wider than its window fails the test that saw it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.live_server import CHROMIUM, CHROMIUM_ARGUMENTS, Server, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response

PATIENCE_MS = 15_000  # before something that should be on a page counts as missing
WIDE, PHONE = (1280, 900), (390, 844)
# What Chromium says of an answer of 4xx, which some tests ask for on purpose, and htmx of a request that ended because
# the person went to another page. A request that failed also says htmx:sendError, which is not expected.
EXPECTED = re.compile(r"the server responded with a status of 4\d\d|^htmx:(afterRequest|sendAbort)\b")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in this folder, and skip it with its reason where no Chromium is."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="needs a Chromium: `apt-get install chromium`"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`manage.py up` on data of its own, with the sample case; ended after the last test."""
    with running_server(tmp_path_factory.mktemp("up")) as one:
        yield one


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One Chromium per module: Playwright's event loop must be gone before other tests use the database."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Watch:
    """Collects what must not happen on any page."""

    problems: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        """Listen to a page from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not EXPECTED.search(message.text):
            self.problems.append(f"{message.location.get('url')}: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.problems.append(f"{response.url} answered {response.status}")


OpenAs = Callable[..., "Page"]


@pytest.fixture(scope="module")
def sign_in(server: Server, chromium: Browser) -> Callable[[str], dict[str, object]]:
    """sign_in("mira") gives the cookies of a session of this person, who is new unless seen before."""
    states: dict[str, dict[str, object]] = {}

    def state(name: str) -> dict[str, object]:
        if name not in states:
            link = server.manage("sign_in_link", name, *(() if name == "admin" else ("--new",)))
            context = chromium.new_context()
            page = context.new_page()
            page.goto(link)
            page.wait_for_url(lambda url: "/sign-in/" not in url)
            states[name] = dict(context.storage_state())
            context.close()
        return states[name]

    return state


@pytest.fixture
def open_as(
    server: Server, chromium: Browser, sign_in: Callable[[str], dict[str, object]]
) -> Iterator[OpenAs]:
    """open_as("admin", size=PHONE) gives a page of a fresh window, signed in; all are watched to the end."""
    watch = Watch()
    contexts: list[BrowserContext] = []

    def open_page(name: str = "admin", size: tuple[int, int] = WIDE, **options: object) -> Page:
        context = chromium.new_context(
            base_url=server.address,
            storage_state=sign_in(name),
            viewport={"width": size[0], "height": size[1]},
            **options,
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        watch.follow(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert watch.problems == []


@pytest.fixture
def page(open_as: OpenAs) -> Page:
    """The administrator's window, 1280 px wide."""
    return open_as()


@pytest.fixture
def new_case(page: Page) -> Callable[[str], str]:
    """new_case("Bakery") makes a case by its form and gives its address."""

    def make(name: str) -> str:
        page.goto("/cases/new/")
        page.get_by_label("Name").fill(name)
        page.get_by_role("button", name="Create case").click()
        page.wait_for_url(re.compile(r"/cases/\d+/"))
        return re.search(r"/cases/\d+/", page.url)[0]

    return make


@pytest.fixture(scope="session")
def sample_case(server: Server) -> str:
    """The address of the sample case, as every test finds it: with one finished scan."""
    return server.manage(
        "shell",
        "-v0",
        "-c",
        "from scans_app.models import Case; print(Case.objects.get(name='First steps').get_absolute_url())",
    ).splitlines()[-1]
