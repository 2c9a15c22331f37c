"""The hits of a list with what people said of them, row by row, for a report or another tool."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db.models import Prefetch, prefetch_related_objects

from scans_app.hit_browser import MARKS_OF_HIT, HitBrowser
from scans_app.hit_filters import from_micros
from scans_app.models import Event, Hit, HitComment, HitJudgement
from scans_app.services.hit_pages import hit_page
from sigma_engine import LEVELS, csv_cell

COLUMNS = (
    "hit",
    "time",
    "level",
    "rule",
    "rule_id",
    "computer",
    "channel",
    "event_id",
    "record_id",
    "user",
    "verdict",
    "judged_by",
    "judged_at",
    "starred_by",
    "assignee",
    "comments",
    "details",
    "evidence",
    "chunk",
    "position",
    "scan",
)
BATCH = 500  # hits that are read together


class _Line:
    """A file for `csv.writer` whose `write` gives the line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(browser: HitBrowser) -> Iterator[str]:
    """The hits that a browser's filters let through in its order, as lines of CSV. Evidence is hostile: no cell is a
    formula."""
    writer = csv.writer(_Line())
    yield writer.writerow(COLUMNS)  # type: ignore[misc]
    for row in _rows(browser, Event.objects.only("record_id")):
        row["comments"] = "\n".join(f"{one['author']} {one['at']}: {one['text']}" for one in row["comments"])
        yield writer.writerow(csv_cell(row[name]) for name in COLUMNS)  # type: ignore[misc]


def json_lines(browser: HitBrowser) -> Iterator[bytes]:
    """The same as lines of JSON, each with its event."""
    for row in _rows(browser, Event.objects.only("record_id", "data")):
        yield orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _rows(browser: HitBrowser, events: Any) -> Iterator[dict[str, Any]]:
    """Pages by key, so that no question is held open while a slow reader takes the file."""
    after = ""
    while True:
        page = hit_page(browser.hits, sort=browser.sort, after=after, size=BATCH)
        prefetch_related_objects(
            page.rows,
            *MARKS_OF_HIT,
            Prefetch("event", events),
            Prefetch("comments", HitComment.objects.select_related("author")),
            Prefetch("judgements", HitJudgement.objects.select_related("author", "act")),
            "rule",
            "evidence",
        )
        for hit in page.rows:
            yield _row(hit)
        after = page.after
        if not after:
            return


def _row(hit: Hit) -> dict[str, Any]:
    last = _standing(hit) if hit.verdict else None
    star, assignment = getattr(hit, "star", None), getattr(hit, "assignment", None)
    row = {
        "hit": hit.pk,
        "time": _iso(from_micros(hit.time)) if hit.time else None,
        "level": LEVELS[hit.level - 1] if hit.level else None,
        "rule": hit.title,
        "rule_id": hit.rule.rule_uid or None,
        "computer": hit.computer,
        "channel": hit.channel,
        "event_id": None if hit.event_code == -1 else hit.event_code,
        "record_id": hit.event.record_id,
        "user": hit.user,
        "verdict": hit.verdict or "unjudged",
        "judged_by": _name(last.author) if last else None,
        "judged_at": _iso(last.created_at) if last else None,
        "starred_by": _name(star.author) if star else None,
        "assignee": _name(assignment.assignee) if assignment else None,
        "comments": _comments(hit.comments.all()),
        "details": hit.details,
        "evidence": hit.evidence.name,
        "chunk": hit.chunk,
        "position": hit.position,
        "scan": hit.scan_id,
    }
    if "data" in hit.event.__dict__:
        row["event"] = hit.event.data
    return row


def _standing(hit: Hit) -> HitJudgement | None:
    """Who gave a hit the verdict that it has: the last who did and did not take it back."""
    given = [one for one in hit.judgements.all() if one.verdict == hit.verdict and not one.is_undo]
    return max(given, key=lambda one: (one.act is None or one.act.undone_at is None, one.pk), default=None)


def _comments(comments: Iterable[HitComment]) -> list[dict[str, Any]]:
    return [{"author": _name(one.author), "at": _iso(one.created_at), "text": one.text} for one in comments]


def _name(person: Any) -> str:
    return person.get_username() if person else "a person who left"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
