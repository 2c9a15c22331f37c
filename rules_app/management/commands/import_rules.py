"""Import rule files from the command line: the same import as by upload, without a job."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rules_app import services


class Command(BaseCommand):
    help = "Import a rule file, a folder of them, or a zip archive into a rule set."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH")
        parser.add_argument("--set", dest="rule_set", metavar="NAME", help="the set; else named after PATH")

    def handle(self, *args: Any, path: Path, rule_set: str | None, **options: Any) -> None:
        if not path.exists():
            raise CommandError(f"There is no {path}.")
        name = rule_set or path.resolve().stem
        report = services.import_rules(services.read_path(path), services.get_or_create_set(name, None), None)
        for file, sentence in report.refused:
            self.stderr.write(f"refused: {file}: {sentence}")
        for file, sentence in report.notices:
            self.stderr.write(f"notice: {file}: {sentence}")
        self.stdout.write(
            f"{name}: {report.created} created, {report.updated} updated, {report.unchanged} unchanged; "
            f"{report.broken} of them broken and kept, {len(report.refused)} files refused"
        )
