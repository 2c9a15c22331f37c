"""Other people's rules in the editor: what nobody changed is saved byte for byte, and findings point into the text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.template.loader import render_to_string

from rules_app.forms import TextForm
from rules_app.services.derive import check_text
from rules_app.services.versions import with_line_ends_of
from sigma_engine import apply_mend, load_model, with_mends

LEAST = 3_000  # fewer rules than that are not the collection that this is about
LINE_ENDS = re.compile("\r\n|[\n\r\u0085\u2028\u2029]")
TEXTAREA = re.compile(r"<textarea[^>]*>(.*)</textarea>", re.DOTALL)


@pytest.fixture(scope="module")
def texts(shared_data: Path) -> list[tuple[str, str]]:
    """(path, text) of every published rule, line ends and all."""
    root = shared_data / "sigmahq"
    paths = sorted(path for folder in root.glob("rules*") for path in folder.rglob("*.yml"))
    assert len(paths) >= LEAST
    return [(str(path.relative_to(root)), path.read_bytes().decode()) for path in paths]


def forms_of(text: str) -> Iterator[str]:
    """A text as its author's editor might have left it."""
    yield text
    yield text.rstrip("\n")
    yield text.replace("\n", "\r\n")
    yield text.replace("\n", "\r")
    yield "\ufeff" + text
    yield "\n\n" + text + "\n \n"


def sent_by_a_browser(text: str) -> str:
    """What a browser sends of a text that the page shows and nobody changes (HTML standard, textarea's values)."""
    page = render_to_string("rules/_text.html", {"editor": "Rule", "form": TextForm(initial={"text": text})})
    found = TEXTAREA.search(page)
    assert found is not None
    value = html.unescape(found[1].replace("\r\n", "\n").replace("\r", "\n")).removeprefix("\n")
    return value.replace("\n", "\r\n")


def test_every_rule_is_saved_as_it_was_when_nobody_changed_it(texts: list[tuple[str, str]]) -> None:
    changed = []
    for path, text in texts:
        for one in forms_of(text):
            form = TextForm({"text": sent_by_a_browser(one)})
            assert form.is_valid(), (path, form.errors)
            if with_line_ends_of(one, form.cleaned_data["text"]) != one:
                changed.append((path, one[:40]))
    assert changed == []


def test_every_finding_of_every_rule_points_into_its_text_and_so_do_its_mends(
    texts: list[tuple[str, str]],
) -> None:
    model = load_model("Windows event logs")
    outside = []
    for path, text in texts:
        lines = LINE_ENDS.split(text)
        for finding in with_mends(check_text(text, model, {}), text, model):
            if not (
                0 < finding.line <= len(lines) and 0 < finding.column <= len(lines[finding.line - 1]) + 1
            ):
                outside.append((path, finding.code, finding.line, finding.column))
            for mend in finding.mends:
                assert apply_mend(text, mend) != text, (path, mend)
    assert outside == []
