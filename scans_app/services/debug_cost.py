"""What a debug scan would cost, told before it starts: by the catalogue, and by the rate of the last scans."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F

from scans_app.models import Scan
from scans_app.services.preflight import Preflight

RATIO = 2  # of a plain scan's time, on logs like those of a fleet; see bench/debug.py
USUAL_RATE = 20_000  # events a second, where no scan has shown this machine's own


@dataclass(frozen=True, slots=True)
class DebugCost:
    """A debug scan reads every event, and keeps counts for every rule. `seconds` are those of a debug scan, about;
    `is_measured` says that the rate is that of earlier scans."""

    events: int
    rules: int
    seconds: float
    is_measured: bool


def debug_cost(plan: Preflight) -> DebugCost:
    """The cost of the scan that `plan` says, as a debug scan."""
    done = Scan.objects.filter(state__in=(Scan.State.FINISHED, Scan.State.FINISHED_WITH_GAPS), debug=False)
    done = done.filter(events__gte=USUAL_RATE, started_at__lt=F("finished_at")).order_by("-pk")
    last = done.only("events", "started_at", "finished_at", "state").first()
    rate = last.events_per_second if last is not None else USUAL_RATE
    return DebugCost(plan.events, plan.rules, max(1.0, RATIO * plan.events / rate), last is not None)
