"""Cases and their members, evidence and its chunk catalogue, scans and their units, events, hits, review, trials,
what people did and what is being deleted."""

from scans_app.models.case_acts import CaseAct
from scans_app.models.cases import Case, CaseMember
from scans_app.models.deletions import Deletion
from scans_app.models.evidence import Evidence, EvidenceChunk, EvidenceFields
from scans_app.models.funnels import ScanFunnel, ScanSources, UnitFunnel
from scans_app.models.hit_diffs import AcceptedLoss, HitDiff
from scans_app.models.hit_groups import HitGroup
from scans_app.models.hit_marks import HitAssignment, HitStar
from scans_app.models.hits import Event, Hit, HitComment, HitJudgement
from scans_app.models.jobs import Job
from scans_app.models.near_searches import NearSearch
from scans_app.models.scans import Scan, ScanRule, ScanUnit
from scans_app.models.trials import Trial

__all__ = [
    "AcceptedLoss",
    "Case",
    "CaseAct",
    "CaseMember",
    "Deletion",
    "Event",
    "Evidence",
    "EvidenceChunk",
    "EvidenceFields",
    "Hit",
    "HitAssignment",
    "HitComment",
    "HitDiff",
    "HitGroup",
    "HitJudgement",
    "HitStar",
    "Job",
    "NearSearch",
    "Scan",
    "ScanFunnel",
    "ScanRule",
    "ScanSources",
    "ScanUnit",
    "Trial",
    "UnitFunnel",
]
