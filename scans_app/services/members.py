"""Matches that correlations need, in files per unit: many are silent and would only fill the table of hits.

A file is written and synced before the unit's row names it, so a row names whole files only.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
from django.conf import settings

import sigma_engine
from scans_app.models import Scan, ScanUnit


def members_folder(scan_pk: int) -> Path:
    """Where the members of a scan lie while it runs."""
    return Path(settings.DATA_DIR) / "members" / str(scan_pk)


def write_members(unit: ScanUnit, members: Iterable[sigma_engine.Member]) -> str:
    """Write a file of members, one a line, and give its name."""
    folder = members_folder(unit.scan_id)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{uuid.uuid4().hex}.jsonl"
    with (folder / name).open("xb") as file:
        file.writelines(orjson.dumps(list(member)) + b"\n" for member in members)
        file.flush()
        os.fsync(file.fileno())
    return name


def read_members(scan: Scan) -> Iterator[sigma_engine.Member]:
    """All members that the units of a scan found. Raises OSError when a file that a row names is gone."""
    for names in scan.units.values_list("member_files", flat=True):
        for name in names:
            with (members_folder(scan.pk) / name).open("rb") as file:
                for line in file:
                    yield sigma_engine.Member(*orjson.loads(line))


def remove_members(scan_pk: int) -> None:
    """Remove the members of a scan that is over."""
    shutil.rmtree(members_folder(scan_pk), ignore_errors=True)
