"""Hit groups: written when a scan of many hits is over, kept in step with the verdicts after that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import Count, F, Max, Min, Q

from scans_app.models import Case, Hit, HitGroup, Scan
from scans_app.services.hit_times import hit_times

GROUPED_FROM = 50_000  # hits; fewer are counted one by one soon enough


def group_hits(scan_pk: int) -> None:
    """Sum up the hits of a scan that is over, in one transaction; nothing for one of few hits or done before.

    A million hits take the database some seconds; judging waits for them.
    """
    with transaction.atomic():
        scans = Scan.objects.select_for_update().filter(pk=scan_pk, state__in=Scan.OVER)
        scan = scans.filter(is_grouped=False, is_deleting=False, hits__gte=GROUPED_FROM).only("pk").first()
        if scan is None:
            return
        columns = {
            "hits": Count("pk"),
            **{verdict: Count("pk", filter=Q(verdict=verdict)) for verdict in HitGroup.JUDGED},
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
        scans.update(is_grouped=True, hit_times=hit_times(Hit.objects.of_scan(scan)).to_json())


def group_all() -> None:
    """Group what a worker that died after the end of its scan left ungrouped."""
    left = Scan.objects.filter(
        state__in=Scan.OVER,
        is_grouped=False,
        hits__gte=GROUPED_FROM,
        case__state=Case.State.OPEN,
        is_deleting=False,
    )
    for pk in left.values_list("pk", flat=True):
        group_hits(pk)


def count_verdicts(changes: Iterable[tuple[Hit, str]]) -> None:
    """Count hits that get another verdict in their scans and in the groups there, in the transaction that writes the
    verdicts: (the hit as it was, its new verdict)."""
    changed: dict[tuple[int, ...], Counter[str]] = {}
    for hit, verdict in changes:
        key = (hit.scan_id, *(getattr(hit, name) for name in HitGroup.KEYS))
        counts = changed.setdefault(key, Counter())
        counts[hit.verdict] -= 1
        counts[verdict] += 1
    # Locked in one order: verdicts wait while the groups of their scan are being written, and for each other.
    scans = Scan.objects.select_for_update().filter(pk__in={scan for scan, *_ in changed}).order_by("pk")
    grouped = dict(scans.values_list("pk", "is_grouped"))
    Scan.objects.filter(pk__in=grouped).update(verdict_changes=F("verdict_changes") + 1)
    for (scan, *keys), counts in sorted(changed.items()):
        raised = {verdict: F(verdict) + counts[verdict] for verdict in HitGroup.JUDGED if counts[verdict]}
        if grouped[scan] and raised:
            HitGroup.objects.filter(scan=scan, **dict(zip(HitGroup.KEYS, keys, strict=True))).update(**raised)
