"""Trying a text on evidence: a trial is moved on by requests, a slice of time each, until it is over.

The engine, the model and the chunks that are read are those of a scan with this one rule, and so are the hits: what a
global filter takes away is counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

import sigma_engine
from rules_app.global_filters import enabled_filters
from rules_app.matching import NotReady, ReadyRule, ready_rule
from rules_app.selection import load_default_model
from scans_app.models import Case, Evidence, Trial
from scans_app.services.event_rows import clean_event, clean_text
from scans_app.services.rule_run import Chunk, RuleRun
from scans_app.services.wanted_chunks import wanted_chunks

EVENTS_READ = 1_000_000  # then the trial stops: a scan is the way to the rest
SAMPLES = 50
BINS = 60
VALUES_A_FIELD = 200  # values counted; those that come later are not
FIELDS = 8
VALUE_SHOWN = 120  # characters
KEPT = timedelta(days=1)
KEPT_A_PERSON = 5


def start_trial(
    user: User, case: Case, files: Sequence[Evidence], text: str, placeholders: sigma_engine.Placeholders
) -> Trial:
    """A trial of a text over catalogued evidence of a case. Old trials of this person, and of yesterday, go.

    Raises NotReady, with a sentence, for a text that cannot be held against events.
    """
    ready_rule(text, load_default_model(), placeholders)
    kept = Trial.objects.filter(user=user).values_list("pk", flat=True)[: KEPT_A_PERSON - 1]
    Trial.objects.filter(user=user).exclude(pk__in=list(kept)).delete()
    Trial.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    times = [time for file in files for time in (file.first_time, file.last_time) if time]
    return Trial.objects.create(
        case=case,
        user=user,
        text=text,
        placeholders={name: list(values) for name, values in placeholders.items()},
        evidence=[file.pk for file in files],
        events_total=sum(file.events for file in files),
        first_time=min(times, default=0),
        last_time=max(times, default=0),
        bins=[0] * BINS,
        state=Trial.State.RUNNING if files else Trial.State.FINISHED,
    )


def move_on(trial: Trial) -> Trial:
    """Read on for a slice of time and write what was found, unless another request was faster. Returns the trial
    as it is now."""
    if trial.is_over:
        return trial
    try:
        filters = enabled_filters(trial.user)
        ready = ready_rule(trial.text, load_default_model(), trial.placeholders, filters)
    except NotReady as error:  # the default model was changed or taken away meanwhile
        _write(trial, {"state": Trial.State.FAILED, "problems": [*trial.problems, str(error)]})
    else:
        _write(trial, _slice(trial, ready))
    trial.refresh_from_db()
    return trial


def cancel_trial(trial: Trial) -> None:
    """Stop a trial. What it found stays."""
    Trial.objects.filter(pk=trial.pk, state=Trial.State.RUNNING).update(state=Trial.State.CANCELLED)


def _write(trial: Trial, columns: dict[str, Any]) -> None:
    running = Trial.objects.filter(pk=trial.pk, state=Trial.State.RUNNING, step=trial.step)
    running.update(step=trial.step + 1, **columns)


def _slice(trial: Trial, ready: ReadyRule) -> dict[str, Any]:
    """The columns of the trial after the next slice."""
    by_pk = Evidence.objects.of_case(trial.case).catalogued().in_bulk(trial.evidence)
    files = [by_pk[pk] for pk in trial.evidence if pk in by_pk]
    if len(files) < len(trial.evidence):
        return {"state": Trial.State.FAILED, "problems": ["Evidence was removed while the trial ran."]}
    run = RuleRun(
        files,
        lambda file, first: wanted_chunks(ready.compiled, file, first),
        trial.file,
        trial.chunk,
    )
    tally = _Tally(trial, ready)

    def look(chunk: Chunk) -> bool:
        found = ready.scanner.scan_chunk(chunk.file, chunk.number, chunk.evidence.name)
        tally.add(chunk.evidence, found)
        return tally.events >= EVENTS_READ

    run.go_on(look)
    state = Trial.State.FINISHED if run.is_over else Trial.State.RUNNING
    if tally.events >= EVENTS_READ and not run.is_over:
        state = Trial.State.CAPPED
    return {
        "state": state,
        "file": run.file,
        "chunk": run.chunk,
        "events_done": _events_before(files, run.file, run.chunk),
        "problems": [*trial.problems, *run.problems, *tally.problems],
        **tally.columns(),
    }


def _events_before(files: Sequence[Evidence], file: int, chunk: int) -> int:
    """About how many events lie before a place: a file's events are spread evenly over its chunks."""
    done = sum(one.events for one in files[:file])
    if file < len(files) and files[file].chunk_count:
        done += files[file].events * min(chunk, files[file].chunk_count) // files[file].chunk_count
    return done


class _Tally:
    """What a trial has found, with what the next chunks give."""

    def __init__(self, trial: Trial, ready: ReadyRule) -> None:
        self._trial, self._ready = trial, ready
        self._model = ready.compiled.model
        self._sources = {source.name for source in self._model.sources_for(ready.rule.logsource)}
        self._fields = list(sigma_engine.fields_used(ready.rule))[:FIELDS]
        self._values = {name: Counter(trial.values.get(name, {})) for name in self._fields}
        self.events, self._source_events, self._hits = trial.events, trial.source_events, trial.hits
        self._taken = Counter(trial.taken)
        self._bins, self._samples = list(trial.bins), list(trial.samples)
        self._timeouts: set[str] = set()

    def add(self, file: Evidence, found: sigma_engine.ChunkHits) -> None:
        """Take in one chunk."""
        self.events += found.events
        of_sources = sum(count for name, count in found.source_events.items() if name in self._sources)
        self._source_events += min(of_sources, found.events)  # an event of two sources is one event
        self._timeouts.update(found.regex_timeouts)
        for hit in found.hits:
            if taken_by := self._ready.taken_by(hit.event, file.name):
                self._taken[clean_text(taken_by, VALUE_SHOWN)] += 1
            else:
                self._hits += 1
                self._add_hit(file, hit)

    def _add_hit(self, file: Evidence, hit: sigma_engine.Hit) -> None:
        first, last = self._trial.first_time, self._trial.last_time
        if hit.facts.time:
            place = (hit.facts.time - first) * BINS // (last - first + 1)
            self._bins[min(max(place, 0), BINS - 1)] += 1
        accepted = self._model.accepting(sigma_engine.event_key(hit.event), file.name)
        for name, counts in self._values.items():
            value = self._model.mapping(name, accepted).read(hit.event)
            text = clean_text(value, VALUE_SHOWN) if isinstance(value, str) else str(value)[:VALUE_SHOWN]
            if value is not sigma_engine.ABSENT and (text in counts or len(counts) < VALUES_A_FIELD):
                counts[text] += 1
        if len(self._samples) < SAMPLES:
            self._samples.append(_sample(file, hit))

    @property
    def problems(self) -> list[str]:
        """Sentences on what ran out of time, each once."""
        told = (
            f"The regular expression `{clean_text(one, 80)}` ran out of time and counts as not found."
            for one in self._timeouts
        )
        return [sentence for sentence in told if sentence not in self._trial.problems]

    def columns(self) -> dict[str, Any]:
        """The numbers as columns of the trial."""
        return {
            "events": self.events,
            "source_events": self._source_events,
            "hits": self._hits,
            "taken": dict(self._taken.most_common()),
            "bins": self._bins,
            "samples": self._samples,
            "values": clean_event({name: counts for name, counts in self._values.items() if counts}),
        }


def _sample(file: Evidence, hit: sigma_engine.Hit) -> dict[str, Any]:
    facts = hit.facts
    return {
        "evidence": file.pk,
        "chunk": hit.chunk,
        "position": hit.position,
        "time": facts.time,
        "computer": clean_text(facts.computer),
        "place": clean_text(
            f"{facts.channel.removeprefix('Microsoft-Windows-')} {facts.event_id or ''}".strip()
        ),
        "details": clean_text(hit.details, 300),
    }
