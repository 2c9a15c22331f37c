"""What a deletion takes with it, in words."""

from __future__ import annotations

from collections.abc import Mapping

from scans_app.templatetags.display import counted, size


def deletion_words(facts: Mapping[str, int]) -> str:
    """`facts` of `services.deletion_counts` as a list in a sentence, "nothing but itself" for none."""
    parts = []
    if number := facts.get("scans"):
        parts.append(counted(number, "scan,scans"))
    if number := facts.get("hits"):
        judged = facts.get("judged", 0)
        parts.append(counted(number, "hit,hits") + (f" ({judged:,} judged)" if judged else ""))
    if number := facts.get("comments"):
        parts.append(counted(number, "comment,comments"))
    if number := facts.get("files"):
        of = f"{size(facts.get('size', 0))}, {counted(facts.get('events', 0), 'event,events')}"
        parts.append(f"{counted(number, 'file,files')} ({of})")
    return ", ".join(parts) or "nothing but itself"
