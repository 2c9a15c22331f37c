"""Hit groups: written when a scan of many hits is over, kept in step with the verdicts after that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import Case, Count, F, IntegerField, Max, Min, Sum, Value, When

from scans_app.models import Hit, HitGroup, Scan

GROUPED_FROM = 50_000  # hits; fewer are counted one by one soon enough


def group_hits(scan_pk: int) -> None:
    """Sum up the hits of a scan that is over, in one transaction; nothing for one of few hits or done before.

    A million hits take the database some seconds; judging waits for them.
    """
    with transaction.atomic():
        scans = Scan.objects.select_for_update().filter(pk=scan_pk, state__in=Scan.OVER)
        scan = scans.filter(is_grouped=False, hits__gte=GROUPED_FROM).only("pk").first()
        if scan is None:
            return
        columns = {
            "hits": Count("pk"),
            "judged": Sum(
                Case(When(verdict="", then=Value(0)), default=Value(1), output_field=IntegerField())
            ),
            "first_time": Min("time"),
            "last_time": Max("time"),
        }
        groups = Hit.objects.of_scan(scan).order_by().values("scan_id", *HitGroup.KEYS).annotate(**columns)
        sql, params = groups.query.sql_with_params()
        names = ", ".join(
            connection.ops.quote_name(HitGroup._meta.get_field(name).column)
            for name in ("scan_id", *HitGroup.KEYS, *columns)
        )
        with connection.cursor() as cursor:
            # Names come from the model alone, the question is Django's own.
            cursor.execute(f"INSERT INTO {HitGroup._meta.db_table} ({names}) {sql}", params)
        scans.update(is_grouped=True)


def count_judged(changes: Iterable[tuple[Hit, int]]) -> None:
    """Count hits whose verdict was given (+1), taken back (-1) or changed (0) in their scans and in the groups there,
    in the transaction that writes the verdicts."""
    changed: Counter[tuple[int, ...]] = Counter()
    for hit, change in changes:
        changed[hit.scan_id, *(getattr(hit, name) for name in HitGroup.KEYS)] += change
    # Locked in one order: verdicts wait while the groups of their scan are being written, and for each other.
    scans = Scan.objects.select_for_update().filter(pk__in={scan for scan, *_ in changed}).order_by("pk")
    grouped = dict(scans.values_list("pk", "is_grouped"))
    Scan.objects.filter(pk__in=grouped).update(verdict_changes=F("verdict_changes") + 1)
    for (scan, *keys), change in sorted(changed.items()):
        if grouped[scan] and change:
            groups = HitGroup.objects.filter(scan=scan, **dict(zip(HitGroup.KEYS, keys, strict=True)))
            groups.update(judged=F("judged") + change)
