"""What every page of a case shows around its own matter: the facts, the tabs' counts, who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from scans_app.models import Case, CaseMember, Evidence, Scan
from scans_app.templatetags.display import counted, event_time

HEAVY = ("manifest", "log", "rules_left_out", "hit_times")  # JSON of a scan that few pages show
_DAY = "%-d %b %Y"


@dataclass(frozen=True)
class CaseFrame:
    """A case as its pages' frame shows it. Times are microseconds since the epoch, 0 for none."""

    case: Case
    role: str
    files: int
    not_ready: int
    size: int
    events: int
    lost: int
    first_time: int
    last_time: int
    computers: list[str]

    @property
    def may_edit(self) -> bool:
        """Whether this person may upload, scan and judge."""
        return self.role in (CaseMember.Role.OWNER, CaseMember.Role.ANALYST)

    @property
    def may_own(self) -> bool:
        """Whether this person may change the members."""
        return self.role == CaseMember.Role.OWNER

    @cached_property
    def latest(self) -> Scan | None:
        """The newest scan: the one whose hits the case speaks of."""
        return Scan.objects.of_case(self.case).defer(*HEAVY).first()

    @cached_property
    def scans(self) -> int:
        """How many scans the case has had."""
        return Scan.objects.of_case(self.case).count()

    @property
    def hits(self) -> int:
        """The hits of the newest scan."""
        return self.latest.hits if self.latest else 0

    @property
    def sentence(self) -> str:
        """The facts in one line: files, events, computers, days."""
        parts = [counted(self.files, "file,files"), counted(self.events, "event,events")]
        parts.append(counted(len(self.computers), "computer,computers"))
        if self.first_time:
            first, last = event_time(self.first_time, _DAY), event_time(self.last_time, _DAY)
            parts.append(f"{first} UTC" if first == last else f"{first} to {last} UTC")
        return ", ".join(parts)


def case_frame(case: Case, user: AbstractBaseUser | AnonymousUser) -> CaseFrame:
    """The frame of a case that `user` may see. Two queries; the scans' two run when a template asks."""
    taken = Evidence.objects.of_case(case).exclude(state=Evidence.State.REFUSED).order_by()
    rows: list[dict[str, Any]] = list(
        taken.values("state", "size", "events", "lost", "first_time", "last_time", "computers")
    )
    return CaseFrame(
        case=case,
        role=case.role_of(user),
        files=len(rows),
        not_ready=sum(row["state"] != Evidence.State.CATALOGUED for row in rows),
        size=sum(row["size"] for row in rows),
        events=sum(row["events"] for row in rows),
        lost=sum(row["lost"] for row in rows),
        first_time=min((row["first_time"] for row in rows if row["first_time"]), default=0),
        last_time=max((row["last_time"] for row in rows), default=0),
        computers=sorted({name for row in rows for name in row["computers"]}),
    )
