"""The rules that templates keep so that the strict policy holds and hostile text stays text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = sorted((PROJECT / "templates").rglob("*.html"))
SCRIPTS = sorted((PROJECT / "frontend").rglob("*.js"))

FORBIDDEN_IN_TEMPLATES = {
    "a style attribute": r"\sstyle\s*=",
    "a style element": r"<style\b",
    "a script in the page": r"<script\b(?![^>]*\bsrc=)",
    "an event attribute": r"\son[a-z]+\s*=",
    "hx-on": r"\bhx-on\b",
    "javascript: in an address": r"javascript:",
    "an expression in hx-vals or hx-headers": r"hx-(vals|headers)\s*=\s*['\"]js:",
    "something loaded from elsewhere": r"(src|href|action)\s*=\s*['\"](https?:)?//",
    "text that is not escaped": r"\|\s*safe\b|autoescape\s+off",
    "an attribute value without quotes": r"<[a-z][^<>]*\s[a-z-]+=\{\{",
}

FORBIDDEN_IN_SCRIPTS = {
    "eval": r"\beval\s*\(|new Function\b",
    "markup made of text": r"\.(inner|outer)HTML\s*=|insertAdjacentHTML|document\.write",
    "a style attribute": r"\.style\.cssText|setAttribute\(\s*['\"]style",
}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(PROJECT)))
@pytest.mark.parametrize("what", FORBIDDEN_IN_TEMPLATES)
def test_a_template_holds_nothing_that_the_policy_forbids(template: Path, what: str) -> None:
    found = re.search(FORBIDDEN_IN_TEMPLATES[what], template.read_text())
    assert found is None, f"{what}: {found.group(0)!r}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(PROJECT)))
@pytest.mark.parametrize("what", FORBIDDEN_IN_SCRIPTS)
def test_a_script_never_turns_text_into_code_or_markup(script: Path, what: str) -> None:
    found = re.search(FORBIDDEN_IN_SCRIPTS[what], script.read_text())
    assert found is None, f"{what}: {found.group(0)!r}"


@pytest.mark.parametrize("what", FORBIDDEN_IN_TEMPLATES)
def test_the_patterns_of_templates_find_what_they_name(what: str) -> None:
    samples = {
        "a style attribute": '<p style="color: red">',
        "a style element": "<style>",
        "a script in the page": "<script>alert(1)</script>",
        "an event attribute": '<p onclick="x()">',
        "hx-on": '<p hx-on:click="x()">',
        "javascript: in an address": '<a href="javascript:x()">',
        "an expression in hx-vals or hx-headers": "<p hx-vals='js:{a: 1}'>",
        "something loaded from elsewhere": '<script src="https://cdn.example/x.js">',
        "text that is not escaped": "{{ event|safe }}",
        "an attribute value without quotes": "<a title={{ event }}>",
    }
    assert re.search(FORBIDDEN_IN_TEMPLATES[what], samples[what])
