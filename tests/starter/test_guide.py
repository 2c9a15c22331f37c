"""The user guide says what is so: its pictures are there, its figures are those of the sample case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from scans_app.models import Evidence, Hit, Scan

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "guide.md").read_text("utf-8")
MAX_PICTURE_BYTES = 200_000


def test_every_picture_of_the_guide_is_there_and_every_picture_is_shown() -> None:
    shown = set(re.findall(r"\]\(screenshots/([\w-]+\.png)\)", GUIDE))
    taken = {path.name for path in (DOCS / "screenshots").glob("*.png")}
    assert shown == taken
    assert all((DOCS / "screenshots" / name).stat().st_size < MAX_PICTURE_BYTES for name in taken)


def test_every_link_of_the_guide_leads_somewhere() -> None:
    places = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in GUIDE.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"(?<!!)\[[^\]]+\]\(([^)]+)\)", GUIDE):
        page, _, place = target.partition("#")
        assert (DOCS / page).is_file() if page else place in places, target


@pytest.mark.django_db(transaction=True)
def test_the_figures_of_the_guide_are_those_of_the_sample_case() -> None:
    User.objects.create_superuser("admin")
    call_command("load_starter", verbosity=0)
    scan = Scan.objects.get()
    events = sum(Evidence.objects.values_list("events", flat=True))
    address = Hit.objects.filter(level=4, event__data__EventData__DestinationIp="203.0.113.45").count()
    assert f"{scan.rules_run} starter rules in {events:,} events from seven logs" in GUIDE
    assert f"stands behind {address} of the hits" in GUIDE
