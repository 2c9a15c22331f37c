"""JSON of any layout into JSON lines, in bounded memory.

Arrays, objects one after another, pretty-printed ones, lines, UTF-16: all become one object a line, in
their order. The text of each object is kept as it was written; only line ends and indentation between its
members go.
"""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path
from typing import BinaryIO, Final

from sigma_engine.evidence import EvidenceError
from sigma_engine.file_kinds import encoding_of

LARGEST_VALUE: Final = 16 * 1024 * 1024
_BLOCK: Final = 1024 * 1024
_BETWEEN: Final = re.compile(r"[\s,\[\]]*")
_LINE_ENDS: Final = re.compile(r"\s*[\r\n]\s*")
_NEXT_OBJECT: Final = re.compile(r"\n[\s,\[]*(?=\{)")
_SHOWN: Final = 2000
_OVERLAP: Final = 256
_LONGEST_TOKEN: Final = 12


def rewrite_json(source_path: str | Path, target_path: str | Path) -> int:
    """Write the objects of a JSON file to `target_path`, one a line in UTF-8; returns the number of lines.

    Text that is no JSON becomes one line too (cut to 2,000 characters), so that reading the lines tells of
    it as lost; the next object is looked for at the start of a later line. Memory holds one object and a
    block. Raises EvidenceError when the file holds no object at all, or one larger than 16 MiB.
    """
    objects = lines = 0
    with (
        Path(source_path).open("rb") as source,
        Path(target_path).open("w", encoding="utf-8", newline="\n") as target,
    ):
        text = _Text(source)
        while text.skip_separators():
            value = text.take_object()
            objects += value is not None
            line = text.take_bad() if value is None else value
            target.write(_LINE_ENDS.sub(" ", line) + "\n")
            lines += 1
    if not objects:
        raise EvidenceError(
            "no_json", "This file holds no whole JSON object.", "Export the events as JSON lines."
        )
    return lines


class _Text:
    """The decoded text of a file, a window of which is held: what was taken is let go of."""

    def __init__(self, source: BinaryIO) -> None:
        encoding, skip = encoding_of(source.read(3))
        source.seek(skip)
        self._source = source
        self._decode = codecs.getincrementaldecoder(encoding)(errors="replace").decode
        self._held = ""
        self._at = 0
        # Numbers stay text: only where an object ends is asked, and Python reads no number of over 4,300 digits.
        self._scan = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode

    def skip_separators(self) -> bool:
        """Move to the next value; False when there is none."""
        while True:
            self._at = _end(_BETWEEN.match(self._held, self._at))
            if self._at < len(self._held):
                return True
            if not self._more():
                return False

    def take_object(self) -> str | None:
        """The text of the object that starts here; None when none starts here. Raises EvidenceError for one
        that is too large."""
        if self._held[self._at] != "{":
            return None
        while True:
            try:
                end = self._scan(self._held, self._at)[1]
            except RecursionError:
                return None
            except json.JSONDecodeError as error:
                if not self._is_cut_off(error):
                    return None
                if len(self._held) - self._at > LARGEST_VALUE:
                    raise _too_large() from None
                if not self._more():
                    return None
                continue
            if end - self._at > LARGEST_VALUE:
                raise _too_large()
            text = self._held[self._at : end]
            self._at = end
            return text

    def take_bad(self) -> str:
        """The start of the text up to the next line that starts an object, or to the end."""
        shown = self._held[self._at : self._at + _SHOWN]
        self._at += 1
        while (found := _NEXT_OBJECT.search(self._held, self._at)) is None:
            self._at = max(self._at, len(self._held) - _OVERLAP)
            if not self._more():
                self._at = len(self._held)
                return shown
        shown = shown[: max(1, found.start() - self._at + 1)] if found.start() - self._at < _SHOWN else shown
        self._at = found.end()
        return shown

    def _is_cut_off(self, error: json.JSONDecodeError) -> bool:
        """Whether more text could mend the error: a value that the window's end cuts."""
        return error.msg.startswith("Unterminated") or error.pos >= len(self._held) - _LONGEST_TOKEN

    def _more(self) -> bool:
        """Hold more text, at least doubling what is left of the window; False at the end of the file."""
        left = self._held[self._at :]
        block = self._source.read(max(_BLOCK, len(left)))
        self._held, self._at = left + self._decode(block, final=not block), 0
        return bool(block)


def _end(found: re.Match[str] | None) -> int:
    """Where a match ends that cannot fail."""
    assert found is not None
    return found.end()


def _too_large() -> EvidenceError:
    return EvidenceError(
        "object_too_large",
        f"One JSON object of this file is larger than {LARGEST_VALUE // 2**20} MiB.",
        "Export the events as JSON lines, one object a line.",
    )
