"""`manage.py load_starter`: what a new workspace begins with, so that the first page already shows hits."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from rules_app.models import EventModel, RuleSet
from rules_app.selection import RuleSelection
from rules_app.services import get_or_create_set, import_rules, read_path, sync_shipped_models
from scans_app.models import Case, Evidence, Scan
from scans_app.services.cases import create_case
from scans_app.services.intake import receive
from scans_app.services.scans import start_scan
from scans_app.services.work import work

FOLDER = Path(__file__).resolve().parents[3] / "starter"
SET_NAME = "Starter"
CASE_NAME = "First steps"
CASE_DESCRIPTION = (
    "An invented intrusion at a small bakery, to try everything on: a document opened on WS07, passwords "
    "read from its memory, an administrator's account on FS01, and the domain's hashes copied from DC01. "
    "One log is damaged."
)
PATIENCE = 60  # seconds in which the work has to be done, were it stuck


class Command(BaseCommand):
    """Works in this process, without a worker, so that everything is there when it returns."""

    help = "Load the starter rules and the sample case, scanned. Run again, it adds only what is missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--user: who owns the sample case."""
        parser.add_argument("--user", help="owner of the sample case; the first administrator unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with a sentence when something can't be loaded."""
        user = _owner(options["user"])
        sync_shipped_models()
        rule_set = get_or_create_set(SET_NAME, user)
        report = import_rules(read_path(FOLDER / "rules"), rule_set, user)
        if report.refused or report.broken:
            raise CommandError(f"Starter rules can't be used: {report.refused or report.broken}")
        case = Case.objects.filter(name=CASE_NAME, members__user=user).first() or create_case(
            CASE_NAME, CASE_DESCRIPTION, user
        )
        _add_evidence(case, user)
        scan = Scan.objects.of_case(case).first() or _scan(case, rule_set, user)
        _work_until(lambda: scan.is_over, scan)
        if scan.state == Scan.State.FAILED:
            raise CommandError(f"The scan of the sample case failed: {scan.error}")
        if options["verbosity"]:
            found = f"{scan.events:,} events, {scan.hits:,} hits"
            self.stdout.write(f"{rule_set.rules.count()} starter rules; case “{CASE_NAME}”: {found}")


def _owner(name: str | None) -> User:
    found = (
        User.objects.filter(username=name) if name else User.objects.filter(is_superuser=True, is_active=True)
    )
    user = found.order_by("pk").first()
    if user is None:
        wanted = f"user {name}" if name else "administrator"
        raise CommandError(
            f"There is no {wanted} yet: make one with `manage.py sign_in_link NAME --new --admin`."
        )
    return user


def _add_evidence(case: Case, user: User) -> None:
    """The committed logs, and their catalogue. A file that is there already is not taken twice."""
    for path in sorted((FOLDER / "evidence").glob("*.evtx")):
        if not Evidence.objects.of_case(case).filter(name=path.name).exists():
            with path.open("rb") as stream:
                intake = receive(case, user, path.name, stream)
            for refusal in intake.refused:
                raise CommandError(f"{refusal.name}: {refusal.sentence}")
    files = Evidence.objects.of_case(case)
    _work_until(
        lambda: not files.exclude(state__in=(Evidence.State.CATALOGUED, Evidence.State.REFUSED)).exists()
    )


def _scan(case: Case, rule_set: RuleSet, user: User) -> Scan:
    model = EventModel.objects.default()
    if model is None or model.current is None:
        raise CommandError("The model that ships with Sigmaweb is missing from this database.")
    evidence = list(Evidence.objects.of_case(case).filter(state=Evidence.State.CATALOGUED))
    return start_scan(case, evidence, RuleSelection(sets=(rule_set.pk,)), model.current, user)


def _work_until(done: Callable[[], bool], scan: Scan | None = None) -> None:
    """Do what waits, as a worker does, until it is done; another worker may be doing part of it."""
    until = time.monotonic() + PATIENCE
    while True:
        if scan is not None:
            scan.refresh_from_db()
        if done():
            return
        if time.monotonic() > until:
            raise CommandError(f"The sample case was not ready within {PATIENCE} s: a worker may be stuck.")
        if not work():
            time.sleep(0.2)
