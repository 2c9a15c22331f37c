"""Preparation: a queued scan is checked, its rules are compiled, and its evidence is cut into units."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from django.apps import apps
from django.db import transaction
from django.utils import timezone

from rules_app.models import RuleVersion
from rules_app.selection import load_event_model
from scans_app.models import Evidence, Scan, ScanFunnel, ScanRule, ScanUnit
from scans_app.services import storage
from scans_app.services.claims import CRASHES_UNTIL_SET_ASIDE, Heartbeat, LeaseLost, claim, move
from scans_app.services.compile_child import CompileAnswer, CompileOrder, answer_of, compile_order
from scans_app.services.doorbell import ring_on_commit
from scans_app.services.funnels import never_tried_rows
from scans_app.services.preflight import LeftOut
from scans_app.services.scanners import known_set, load_set
from scans_app.services.settling import settle
from scans_app.services.unit_plan import UnitPlan, plan_units

COMPILED_HERE = 50  # so few rules cost less than the start of a child
COMPILE_SECONDS = 300  # 4,000 rules take 20 s on a slow machine; below the time limit of the task

logger = logging.getLogger(__name__)


class ScanFailed(Exception):
    """The scan can't run; the text is a sentence that says why and what to do."""


def run_next_preparation(may_go_on: Callable[[], bool]) -> bool:
    """Prepare the next scan that waits; False when none does. It is done in one go, however long it takes."""
    scan = claim(Scan.objects.order_by("pk"))
    if scan is None:
        return False
    with Heartbeat(scan):
        try:
            _prepare(scan)
        except ScanFailed as problem:
            logger.warning("scan %d failed: %s", scan.pk, problem)
            move(scan, state=Scan.State.FAILED, error=str(problem), finished_at=timezone.now())
        except LeaseLost:
            pass  # it was cancelled, or another worker prepares it
    settle(scan.pk)  # one without anything to read is over
    return True


def _prepare(scan: Scan) -> None:
    if scan.crashes >= CRASHES_UNTIL_SET_ASIDE:
        raise ScanFailed(f"Preparing this scan ended {scan.crashes} processes: scan with fewer rules.")
    evidence = list(scan.evidence.order_by("pk"))
    for file in evidence:
        _check_unchanged(file)
    versions = _versions(scan)
    if known := known_set(scan, versions):
        answer = answer_of(known)
    else:
        answer = _compile_here(scan, versions) if len(versions) <= COMPILED_HERE else _compile(scan, versions)
    if answer["error"]:
        raise ScanFailed(answer["error"])
    _go(scan, versions, answer, plan_units(scan, evidence, load_set(scan, answer["digest"], versions)))


def _check_unchanged(file: Evidence) -> None:
    if not storage.is_unchanged(file):
        raise ScanFailed(
            f"{file.name} was changed or removed on disk since it was added (SHA-256 {file.sha256[:12]}…): "
            "add the original again and scan that."
        )
    # Touched, but with the same bytes: from now on the time says so, and no unit hashes it again.
    Evidence.objects.filter(pk=file.pk).update(stored_mtime_ns=file.path.stat().st_mtime_ns)


def _versions(scan: Scan) -> list[RuleVersion]:
    pks = [*scan.manifest["rules"]["versions"], *scan.manifest["rules"]["needed"]]
    found = RuleVersion.objects.select_related("rule").in_bulk(pks)
    if len(found) < len(pks):
        missing = len(pks) - len(found)
        raise ScanFailed(f"{missing:,} of the rules were deleted after the scan was started: start it again.")
    return [found[pk] for pk in pks]


def _order(scan: Scan, versions: Sequence[RuleVersion]) -> CompileOrder:
    return CompileOrder(
        model=scan.model_version.text,
        rules=[(version.text, str(version.rule.rule_set_id)) for version in versions],
        placeholders=scan.manifest.get("placeholders", {}),
        quiet_from=len(scan.manifest["rules"]["versions"]),
    )


def _compile_here(scan: Scan, versions: Sequence[RuleVersion]) -> CompileAnswer:
    """Compile in this process, which keeps the parsed model between scans."""
    try:
        model = load_event_model(scan.model_version)
    except ValueError as problem:
        raise ScanFailed(f"The model is broken: {problem}") from None
    return compile_order(_order(scan, versions), model)


def _compile(scan: Scan, versions: Sequence[RuleVersion]) -> CompileAnswer:
    """Compile in a child process, looking now and then whether the scan is still wanted."""
    order = _order(scan, versions)
    until = time.monotonic() + COMPILE_SECONDS
    with tempfile.TemporaryFile("w+") as given:
        # A file, not a pipe: with a pipe, whoever waits with a time limit must also go on feeding it.
        json.dump(order, given)
        given.seek(0)
        child = _start_compiler(given)
    with child:
        while True:
            try:
                output, _ = child.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                if time.monotonic() > until:
                    child.kill()
                    raise ScanFailed(
                        f"Compiling took longer than {COMPILE_SECONDS} s: scan with fewer rules."
                    ) from None
                if not Scan.objects.filter(pk=scan.pk, fence=scan.fence, state=Scan.State.PREPARING).exists():
                    child.kill()
                    raise LeaseLost(str(scan)) from None
    if child.returncode:
        raise ScanFailed(f"The compiler ended with code {child.returncode}: see the log of the worker.")
    answer: CompileAnswer = json.loads(output)
    return answer


def _start_compiler(given: IO[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scans_app.services.compile_child"]
    project = Path(apps.get_app_config("scans_app").path).parent
    return subprocess.Popen(command, cwd=project, stdin=given, stdout=subprocess.PIPE, text=True)


def _go(scan: Scan, versions: Sequence[RuleVersion], answer: CompileAnswer, plan: UnitPlan) -> None:
    """Write rules, units and totals, and let the workers at it. Raises LeaseLost, having written nothing."""
    rules = [
        ScanRule(
            scan=scan, position=index, rule_version=version, sources=answer["served"].get(str(index), [])
        )
        for index, version in enumerate(versions)
    ]
    quiet_from = len(scan.manifest["rules"]["versions"])
    left_out = [*scan.rules_left_out, *_left_out(versions, answer)]
    with transaction.atomic():
        ScanRule.objects.bulk_create(rules, batch_size=500)
        ScanUnit.objects.bulk_create(plan.units, batch_size=500)
        move(
            scan,
            state=Scan.State.RUNNING,
            started_at=timezone.now(),
            manifest={
                **scan.manifest,
                "engine": answer["engine"],
                "compiled": answer["digest"],
                "correlates": answer["correlates"],
            },
            rules_run=sum(int(position) < quiet_from for position in answer["served"]),
            rules_left_out=left_out,
            units_total=len(plan.units),
            bytes_total=plan.bytes,
            events_total=plan.events,
            crashes=0,
        )
        if scan.debug:
            left = {pk for group in left_out for pk, *_ in group["rules"]}
            ran = {version.rule_id for version in versions} - left
            ScanFunnel.objects.bulk_create(never_tried_rows(scan, left_out, ran), batch_size=500)
        ring_on_commit()


def _left_out(versions: Sequence[RuleVersion], answer: CompileAnswer) -> list[dict[str, Any]]:
    """What only the compiler could tell, as groups of `Scan.rules_left_out`."""
    named = [
        (versions[int(position)].rule_id, versions[int(position)].rule.title, str(sentence))
        for position, sentence in answer["left_out"]
    ]
    reason = "What it refers to does not run"
    return [LeftOut("not_run", reason, len(named), named).to_json()] if named else []
