"""What pages show of hit diffs: the scans to choose from, and the kept, gained and lost hits with their verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, QuerySet

from rules_app.models import Rule, RuleVersion
from rules_app.services.publishing import Obstacle
from scans_app.models import Hit, HitDiff, Scan, ScanRule
from scans_app.services.hit_diff import lost_true_positives, places, stored_hits

SCANS_OFFERED = 30
HITS_SHOWN = 50
OF_A_LOGSOURCE = ("category", "product", "service")


@dataclass(frozen=True)
class DiffSide:
    """One of the three parts: how many hits, the verdicts of those that have one, and the first few of them.

    `hits` are hits of the scan; `rows` are events that it has no hit of (services.hit_diff).
    """

    count: int
    verdicts: dict[str, int] = field(default_factory=dict)
    hits: list[Hit] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def more(self) -> int:
        """How many are not listed."""
        return max(self.count - len(self.hits) - len(self.rows), 0)


@dataclass(frozen=True)
class ShownDiff:
    """A finished diff as it reads now. `waiting` are lost true positives that nobody accepted yet."""

    kept: DiffSide
    gained: DiffSide
    lost: DiffSide
    waiting: list[Hit]
    accepted: int

    @property
    def sentence(self) -> str:
        """What matters most in words: `Loses 2 true positives, drops 118 false positives.`"""
        parts = [
            f"{word} {count:,} {Hit.Verdict(verdict).label.lower()}{'s' if count != 1 and plural else ''}"
            for verdict, word, plural in _TELLING
            if (count := self.lost.verdicts.get(verdict, 0))
        ]
        sentence = ", ".join(parts)
        return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


_TELLING = (
    (Hit.Verdict.TRUE_POSITIVE, "loses", True),
    (Hit.Verdict.BENIGN, "drops", False),
    (Hit.Verdict.FALSE_POSITIVE, "drops", True),
    (Hit.Verdict.UNSURE, "drops", False),
)


def scans_to_choose(rule: Rule, user: User) -> list[tuple[Scan, bool]]:
    """Finished scans that this person may see, each with whether it ran the rule; the one to begin with is first."""
    finished: QuerySet[Scan] = Scan.objects.visible_to(user).filter(
        state__in=(Scan.State.FINISHED, Scan.State.FINISHED_WITH_GAPS)
    )
    finished = finished.select_related("case").defer("manifest", "log", "rules_left_out")
    ran = set(ScanRule.objects.filter(rule_version__rule=rule).values_list("scan", flat=True))
    scans = list(finished[:SCANS_OFFERED])
    scans += [scan for scan in finished.filter(pk__in=ran)[:1] if scan not in scans]
    near = _of_same_logsource(rule, [scan.pk for scan in scans])
    scans.sort(key=lambda scan: (scan.pk not in ran, scan.pk not in near, -scan.pk))
    return [(scan, scan.pk in ran) for scan in scans]


def shown_diff(diff: HitDiff) -> ShownDiff:
    """A finished diff with the verdicts that its hits have now."""
    new = places(diff.new_hits)
    stored = stored_hits(diff) if diff.in_scan else []
    kept = [one for one in stored if one[1] in new]
    lost = [one for one in stored if one[1] not in new]
    true_positives = lost_true_positives(diff) if diff.in_scan else []
    accepted = set(diff.accepted.values_list("hit", flat=True))
    return ShownDiff(
        DiffSide(diff.kept, _verdicts(kept), _hits(kept)),
        DiffSide(diff.gained, rows=diff.gained_rows[:HITS_SHOWN]),
        DiffSide(diff.lost, _verdicts(lost), _hits(_judged_first(lost)), diff.lost_rows[:HITS_SHOWN]),
        [hit for hit in true_positives if hit.pk not in accepted],
        sum(hit.pk in accepted for hit in true_positives),
    )


def losses_not_accepted(version: RuleVersion, user: User) -> list[Obstacle]:
    """What a version loses against publishing it, by its finished diffs (a gate of `rules_app`): hits that are judged
    true positive and that nobody accepted as lost. A case that this person may not see is not named."""
    visible = set(HitDiff.objects.visible_to(user).filter(rule_version=version).values_list("pk", flat=True))
    found = []
    diffs = HitDiff.objects.finished().filter(rule_version=version, in_scan=True).order_by("pk")
    for diff in diffs.select_related("scan__case", "rule_version"):
        accepted = set(diff.accepted.values_list("hit", flat=True))
        count = sum(hit.pk not in accepted for hit in lost_true_positives(diff))
        if not count:
            continue
        what = "1 true positive" if count == 1 else f"{count:,} true positives"
        if diff.pk in visible:
            where = f"scan {diff.scan_id} of {diff.scan.case.name}. Tick under Hits what may be lost."
        else:
            where = "a case that you are not a member of: one of its members has to accept that."
        found.append(Obstacle("lost_true_positives", f"It loses {what} in {where}", "#hit-diff"))
    return found


def _of_same_logsource(rule: Rule, scans: Iterable[int]) -> set[int]:
    """Which of these scans ran a rule of the same log source."""
    same = {f"rule_version__rule__{part}": getattr(rule, part) for part in OF_A_LOGSOURCE}
    rows = ScanRule.objects.filter(scan__in=list(scans), **same).order_by()
    return set(rows.values_list("scan", flat=True).distinct())


def _verdicts(stored: list[tuple[int, int, str]]) -> dict[str, int]:
    return dict(Counter(verdict for _, _, verdict in stored if verdict))


def _judged_first(stored: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """True positives first, then other verdicts, then what nobody judged; each in order of time."""
    return sorted(stored, key=lambda one: (one[2] != Hit.Verdict.TRUE_POSITIVE, not one[2]))


def _hits(stored: list[tuple[int, int, str]]) -> list[Hit]:
    shown = [pk for pk, _, _ in stored[:HITS_SHOWN]]
    found = Hit.objects.select_related("scan").in_bulk(shown)
    return [found[pk] for pk in shown if pk in found]


@dataclass(frozen=True)
class CaseHits:
    """The hits of a rule in the newest scan of a case that ran it."""

    scan: Scan
    version: int
    hits: int
    verdicts: dict[str, int]

    @property
    def judged(self) -> str:
        """The verdicts in words: `2 true positive, 118 false positive`; "" for none."""
        counts = (
            f"{count:,} {Hit.Verdict(verdict).label.lower()}" for verdict, count in self.verdicts.items()
        )
        return ", ".join(counts)


def cases_with_hits(rule: Rule, user: User) -> list[CaseHits]:
    """For each case that this person may see, the newest finished scan that ran the rule; most hits first."""
    ran = ScanRule.objects.filter(rule_version__rule=rule, scan__in=Scan.objects.visible_to(user))
    ran = ran.filter(scan__state__in=(Scan.State.FINISHED, Scan.State.FINISHED_WITH_GAPS))
    newest: dict[int, ScanRule] = {}
    for row in ran.select_related("scan__case", "rule_version").defer(*_HEAVY).order_by("-scan"):
        newest.setdefault(row.scan.case_id, row)
    found = [
        CaseHits(row.scan, row.rule_version.number, row.hits, _judged(row.scan, rule) if row.hits else {})
        for row in newest.values()
    ]
    return sorted(found, key=lambda one: (-one.hits, one.scan.case.name))


_HEAVY = (
    "scan__manifest",
    "scan__log",
    "scan__rules_left_out",
    "rule_version__text",
    "rule_version__findings",
)


def _judged(scan: Scan, rule: Rule) -> dict[str, int]:
    """The verdicts on the hits of a rule in a scan, those of nobody left out."""
    rows = Hit.objects.of_scan(scan).filter(rule=rule).judged().order_by()
    return dict(rows.values_list("verdict").annotate(hits=Count("pk")))
