"""YAML is read with the place of everything, and what hides meaning is refused at its line."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sigma_engine.yaml_source import MAX_BYTES, load_document, split_documents


def test_nodes_know_their_line_and_column() -> None:
    node, findings = load_document("a: 1\nb:\n  - x\n  - y: z\n")
    assert findings == []
    assert node is not None
    inner = node.value["b"].value[1]
    assert (inner.keys["y"].line, inner.keys["y"].column) == (4, 5)
    assert node.plain() == {"a": 1, "b": ["x", {"y": "z"}]}


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 1\na: 2\n", "yaml_duplicate_key", 2),
        ("a: &x 1\n", "yaml_alias", 1),
        ("a: 1\nb: *x\n", "yaml_alias", 2),
        ("a: !!python/object:os.system x\n", "yaml_tag", 1),
        ("a: [1, 2\nb: 3\n", "yaml_syntax", 2),
        ("a:\n" + "".join("  " * depth + "- \n" for depth in range(1, 2)) + "b: [" * 40, "yaml_too_deep", 3),
        ("[" + "1," * 50_001 + "]", "yaml_too_many", 1),
        ("a: " + "x" * MAX_BYTES, "yaml_too_large", 1),
        ("? [a]\n: b\n", "yaml_key", 1),
    ],
)
def test_what_hides_meaning_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    _, findings = load_document(text)
    assert [(finding.code, finding.line) for finding in findings][:1] == [(code, line)]


def test_several_duplicate_keys_are_all_told() -> None:
    _, findings = load_document("a: 1\na: 2\nb: 1\nb: 2\n")
    assert [finding.line for finding in findings] == [2, 4]


def test_documents_are_split_at_markers_and_know_their_offset() -> None:
    documents = split_documents("# head\na: 1\n---\nb: 2\n---\n# only a comment\n--- \nc: |\n  text\n")
    assert documents == [(0, "# head\na: 1\n"), (3, "b: 2\n"), (7, "c: |\n  text\n")]


def test_a_broken_document_does_not_hide_the_next() -> None:
    texts = [text for _, text in split_documents("a: [\n---\nb: 2\n")]
    assert load_document(texts[0])[0] is None
    assert load_document(texts[1])[0] is not None


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    )
)
def test_what_is_written_is_read_back(data: object) -> None:
    node, findings = load_document(yaml.safe_dump(data))
    assert findings == []
    assert node is not None
    assert node.plain() == data


@given(st.text(max_size=60))
def test_any_text_gives_a_node_or_a_finding(text: str) -> None:
    for _, document in split_documents(text):
        node, findings = load_document(document)
        assert node is not None or findings


def test_a_fault_at_the_end_is_told_in_the_last_line() -> None:
    _, findings = load_document("a:\n  b: 1\n  c")
    assert [(finding.code, finding.line) for finding in findings] == [("yaml_syntax", 3)]
