"""axe looks at every page, light and dark: no violation of WCAG A and AA, nor of its best practices."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.test_every_page import PAGES, numbers  # noqa: F401 (a fixture)

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
LOOK = """async only => {
  const options = only ? { runOnly: { type: "rule", values: [only] } } : {};
  const { violations } = await axe.run(document, { ...options, resultTypes: ["violations"] });
  const shown = (node) => `${node.target.join(" ")}: ${node.any.concat(node.all, node.none).map(({ message }) => message).join("; ")}`;
  return violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => `${id}: ${shown(node)}`));
}"""  # noqa: E501


@pytest.mark.parametrize("address", PAGES)
def test_axe_finds_nothing_on_a_page_in_light_and_in_dark(
    address: str,
    page: Page,
    numbers: dict[str, str],  # noqa: F811
) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(address.format(**numbers))
    page.wait_for_load_state("networkidle")
    page.evaluate(AXE.read_text())
    found = page.evaluate(LOOK, None)
    page.emulate_media(color_scheme="dark")
    found += page.evaluate(LOOK, "color-contrast")
    assert found == []
