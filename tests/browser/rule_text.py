"""A person's hands in the rule editor: CodeMirror, over the text field that the form sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page


def text_of(page: Page) -> str:
    """The text that the form would send."""
    return page.locator("#id_text").input_value()


def write(page: Page, text: str) -> None:
    """Put a text in the place of the one that is there, as by pasting it over."""
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
    page.wait_for_function("text => document.getElementById('id_text').value === text", arg=text)
