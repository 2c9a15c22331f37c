"""What the units of a debug scan counted: kept with their checkpoints, added up when the last of them is done."""

from __future__ import annotations

import json
import zlib

from scans_app.models import Scan, ScanUnit, UnitFunnel
from sigma_engine import Funnel


def read_unit_funnel(unit: ScanUnit) -> Funnel:
    """What the unit counted up to its checkpoint; an empty funnel before the first."""
    counts = UnitFunnel.objects.filter(unit=unit).values_list("counts", flat=True).first()
    return Funnel() if counts is None else _unpacked(counts)


def write_unit_funnel(unit: ScanUnit, funnel: Funnel) -> None:
    """Writes what the unit counted, inside the transaction that moves its checkpoint: both hold, or neither."""
    counts = zlib.compress(json.dumps(funnel.to_json()).encode(), 1)
    UnitFunnel.objects.update_or_create(unit=unit, defaults={"counts": counts})


def add_up_units(scan: Scan) -> Funnel:
    """The funnel of the whole scan."""
    funnel = Funnel()
    for counts in UnitFunnel.objects.filter(unit__scan=scan).values_list("counts", flat=True).iterator():
        funnel.add(_unpacked(counts))
    return funnel


def forget_unit_funnels(scan: Scan) -> None:
    """Deletes what the units counted: the scan's own rows say it now."""
    UnitFunnel.objects.filter(unit__scan=scan).delete()


def _unpacked(counts: bytes | memoryview) -> Funnel:
    return Funnel.from_json(json.loads(zlib.decompress(counts)))
