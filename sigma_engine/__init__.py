"""Sigmaweb's matching engine: Sigma rules and a model of log sources, over Windows event logs and JSON lines.

A plain library with a command line (`python -m sigma_engine`): no web framework, no database. What is named here
is its face; nothing outside imports past it. From rule text to hits:

    parsed = parse_rules(text)                              # every document, good or broken, with findings
    model = load_model("Windows event logs")                # log sources and field mappings
    rules = [p.rule for p in parsed if p.rule is not None]
    scanner = Scanner(load_or_compile(rules, model))
    evidence = open_evidence("Security.evtx")
    for chunk in range(evidence.chunk_count):
        hits = scanner.scan_chunk(evidence, chunk).hits
"""

from sigma_engine.abbreviations import abbreviate_channel, abbreviate_provider, read_abbreviations
from sigma_engine.brittle import Escape, find_escapes
from sigma_engine.catalogue import ChunkSummary, summarise_chunk
from sigma_engine.check import check_rule, fields_used
from sigma_engine.compiler import (
    ENGINE_VERSION,
    CompiledSet,
    LeftOut,
    compile_rules,
    load_compiled,
    load_or_compile,
    set_digest,
    store_compiled,
)
from sigma_engine.correlation import Correlated, correlate
from sigma_engine.correlation_parts import CorrelationHit, FellOut, Lane, Member, NearestWindow, Plan
from sigma_engine.correlation_plan import Correlations, needed_rules
from sigma_engine.csv_cells import csv_cell
from sigma_engine.details import render_details
from sigma_engine.draft_choices import Choice
from sigma_engine.drafting import Draft, DraftField, draft, field_rank
from sigma_engine.events import (
    UNIT_BYTES,
    ChunkProblem,
    ChunkRead,
    EventFacts,
    EventKey,
    EvidenceError,
    EvidenceFile,
    Record,
    event_facts,
    event_key,
    event_time,
    open_evidence,
    rewrite_json,
    to_event,
    units_of,
)
from sigma_engine.explain import Explanation, explain
from sigma_engine.explain_leaf import type_name
from sigma_engine.field_names import field_names
from sigma_engine.findings import Finding, Mend, Scope, Severity
from sigma_engine.funnel import Funnel, Place
from sigma_engine.funnel_questions import Questions
from sigma_engine.funnel_report import FailedLambda, FunnelReport, MissingField, RuleFunnel, SourceFunnel
from sigma_engine.global_filter import filtered
from sigma_engine.hints import Counts
from sigma_engine.lambdas import Lambda, LambdaError, compile_lambda
from sigma_engine.mend_text import apply_mend
from sigma_engine.mends import with_mends
from sigma_engine.model import Mapping, Model, ModelError, Source, load_model, parse_model, shipped_models
from sigma_engine.model_report import MissingSource, ModelReport, UnmappedField, model_report
from sigma_engine.near_events import EventRules, NearRule, RulesFinder
from sigma_engine.near_misses import Clause, RuleClauses, failed_clauses
from sigma_engine.near_tally import FailedClause, HeldValue, NearTally
from sigma_engine.nearest_window import why_silent
from sigma_engine.placeholders import Placeholders, parse_placeholders, write_placeholders
from sigma_engine.rule import (
    LEVELS,
    STATUSES,
    AnyRule,
    Correlation,
    Document,
    Filter,
    Logsource,
    ParsedRule,
    Rule,
    level_rank,
)
from sigma_engine.rule_reader import parse_rules
from sigma_engine.rule_writer import DraftClause, RuleHead, write_rule
from sigma_engine.scanner import ChunkHits, Hit, Scanner
from sigma_engine.selection import SelectionError, has_tag, select_rules
from sigma_engine.silence import Cause, why_silent_rule
from sigma_engine.tuning import TunedRule, Tuning, apply_tuning, parse_tuning
from sigma_engine.values import ABSENT
from sigma_engine.vocabulary import FieldMapping, logsource_words, mapped_fields, sigma_words
from sigma_engine.wanted_keys import WantedKeys
from sigma_engine.widening import widened
from sigma_engine.words import Words, in_words

__all__ = [
    "ABSENT",
    "ENGINE_VERSION",
    "LEVELS",
    "STATUSES",
    "UNIT_BYTES",
    "AnyRule",
    "Cause",
    "Choice",
    "ChunkHits",
    "ChunkProblem",
    "ChunkRead",
    "ChunkSummary",
    "Clause",
    "CompiledSet",
    "Correlated",
    "Correlation",
    "CorrelationHit",
    "Correlations",
    "Counts",
    "Document",
    "Draft",
    "DraftClause",
    "DraftField",
    "Escape",
    "EventFacts",
    "EventKey",
    "EventRules",
    "EvidenceError",
    "EvidenceFile",
    "Explanation",
    "FailedClause",
    "FailedLambda",
    "FellOut",
    "FieldMapping",
    "Filter",
    "Finding",
    "Funnel",
    "FunnelReport",
    "HeldValue",
    "Hit",
    "Lambda",
    "LambdaError",
    "Lane",
    "LeftOut",
    "Logsource",
    "Mapping",
    "Member",
    "Mend",
    "MissingField",
    "MissingSource",
    "Model",
    "ModelError",
    "ModelReport",
    "NearRule",
    "NearTally",
    "NearestWindow",
    "ParsedRule",
    "Place",
    "Placeholders",
    "Plan",
    "Questions",
    "Record",
    "Rule",
    "RuleClauses",
    "RuleFunnel",
    "RuleHead",
    "RulesFinder",
    "Scanner",
    "Scope",
    "SelectionError",
    "Severity",
    "Source",
    "SourceFunnel",
    "TunedRule",
    "Tuning",
    "UnmappedField",
    "WantedKeys",
    "Words",
    "abbreviate_channel",
    "abbreviate_provider",
    "apply_mend",
    "apply_tuning",
    "check_rule",
    "compile_lambda",
    "compile_rules",
    "correlate",
    "csv_cell",
    "draft",
    "event_facts",
    "event_key",
    "event_time",
    "explain",
    "failed_clauses",
    "field_names",
    "field_rank",
    "fields_used",
    "filtered",
    "find_escapes",
    "has_tag",
    "in_words",
    "level_rank",
    "load_compiled",
    "load_model",
    "load_or_compile",
    "logsource_words",
    "mapped_fields",
    "model_report",
    "needed_rules",
    "open_evidence",
    "parse_model",
    "parse_placeholders",
    "parse_rules",
    "parse_tuning",
    "read_abbreviations",
    "render_details",
    "rewrite_json",
    "select_rules",
    "set_digest",
    "shipped_models",
    "sigma_words",
    "store_compiled",
    "summarise_chunk",
    "to_event",
    "type_name",
    "units_of",
    "why_silent",
    "why_silent_rule",
    "widened",
    "with_mends",
    "write_placeholders",
    "write_rule",
]
