"""What the page shows of a trial: bars over time, and whether the rule is noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scans_app.models import Trial

WIDTH, HEIGHT = 720.0, 40.0  # of the viewBox
SMALLEST = 1.5  # one hit among thousands still shows
NOISY_HITS = 100  # fewer are read by a person, whatever share they are
NOISY_SHARE = 0.05  # of the events of the rule's log sources


@dataclass(frozen=True, slots=True)
class Bar:
    """The hits of one span of time, in units of the viewBox. `start` is microseconds since the epoch."""

    x: float
    y: float
    width: float
    height: float
    hits: int
    start: int


@dataclass(frozen=True, slots=True)
class TrialPage:
    """A trial with what is worked out for its page. `common` is {field, value, hits, percent} of a value that at least
    half of the hits have."""

    trial: Trial
    bars: list[Bar]
    noisy: bool
    share_percent: str
    common: dict[str, Any] | None


def trial_page(trial: Trial) -> TrialPage:
    """The page of a trial as it is now."""
    common = trial.common_value
    if common is not None:
        common = {**common, "percent": _percent(common["hits"] / trial.hits)}
    noisy = trial.hits >= NOISY_HITS and trial.share_hit >= NOISY_SHARE
    return TrialPage(
        trial, _bars(trial), noisy, _percent(trial.share_hit), common if trial.hits > 1 else None
    )


def _bars(trial: Trial) -> list[Bar]:
    highest = max(trial.bins, default=0)
    step = WIDTH / max(len(trial.bins), 1)
    span = (trial.last_time - trial.first_time + 1) // max(len(trial.bins), 1)
    bars = []
    for place, hits in enumerate(trial.bins):
        if hits:
            height = max(SMALLEST, round(hits / highest * HEIGHT, 1))
            start = trial.first_time + place * span
            bars.append(Bar(round(place * step, 1), round(HEIGHT - height, 1), step - 1, height, hits, start))
    return bars


def _percent(share: float) -> str:
    """`92 %`, and enough digits to tell a small share from none."""
    percent = 100 * share
    if percent >= 10 or percent == 0:
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if percent >= 0.1 else "under 0.1 %"
