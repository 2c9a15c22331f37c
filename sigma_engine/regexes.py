"""A user's regular expression: Python's meaning, run in bounded time.

`re.search` is the law (research/sigma.md section 1, row `re`), but Python's own engine can take minutes on a
hundred bytes and cannot be interrupted. So google-re2, which is linear, answers wherever it means the same,
and `regex` with a timeout answers where the two differ: `$` before a final newline, Unicode classes, letter
case beyond ASCII, and what re2 does not know (look-around, back references). One difference is left: the
separators 0x1c to 0x1f are white space to Python and to neither of the two.
"""

from __future__ import annotations

import contextlib
import re
import warnings

import re2
import regex

MAX_LENGTH = 4096  # characters; the longest published pattern has 217
TIMEOUT_SECONDS = 0.25  # for one search by `regex`
_RE2_MEMORY = 8 << 20

# Python reads these otherwise than re2: `{,3}` and nested sets.
_READ_DIFFERENTLY = re.compile(r"\{,|\[\[|\[:|&&|~~|--|\|\|")
# To Python this is a set of a few letters and colons, to everybody else a class: no author means the former.
_POSIX_CLASS = re.compile(r"\[:\^?[a-z]+:\]")
_UNICODE_CLASS = re.compile(r"\\[wWdDsSbB]")
# White space to Python, not to re2.
_PYTHON_SPACE = re.compile(r"\x0b")


class RegexTimeout(Exception):
    """One search took longer than `TIMEOUT_SECONDS`; says on which pattern."""


class Regex:
    """One compiled pattern. Raises `re.error` when Python does not accept it."""

    def __init__(self, pattern: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self.pattern = pattern
        self.flags = flags
        if posix := _POSIX_CLASS.search(pattern):
            raise re.error(
                f"the class {posix[0]} is not known; write it out, such as a-zA-Z", pattern, posix.start()
            )
        with warnings.catch_warnings():  # "possible nested set" is a hint to authors, not a fault
            warnings.simplefilter("ignore", FutureWarning)
            re.compile(pattern, flags)
        self._linear = self._compile_linear()
        self._full: regex.Pattern[str] | None = None
        self._has_end = "$" in pattern
        self._has_class = _UNICODE_CLASS.search(pattern) is not None
        self._folds = bool(flags & re.IGNORECASE) or "(?" in pattern

    def __reduce__(self) -> tuple[type[Regex], tuple[str, re.RegexFlag]]:
        return (Regex, (self.pattern, self.flags))

    def _compile_linear(self) -> re2._Regexp[bytes] | None:
        if _READ_DIFFERENTLY.search(self.pattern):
            return None
        options = re2.Options()
        options.max_mem = _RE2_MEMORY
        options.log_errors = False
        options.never_capture = True
        options.case_sensitive = not self.flags & re.IGNORECASE
        options.dot_nl = bool(self.flags & re.DOTALL)
        pattern = f"(?m){self.pattern}" if self.flags & re.MULTILINE else self.pattern
        try:
            return re2.compile(pattern.encode(), options)
        except (re2.error, UnicodeEncodeError):
            return None

    @property
    def is_linear(self) -> bool:
        """Whether re2 can run this pattern at all."""
        return self._linear is not None

    def search(self, text: str) -> bool:
        """Whether the pattern is found in `text`, as `re.search` means it. Raises RegexTimeout."""
        if self._linear is not None and self._means_the_same_on(text):
            with contextlib.suppress(UnicodeEncodeError):  # half a surrogate pair, which JSON can hold
                return self._linear.search(text.encode()) is not None
        if self._full is None:
            self._full = regex.compile(self.pattern, int(self.flags) | regex.VERSION0)
        try:
            return self._full.search(text, timeout=TIMEOUT_SECONDS) is not None
        except TimeoutError as error:
            raise RegexTimeout(f"`{self.pattern}` took more than {TIMEOUT_SECONDS} s on one value") from error

    def _means_the_same_on(self, text: str) -> bool:
        if self._has_end and text.endswith("\n"):
            return False
        if self._has_class and (not text.isascii() or _PYTHON_SPACE.search(text)):
            return False
        return not (self._folds and not text.isascii())
