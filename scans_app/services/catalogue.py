"""The catalogue: what each chunk of a file holds, so that scans pass over what they don't need.

It goes on from its checkpoint like a scan's unit does, and a chunk that three processes died on is set
aside and told as a problem of the file.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

from django.db import transaction

import sigma_engine
from scans_app.models import Evidence, EvidenceChunk
from scans_app.services.claims import CRASHES_UNTIL_SET_ASIDE, Heartbeat, LeaseLost, claim, hand_back, move
from scans_app.services.event_rows import clean_text, whole_number
from scans_app.services.field_counts import FieldLedger
from scans_app.services.storage import why_unreadable

CHUNKS_A_CHECKPOINT = 500
SECONDS_A_CHECKPOINT = 2.0
OTHER_KEY = ("…", -1, "")  # see Evidence.KEYS_KEPT
NOTES = frozenset({"record_id_gap", "record_id_repeat"})  # odd, but nothing is missing from what is there

logger = logging.getLogger(__name__)


def run_next_catalogue(may_go_on: Callable[[], bool]) -> bool:
    """Catalogue a slice of the next file that waits for it; False when none does."""
    evidence = claim(Evidence.objects.filter(is_deleting=False).order_by("pk"))
    if evidence is None:
        return False
    with Heartbeat(evidence):
        try:
            _catalogue(evidence, may_go_on)
        except LeaseLost:
            pass  # another worker has the file; it goes on from the last checkpoint
        except (sigma_engine.EvidenceError, OSError) as problem:
            logger.warning("%s is refused: %s", evidence, problem)
            reason = f"The stored file can't be read: {why_unreadable(problem)}"
            move(evidence, state=Evidence.State.REFUSED, error=reason)
    return True


def _catalogue(evidence: Evidence, may_go_on: Callable[[], bool]) -> None:
    file = sigma_engine.open_evidence(evidence.path)
    careful = evidence.crashes > 0  # a process died here: a checkpoint after each chunk finds the guilty one
    ledger = _Ledger(evidence, file)
    if evidence.crashes >= CRASHES_UNTIL_SET_ASIDE:
        ledger.set_aside(evidence.next_chunk)
    while ledger.next_chunk < evidence.chunk_count:
        ledger.add(sigma_engine.summarise_chunk(file, ledger.next_chunk))
        if careful or ledger.is_due:
            ledger.save()
        if not may_go_on():
            ledger.save()
            hand_back(evidence)
            return
    ledger.save(state=Evidence.State.CATALOGUED)


class _Ledger:
    """The totals of a file so far, and the chunks since the last checkpoint."""

    def __init__(self, evidence: Evidence, file: sigma_engine.EvidenceFile) -> None:
        self._evidence = evidence
        self.next_chunk = evidence.next_chunk
        self._chunks: list[EvidenceChunk] = []
        self._counts = Counter({(*key,): count for *key, count in evidence.counts})
        self._fields = FieldLedger(evidence)
        self._computers = set(evidence.computers)
        self._problems = list(evidence.problems)
        self._problem_count = evidence.problem_count
        self._saved_at = time.monotonic()
        if not self.next_chunk:
            self._tell(file.problems)  # of the file as a whole: told, but they cost no event

    @property
    def is_due(self) -> bool:
        """Whether a checkpoint is due."""
        waited = time.monotonic() - self._saved_at
        return len(self._chunks) >= CHUNKS_A_CHECKPOINT or waited >= SECONDS_A_CHECKPOINT

    def add(self, summary: sigma_engine.ChunkSummary) -> None:
        """Take in one chunk, the next one."""
        counts = [
            [clean_text(channel), whole_number(event_id), clean_text(provider), count]
            for (channel, event_id, provider), count in summary.counts.items()
        ]
        for channel, event_id, provider, count in counts:
            key = (channel, event_id, provider)
            known = key in self._counts or len(self._counts) < Evidence.KEYS_KEPT
            self._counts[key if known else OTHER_KEY] += count
        self._fields.add(summary)
        room = Evidence.COMPUTERS_KEPT - len(self._computers)
        self._computers.update(sorted(map(clean_text, summary.computers))[: max(room, 0)])
        self._tell(summary.problems)
        self._chunks.append(
            EvidenceChunk(
                evidence=self._evidence,
                number=summary.chunk,
                events=summary.events,
                first_time=summary.first_time,
                last_time=summary.last_time,
                first_record_id=whole_number(summary.first_record_id),
                last_record_id=whole_number(summary.last_record_id),
                salvaged=summary.salvaged,
                lost=summary.lost,
                counts=counts,
            )
        )
        self.next_chunk = summary.chunk + 1

    def set_aside(self, chunk: int) -> None:
        """Pass over a chunk that nobody could read and live. Scans read it: theirs may be another fate."""
        message = f"Reading this chunk ended {CRASHES_UNTIL_SET_ASIDE} processes; it is not in the catalogue."
        offset = chunk * self._evidence.chunk_size
        self._tell((sigma_engine.ChunkProblem(chunk, "set_aside", message, offset),))
        self._chunks.append(EvidenceChunk(evidence=self._evidence, number=chunk, events=0))
        self.next_chunk = chunk + 1

    def save(self, state: str = Evidence.State.CATALOGUING) -> None:
        """Write the chunks and the totals in one transaction. Raises LeaseLost, having written nothing."""
        evidence = self._evidence
        times = [chunk.first_time for chunk in self._chunks if chunk.first_time] + [evidence.first_time]
        with transaction.atomic():
            EvidenceChunk.objects.bulk_create(self._chunks)
            self._fields.save()
            move(
                evidence,
                state=state,
                crashes=0,
                next_chunk=self.next_chunk,
                events=evidence.events + sum(chunk.events for chunk in self._chunks),
                salvaged=evidence.salvaged + sum(chunk.salvaged for chunk in self._chunks),
                lost=evidence.lost + sum(chunk.lost for chunk in self._chunks),
                first_time=min(filter(None, times), default=0),
                last_time=max([chunk.last_time for chunk in self._chunks] + [evidence.last_time]),
                computers=sorted(self._computers),
                channels=self._channels(),
                counts=[[*key, count] for key, count in self._counts.items()],
                problems=self._problems,
                problem_count=self._problem_count,
            )
        self._chunks = []
        self._saved_at = time.monotonic()

    def _channels(self) -> list[list[str | int]]:
        channels: Counter[str] = Counter()
        for (channel, _, _), count in self._counts.items():
            channels[channel] += count
        return [list(item) for item in channels.most_common()]

    def _tell(self, problems: tuple[sigma_engine.ChunkProblem, ...]) -> None:
        self._problem_count += sum(problem.chunk >= 0 and problem.code not in NOTES for problem in problems)
        room = Evidence.PROBLEMS_KEPT - len(self._problems)
        self._problems += [
            {
                "chunk": problem.chunk,
                "code": problem.code,
                "message": clean_text(problem.message),
                "offset": problem.offset,
            }
            for problem in problems[: max(room, 0)]
        ]
