"""The application as benchmarks drive it: a case, evidence, rules and scans, in the database that SIGMAWEB_DATA or
DATABASE_URL names, with all work done in this process."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sigmaweb.settings")
django.setup()
logging.getLogger("scans_app").setLevel(
    logging.ERROR
)  # no queue rings here: all work is done in this process

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402

from rules_app.models import EventModel  # noqa: E402
from rules_app.selection import RuleSelection  # noqa: E402
from rules_app.services import FoundFile, get_or_create_set, import_rules, sync_shipped_models  # noqa: E402
from scans_app.models import Case, Evidence, Scan  # noqa: E402
from scans_app.services.cases import create_case  # noqa: E402
from scans_app.services.intake import receive  # noqa: E402
from scans_app.services.scans import start_scan  # noqa: E402
from scans_app.services.work import KINDS  # noqa: E402


class House:
    """A person with a case. Made anew in each benchmark; names carry the time, so that a place can be used again."""

    def __init__(self) -> None:
        call_command("migrate", verbosity=0)
        sync_shipped_models()
        self.name = f"bench {time.time()}"
        self.user = User.objects.create_superuser(self.name)
        self.case: Case = create_case(self.name, "", self.user)

    def add_evidence(self, paths: Iterable[Path]) -> list[Evidence]:
        """Take files in and catalogue them."""
        stored = []
        for path in paths:
            with path.open("rb") as file:
                stored += receive(self.case, self.user, path.name, file).stored
        do_all_work()
        return list(Evidence.objects.filter(pk__in=[one.pk for one in stored]))

    def add_rules(self, texts: Iterable[str], name: str = "rules") -> int:
        """A rule set of these texts; its key."""
        chosen = get_or_create_set(f"{self.name} {name}", self.user)
        files = [FoundFile(f"{number}.yml", text.encode()) for number, text in enumerate(texts)]
        import_rules(files, chosen, self.user)
        return int(chosen.pk)

    def start(self, evidence: Iterable[Evidence], rule_set: int, **more: Any) -> Scan:
        """A queued scan of the evidence with one rule set."""
        model = EventModel.objects.default()
        assert model is not None and model.current is not None
        chosen = RuleSelection(sets=(rule_set,))
        return start_scan(self.case, list(evidence), chosen, model.current, self.user, **more)

    @staticmethod
    def everything() -> RuleSelection:
        """Every enabled rule."""
        return RuleSelection()


def do_all_work() -> None:
    """What workers would do, until nothing can be claimed."""
    while sum(run_next(lambda: True) for run_next in KINDS):
        pass
