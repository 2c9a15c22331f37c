"""Any YAML text gives findings or a rule that can be checked, compiled, run and explained; never a traceback."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma_engine import (
    ParsedRule,
    Rule,
    Scanner,
    check_rule,
    compile_rules,
    explain,
    load_model,
    parse_rules,
    select_rules,
)
from sigma_engine.modifiers import MODIFIERS

MODEL = load_model("Windows event logs")
SYSTEM = {"Channel": "Security", "Provider": {"Name": "P"}, "EventID": {"Value": 4688}, "Computer": "H"}
EVENT = {"System": SYSTEM, "EventData": {"F": "a", "G": [1, "b"], "H": None, "NewProcessName": "C:\\a.exe"}}

words = st.sampled_from(
    ["a", "b", "them", "1", "all", "of", "not", "and", "or", "|", "count()", "by", ">", "(", ")"]
)
texts = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        ["a*", "%x%", "10.0.0.0/8", "5m", "high", "test", "windows", "process_creation", "F", "any"]
    ),
    st.lists(words, max_size=7).map(" ".join),
)
scalars = st.one_of(
    texts, st.none(), st.booleans(), st.integers(-9, 5000), st.floats(allow_nan=False, width=16)
)
chains = st.lists(st.sampled_from(sorted(MODIFIERS)), max_size=3).map(
    lambda names: "".join(f"|{n}" for n in names)
)
fields = st.tuples(st.sampled_from(["F", "G", "H", "Image", "", "Data", "a.b"]), chains).map("".join)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(fields | texts, inner, max_size=3)),
    max_leaves=8,
)
selections = st.one_of(st.dictionaries(fields, scalars | st.lists(scalars, max_size=2), max_size=2), anything)
detections = st.dictionaries(
    st.sampled_from(["a", "b", "_c", "condition", "condition", "timeframe"]), selections | texts, max_size=4
)
correlations = st.dictionaries(
    st.sampled_from(["type", "rules", "timespan", "group-by", "condition", "aliases", "generate", "nope"]),
    st.one_of(
        st.sampled_from(["event_count", "temporal", "value_count", "value_percentile", "5m", "1y"]),
        st.lists(texts, max_size=2),
        st.dictionaries(st.sampled_from(["gt", "lte", "eq", "field", "percentile"]), scalars, max_size=3),
        anything,
    ),
    max_size=6,
)
KEYS = (
    *(
        "title",
        "id",
        "name",
        "status",
        "level",
        "tags",
        "author",
        "date",
        "modified",
        "description",
        "references",
    ),
    *(
        "falsepositives",
        "fields",
        "details",
        "enrichment",
        "vql",
        "vql_args",
        "generate",
        "related",
        "taxonomy",
    ),
)
logsources = st.dictionaries(
    st.sampled_from(["category", "product", "service", "definition"]), scalars, max_size=3
)
documents = st.builds(
    lambda meta, parts: meta | parts,
    st.dictionaries(st.sampled_from(KEYS), anything, max_size=4),
    st.one_of(
        st.fixed_dictionaries({"title": texts, "logsource": logsources, "detection": detections}),
        st.fixed_dictionaries({"title": texts, "correlation": correlations | anything}),
        st.fixed_dictionaries({"title": texts, "logsource": logsources, "filter": detections | anything}),
        st.fixed_dictionaries({"detection": anything, "logsource": anything}),
    ),
)


def _use(parsed: list[ParsedRule]) -> None:
    """All that is done with the rules of a text; what cannot be run has findings that say why, at their place."""
    for one in parsed:
        assert one.rule is not None or one.broken
        for finding in check_rule(one, MODEL):
            assert finding.message
            assert finding.line >= 1 and finding.column >= 1
            assert finding.line <= max(1, len(one.text.splitlines()))
    rules = [one.rule for one in parsed if one.rule is not None and not one.broken]
    compiled = compile_rules(rules, MODEL)
    for left in compiled.left_out:
        assert left.findings
    matched = Scanner(compiled).match(EVENT)
    select_rules(rules, levels=("high",), title="a")
    alone = [i for i, rule in compiled.detection_rules() if isinstance(rule, Rule)]
    plain = [i for i in alone if explain(compiled.rules[i], MODEL, EVENT).plain_verdict]
    assert list(matched) == plain


@settings(max_examples=500, deadline=None)
@given(st.lists(documents, min_size=1, max_size=3))
def test_documents_of_any_content_give_findings_or_rules(made: list[Any]) -> None:
    _use(parse_rules("---\n".join(yaml.safe_dump(document, allow_unicode=True) for document in made)))


RULE = """\
title: A rule to be damaged
id: 6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e11
status: test
level: high
tags: [attack.execution]
logsource: {category: process_creation, product: windows}
detection:
    selection:
        - Image|endswith: ['\\a.exe', "b\\n"]
          F|re|i: 'a+'
        - G|gt: 3
    keywords: [x, 'y z']
    filter_main: {H: null, 'F|cidr': 10.0.0.0/8}
    condition: (selection or keywords) and not 1 of filter_*
---
title: many
correlation:
    type: event_count
    rules: [6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e11]
    timespan: 5m
    condition: {gte: 2}
"""


@settings(max_examples=500, deadline=None)
@given(
    cuts=st.lists(
        st.tuples(
            st.integers(0, len(RULE)),
            st.integers(0, 20),
            st.text(alphabet="ab:-[]{}|'\"\n #&*!%?>\t,0é\0", max_size=4),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_a_rule_that_was_damaged_anywhere_gives_findings_or_rules(cuts: list[tuple[int, int, str]]) -> None:
    text = RULE
    for place, length, new in cuts:
        text = text[:place] + new + text[place + length :]
    _use(parse_rules(text))
