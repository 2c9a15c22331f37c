"""What texts have in common: their start, their end, their longest middle. Case does not count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_LONGEST: Final = 400  # characters of a text that its middle is looked for in


def common_prefix(texts: Sequence[str]) -> str:
    """The longest start that all texts share, as the first of them writes it."""
    return texts[0][: _shared(texts)]


def common_suffix(texts: Sequence[str]) -> str:
    """The longest end that all texts share, as the first of them writes it."""
    length = _shared([text[::-1] for text in texts])
    return texts[0][len(texts[0]) - length :]


def common_infix(texts: Sequence[str]) -> str:
    """The longest run of characters that stands in all texts, as the shortest of them writes it; only the first
    characters of a long one are tried."""
    shortest = min(texts, key=len)[:_LONGEST]
    others = [text.lower() for text in texts]
    best = ""
    for start in range(len(shortest)):
        while start + len(best) < len(shortest):
            longer = shortest[start : start + len(best) + 1]
            if not all(longer.lower() in other for other in others):
                break
            best = longer
    return best


def _shared(texts: Sequence[str]) -> int:
    # Character by character: folding some letters makes two of one, and places would no longer agree.
    for place, characters in enumerate(zip(*texts, strict=False)):
        if len({character.lower() for character in characters}) > 1:
            return place
    return min(map(len, texts))
