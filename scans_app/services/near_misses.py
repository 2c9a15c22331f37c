"""Near misses of a rule over the evidence of a case: a search that goes on a slice a request."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User

from rules_app.models import EventModel, EventModelVersion, RuleVersion
from rules_app.selection import load_event_model, load_rule, placeholders_of_sets
from scans_app.models import Case, Evidence, NearSearch
from scans_app.services.event_rows import clean_event
from scans_app.services.rule_run import SECONDS, Chunk, RuleRun, Wanted
from scans_app.services.wanted_chunks import chunks_with_keys
from sigma_engine import EventKey, Model, NearTally, Rule

SEARCHES_KEPT = 20  # of a case; the oldest go


class NotSearchable(Exception):
    """A rule for which near misses cannot be looked for, with the reason as a sentence."""


def start_search(case: Case, version: RuleVersion, user: User | None, *, sample: int) -> NearSearch:
    """A new search with a version of a rule over all catalogued evidence of a case; `sample` 0 looks at everything.

    Raises NotSearchable for a rule that is broken, is about other rules, or is not served by the default model.
    """
    files = list(Evidence.objects.of_case(case).catalogued())
    search = NearSearch.objects.create(
        case=case,
        rule_version=version,
        model_version=_model_version(),
        created_by=user,
        files=[file.pk for file in files],
        events_total=source_events(files, version),
        sample=sample,
        is_over=not files,
    )
    old = case.near_searches.values_list("pk", flat=True)[SEARCHES_KEPT:]
    NearSearch.objects.filter(pk__in=list(old)).delete()
    return search


def go_on(search: NearSearch, seconds: float = SECONDS) -> None:
    """Look at the next slice, of about so many seconds, and count it. Two who go on at once count it once: the place
    decides."""
    rule, model = _loaded(search.rule_version, load_event_model(search.model_version))
    files = {file.pk: file for file in Evidence.objects.of_case(search.case).filter(pk__in=search.files)}
    there = [files[pk] for pk in search.files if pk in files]
    if len(there) < len(search.files):
        raise NotSearchable("Evidence was removed while this search went on. Start it again.")
    run = RuleRun(there, _chunks_of_source(rule, model), search.file, search.chunk)
    tally = NearTally(rule, model, search.clauses)

    def is_full() -> bool:
        return bool(search.sample) and search.tried + tally.tried >= search.sample

    def look(chunk: Chunk) -> bool:
        tally.look(chunk.file.read_chunk(chunk.number).records, chunk.evidence.name, chunk.evidence.pk)
        return is_full()

    run.go_on(look, seconds)
    NearSearch.objects.filter(pk=search.pk, file=search.file, chunk=search.chunk, is_over=False).update(
        file=run.file,
        chunk=run.chunk,
        looked_at=search.looked_at + tally.looked_at,
        tried=search.tried + tally.tried,
        near=search.near + tally.near,
        clauses=clean_event([clause.to_dict() for clause in tally.failed()]),
        problems=[*search.problems, *run.problems],
        is_over=is_full() or run.is_over,
    )
    search.refresh_from_db()


def source_events(files: list[Evidence], version: RuleVersion) -> int:
    """How many events of the rule's log source the files hold, by the catalogue; a source's `where` is not asked.

    Raises NotSearchable as `start_search` does.
    """
    rule, model = _loaded(version, load_event_model(_model_version()))
    total = 0
    for file in files:
        takes = _takes(rule, model, file.name)
        total += sum(
            events
            for channel, event_id, provider, events in file.counts
            if event_id is None or takes(EventKey(channel, event_id, provider))
        )
    return total


def _model_version() -> EventModelVersion:
    default = EventModel.objects.default()
    if default is None or default.current is None or default.current.broken:
        raise NotSearchable("There is no default model, or it is broken.")
    return default.current


def _loaded(version: RuleVersion, model: Model) -> tuple[Rule, Model]:
    try:
        rule = load_rule(version, placeholders_of_sets([version])[version.rule.rule_set_id])
    except ValueError as error:
        raise NotSearchable("The rule is broken: its findings say where.") from error
    if not isinstance(rule, Rule):
        raise NotSearchable("The rule is about the hits of other rules: look for near misses of those.")
    if not model.sources_for(rule.logsource):
        raise NotSearchable(
            f"The model has no log source for `{rule.logsource}`: the rule is not served by it."
        )
    return rule, model


def _chunks_of_source(rule: Rule, model: Model) -> Wanted:
    """Reads the chunks that hold events of the rule's log source."""
    return lambda evidence, first: chunks_with_keys(_takes(rule, model, evidence.name), evidence, first)


def _takes(rule: Rule, model: Model, file_name: str) -> Callable[[EventKey], bool]:
    """Whether the rule's log source may take events of a key."""
    sources = {id(source) for source in model.sources_for(rule.logsource)}
    return lambda key: any(id(source) in sources for source in model.accepting(key, file_name))
