"""Modifiers that look for a value as it is encoded inside other text."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from sigma_engine.modifiers.base import Modifier, each
from sigma_engine.patterns import AnyTest, TextPattern, ValueTest


class _Encode(Modifier):
    """Encodes text to UTF-16; what follows (`base64`, `base64offset`) sees the bytes."""

    encoding: ClassVar[str]
    mark: ClassVar[bytes] = b""

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return each(test, self._encode)

    def _encode(self, test: ValueTest) -> ValueTest:
        pattern = self.plain(test)
        encoded = self.mark + (pattern.literal or "").encode(self.encoding, "surrogatepass")
        return TextPattern((encoded.decode("latin-1"),), pattern.cased, is_bytes=True)


class Wide(_Encode):
    """UTF-16 little endian, as Windows writes it."""

    names = ("wide", "utf16le")
    encoding = "utf-16-le"


class Utf16Be(_Encode):
    """UTF-16 big endian."""

    names = ("utf16be",)
    encoding = "utf-16-be"


class Utf16(_Encode):
    """UTF-16 little endian behind a byte order mark."""

    names = ("utf16",)
    encoding = "utf-16-le"
    mark = b"\xff\xfe"


def _bytes(pattern: TextPattern) -> bytes:
    text = pattern.literal or ""
    return text.encode("latin-1") if pattern.is_bytes else text.encode("utf-8", "surrogatepass")


class Base64(Modifier):
    """The value, encoded whole, with its padding."""

    names = ("base64",)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return each(test, self._encode)

    def _encode(self, test: ValueTest) -> ValueTest:
        pattern = self.plain(test)
        return TextPattern((base64.b64encode(_bytes(pattern)).decode(),), pattern.cased)


class Base64Offset(Modifier):
    """The value inside some encoded text: one form for each of the three places it may fall on."""

    names = ("base64offset",)
    # Of the encoding of i bytes and the value, the first characters also hold bits of what stands before
    # (0, 2, 3 of them), the last ones of what follows, by (length + i) % 3.
    _start = (0, 2, 3)
    _end = (None, -3, -2)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        pattern = self.plain(test)
        content = _bytes(pattern)
        return AnyTest(tuple(TextPattern((self._shifted(content, i),), pattern.cased) for i in range(3)))

    def _shifted(self, content: bytes, shift: int) -> str:
        encoded = base64.b64encode(b" " * shift + content).decode()
        return encoded[self._start[shift] : self._end[(len(content) + shift) % 3]]
