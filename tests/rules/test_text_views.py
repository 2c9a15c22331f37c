"""A text as lines to show, and two texts as a diff."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules_app.services.versions import with_line_ends_of
from rules_app.text_views import code_lines, diff_lines


def finding(line: int, severity: str = "error") -> dict[str, object]:
    return {"line": line, "severity": severity, "message": "m"}


@given(st.text())
def test_no_character_is_lost_by_colouring(text: str) -> None:
    shown = ["".join(part for _, part in line.segments) for line in code_lines(text, [])]
    assert shown == (text.splitlines() or [""])


@pytest.mark.parametrize(
    ("line", "segments"),
    [
        ("title: Whoami", [("key", "title"), ("", ":"), ("", " Whoami")]),
        (
            "    - Image|endswith: 'a''b' # why",
            [("", "    - "), ("key", "Image"), ("mod", "|endswith"), ("", ":"), ("", " "), ("str", "'a''b'"),
             ("", " "), ("com", "# why")],
        ),
        ("url: http://x/#part", [("key", "url"), ("", ":"), ("", " http://x/#part")]),
        ("# all of it", [("com", "# all of it")]),
        ("- plain:text", [("", "- plain:text")]),
    ],
)  # fmt: skip
def test_a_line_is_coloured(line: str, segments: list[tuple[str, str]]) -> None:
    assert code_lines(line, [])[0].segments == segments


def test_the_worst_finding_of_a_line_colours_it() -> None:
    lines = code_lines("a\nb", [finding(2, "info"), finding(2, "error")])
    assert [line.severity for line in lines] == ["", "error"]


def test_a_finding_behind_the_text_is_shown_on_its_last_line() -> None:
    assert [len(line.findings) for line in code_lines("a\nb\n", [finding(9), finding(0)])] == [1, 1]


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_a_diff_names_what_goes_and_what_comes(old: list[str], new: list[str]) -> None:
    lines = diff_lines("\n".join(old), "\n".join(new))
    assert sum(line.kind == "del" for line in lines) - sum(line.kind == "add" for line in lines) == len(
        "\n".join(old).splitlines()
    ) - len("\n".join(new).splitlines())
    for line in lines:
        if line.kind != "gap":
            assert (
                line.text
                == ("\n".join(old) if line.kind == "del" else "\n".join(new)).splitlines()[line.number - 1]
            )


def test_equal_texts_have_no_diff() -> None:
    assert diff_lines("a\nb", "a\nb") == []


def test_far_equal_lines_are_left_out() -> None:
    old = "\n".join(str(n) for n in range(50))
    kinds = [line.kind for line in diff_lines(old, old.replace("25", "x"))]
    assert kinds == ["gap", "same", "same", "same", "del", "add", "same", "same", "same"]


@given(st.text(alphabet="ab\r\n"))
def test_a_browsers_line_ends_change_nothing(text: str) -> None:
    plain = text.replace("\r\n", "\n").replace("\r", "")
    for base in (plain, plain.replace("\n", "\r\n")):
        assert with_line_ends_of(base, plain.replace("\n", "\r\n")) == base
