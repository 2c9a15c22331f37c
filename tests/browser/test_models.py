"""What somebody with logs of their own does: a model for them, a silent rule, a mended mapping, a hit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.rule_text import write

if TYPE_CHECKING:
    from playwright.sync_api import Page

MODEL = """name: Bakery
description: The ovens' own log, as JSON lines
extends: Windows event logs
log_sources:
  - logsource: oven/*/*
    files: ['ovens*.jsonl']
    fields:
      Temperature: x=>x.{path}
"""
RULE = """title: Oven too hot
id: 0b0a6a53-5f6f-4d0c-8b52-6f5c1e9d7a01
status: test
description: An oven over 300 degrees.
author: Tests
date: 2026-11-24
logsource:
  category: oven
detection:
  selection:
    Temperature|gt: 300
  condition: selection
level: medium
"""


def _scan(page: Page, case: str) -> None:
    page.goto(f"{case}scans/new/")
    model = page.get_by_label("Model")
    model.select_option(model.locator("option", has_text="Bakery").get_attribute("value"))
    page.get_by_label("Title").fill("Oven too hot")
    page.get_by_role("button", name=re.compile("Start")).first.click()
    page.wait_for_url(re.compile(r"/scans/\d+/$"))
    expect(page.locator("main")).to_contain_text("Every unit is over")


def test_a_mended_mapping_lets_a_silent_rule_find(
    page: Page, new_case: Callable[[str], str], tmp_path: Path
) -> None:
    log = tmp_path / "ovens-1.jsonl"
    log.write_text(
        "\n".join(json.dumps({"oven": n, "reading": {"celsius": 200 + 10 * n}}) for n in range(20))
    )
    page.goto("/models/new/")
    page.locator("#id_name").fill("Bakery")
    write(page, MODEL.format(path="reading.fahrenheit"))
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(r"/models/\d+/$"))
    model = page.url
    page.goto("/rules/new/")
    write(page, RULE)
    page.locator("#id_rule_set").fill("Bakery")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(r"/rules/\d+/$"))
    page.goto(f"{page.url}review/")
    page.get_by_role("button", name="Publish without review").click()
    expect(page.locator(".steps")).to_contain_text("Published 1")

    case = new_case("Ovens")
    page.goto(f"{case}evidence/")
    page.locator("#files").set_input_files(log)
    expect(page.locator("#evidence")).to_contain_text("whole")
    _scan(page, case)
    page.goto(f"{case}hits/")
    expect(page.locator("main")).to_contain_text("found no hits")

    page.goto(f"{model}edit/")
    write(page, MODEL.format(path="reading.celsius"))
    page.keyboard.press("Control+s")
    page.wait_for_url(model)
    _scan(page, case)
    page.goto(f"{case}hits/")
    expect(page.locator("#hits .hit-body")).to_have_count(9)


def test_a_fault_in_a_lambda_is_found_at_its_place_while_typing(page: Page) -> None:
    page.goto("/models/new/")
    write(page, MODEL.format(path="reading.celsius || nonsense("))
    findings = page.locator("#findings")
    expect(findings.get_by_role("link", name=re.compile("Line 8"))).to_be_visible()
    expect(page.locator(".cm-line", has_text="Temperature").locator(".cm-lintPoint-error")).to_be_attached()
    write(page, MODEL.format(path="reading.celsius"))
    expect(findings.get_by_role("link", name=re.compile("Line 8"))).to_have_count(0)


def test_the_shipped_model_is_read_only_and_can_be_extended(page: Page) -> None:
    page.goto("/models/")
    page.get_by_role("link", name="Windows event logs", exact=True).first.click()
    expect(page.locator("main")).to_contain_text("shipped and read-only")
    expect(page.get_by_role("link", name=re.compile("^Edit"))).to_have_count(0)
    page.get_by_role("link", name=re.compile("Extend")).click()
    expect(page.locator("#id_text")).to_have_value(re.compile("extends: Windows event logs"))
