"""A user's regular expression means what `re.search` says, whichever engine runs it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma_engine.regexes import Regex, RegexTimeout

PATTERNS = (
    *(
        "abc",
        "^abc$",
        "a.c",
        r"\bcmd\b",
        r"\w+\.exe",
        r"\s+-e",
        "[^a-z]x",
        "a{,2}b",
        "(?i)abc",
        "a|b|",
        r"\d{3}",
    ),
    *(r"\S\W", "x$", r"^\s*$", "[[a]", "[:;]", r"é", "(?:ab)+c", r"(a)\1", "(?<!no)way", "(?=a)a", "[k-s]+"),
)


@pytest.mark.filterwarnings("ignore:Possible nested set")
@settings(max_examples=300, deadline=None)
@given(
    pattern=st.sampled_from(PATTERNS),
    flags=st.sampled_from([re.NOFLAG, re.IGNORECASE, re.MULTILINE, re.DOTALL, re.IGNORECASE | re.DOTALL]),
    text=st.text(alphabet="abcxkKsſéÉ \t\n\x0b\x85\u2028\ud800.-019wayno", max_size=12),
)
def test_the_answer_is_that_of_python(pattern: str, flags: re.RegexFlag, text: str) -> None:
    assert Regex(pattern, flags).search(text) == (re.search(pattern, text, flags) is not None)


def test_a_pattern_that_explodes_elsewhere_is_answered_by_the_linear_engine() -> None:
    regex = Regex(r"(a+)+$")
    assert regex.is_linear
    assert not regex.search("a" * 5000 + "b")


def test_a_pattern_that_only_backtracking_can_run_is_stopped_and_says_so() -> None:
    regex = Regex(r"(?=(a+)+$)(a+)+$")
    assert not regex.is_linear
    with pytest.raises(RegexTimeout, match="took more than"):
        regex.search("a" * 5000 + "b")


@pytest.mark.parametrize("pattern", ["a(", "[[:alpha:]]x"])
def test_a_pattern_that_is_broken_or_means_two_things_is_refused(pattern: str) -> None:
    with pytest.raises(re.error):
        Regex(pattern)
