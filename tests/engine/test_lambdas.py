"""The lambda language: what it gives, what it refuses and where, and that nothing escapes its bounds."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sigma_engine.lambdas import LambdaError, compile_lambda
from sigma_engine.values import ABSENT

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "lambdas.yaml").read_text(encoding="utf-8"))
EVENT = CASES["event"]
TABLES = {"Table": {"a": 1}, "List": [1, 2]}


@pytest.mark.parametrize(
    "case", [c for c in CASES["values"] if "value" in c], ids=lambda case: case["lambda"]
)
def test_a_lambda_gives_its_value(case: dict[str, Any]) -> None:
    expected = ABSENT if case["value"] == "ABSENT" else case["value"]
    found = compile_lambda(case["lambda"], TABLES)(EVENT)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    "case",
    CASES["errors"] + [c | {"message": c["error"], "column": None} for c in CASES["values"] if "error" in c],
    ids=lambda case: case["lambda"],
)
def test_a_fault_is_named_with_its_column(case: dict[str, Any]) -> None:
    with pytest.raises(LambdaError) as caught:
        compile_lambda(case["lambda"], TABLES)
    assert case["message"] in str(caught.value)
    assert case["column"] in (None, caught.value.column)


def test_a_fault_in_a_later_line_has_that_line() -> None:
    with pytest.raises(LambdaError) as caught:
        compile_lambda("x=>x.A\n   || nope(a=1)")
    assert (caught.value.line, caught.value.column) == (2, 7)


@pytest.mark.parametrize(
    "text",
    [
        *("x=>x.A", " x => x.A.`B c`.d_1 ", "x=>x.`a.b`", "x=>x.in.or.null", "x=>x.A.x"),
        *(
            "not=>not.A",
            "x=>y.A",
            "x=>x.",
            "x=>x.1",
            "x=>x.``",
            "null=>null.A",
            "x=>x.A b",
            "In=>In.A",
            "x=>xx.A",
        ),
    ],
)
def test_a_path_that_is_seen_at_once_means_what_the_parser_reads(text: str) -> None:
    def read(written: str) -> object:
        try:
            found = compile_lambda(written)
        except LambdaError as error:
            return error.message
        return (
            found.path,
            found.inputs,
            found({"A": {"B c": {"d_1": 7}, "x": 8}, "in": {"or": {"null": 9}}, "a.b": 1}),
        )

    assert read(text) == read(f"{text} // which the parser must read")


def test_a_table_is_read_by_its_name() -> None:
    assert compile_lambda("x=>get(item=Table, field='a') IN List", TABLES)({}) is True


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("x=>x.EventData.Image", ("EventData", "Image")),
        ("x=>x.EventData.`Category Name`", ("EventData", "Category Name")),
        ("x=>x['System'].Channel", ("System", "Channel")),
        ("x=>x", None),
        ("x=>x.EventData.Data[0]", None),
        ("x=>x.A || x.B", None),
        ("x=>Table.a", None),
    ],
)
def test_a_plain_member_path_can_be_inverted(text: str, path: tuple[str, ...] | None) -> None:
    assert compile_lambda(text, TABLES).path == path


@pytest.mark.parametrize(
    ("text", "inputs"),
    [
        ("x=>x.EventData.Image", {("EventData", "Image")}),
        ("x=>x.A.B || lowcase(string=x.C[0].D)", {("A", "B"), ("C",)}),
        ("x=>serialize(item=x)", {()}),
        ("x=>filter(list=x.A, condition=x=>x.B)", {("A",)}),
        ("x=>filter(list=x.A, condition=y=>y.B = x.C)", {("A",), ("C",)}),
        ("x=>Table.a", set()),
    ],
)
def test_inputs_are_all_that_is_read_of_the_argument(text: str, inputs: set[tuple[str, ...]]) -> None:
    assert compile_lambda(text, TABLES).inputs == inputs


# Bounds


def test_a_text_that_doubles_stops_at_the_output_bound() -> None:
    doubling = compile_lambda("x=>" + " + ".join(["x.A"] * 40))
    assert len(doubling({"A": "a" * 1000})) == 40_000
    with pytest.raises(LambdaError, match="more than 1,048,576"):
        doubling({"A": "a" * 50_000})


def test_an_event_written_many_times_stops_before_it_is_written() -> None:
    many = compile_lambda("x=>serialize(item=[" + ", ".join(["x"] * 4000) + "])")
    with pytest.raises(LambdaError, match="larger than 1,048,576"):
        many({"A": ["a" * 1000] * 1000})


def test_nested_filters_stop_at_the_step_bound() -> None:
    inner = "filter(list=x.A, condition=b=>filter(list=x.A, condition=c=>c = a + b))"
    nested = compile_lambda(f"x=>filter(list=x.A, condition=a=>{inner})")
    with pytest.raises(LambdaError, match="more than 10,000 steps"):
        nested({"A": list(range(1000))})


@pytest.mark.parametrize(
    "text",
    [
        "x=>" + "NOT " * 40 + "x",
        "x=>" + "lowcase(string=" * 40 + "x.A" + ")" * 40,
        "x=>" + "[" * 40 + "]" * 40,
        "x=>" + "- " * 40 + "1",
        "x=>" + "filter(list=x.A, condition=y=>" * 40 + "1" + ")" * 40,
    ],
)
def test_nesting_is_bounded(text: str) -> None:
    with pytest.raises(LambdaError, match="nested more than 32"):
        compile_lambda(text)


def test_brackets_without_meaning_do_not_count_as_nesting() -> None:
    assert compile_lambda("x=>" + "(" * 1000 + "x.A" + ")" * 1000)({"A": 1}) == 1


def test_a_long_text_is_refused() -> None:
    with pytest.raises(LambdaError, match="16,384"):
        compile_lambda("x=>'" + "a" * 20_000 + "'")


def test_padding_is_bounded() -> None:
    with pytest.raises(LambdaError, match="pads to at most"):
        compile_lambda("x=>format(format='%999999999d', args=1)")({})


def test_a_regex_that_would_backtrack_forever_ends() -> None:
    assert compile_lambda("x=>x.A =~ '^(a+)+$'")({"A": "a" * 100_000 + "b"}) is False


def test_a_deeply_nested_event_is_an_error_not_a_crash() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"A": deep}
    for text in ("x=>serialize(item=x)", "x=>x =~ 'a'"):
        with pytest.raises(LambdaError):
            compile_lambda(text)(deep)


def test_the_event_is_never_changed() -> None:
    event = {"A": [1], "D": {"a": 1}}
    for text in ("x=>x.A + 2", "x=>x.D + dict(b=2)", "x=>x.A + x.A"):
        compile_lambda(text)(event)
    assert event == {"A": [1], "D": {"a": 1}}


def test_equal_inputs_of_unequal_kinds_are_told_apart() -> None:
    shown = compile_lambda("x=>format(format='%v|%v', args=[x.A, x.B])")
    events = [{"A": 1}, {"A": True}, {"A": 1.0}, {"A": "1"}, {"A": None}, {"A": ""}, {"A": [1]}, {"B": 1}, {}]
    wanted = ["1|", "true|", "1|", "1|", "|", "|", "[1]|", "|1", "|"]
    assert [shown(event) for event in events * 2] == wanted * 2
    same = compile_lambda("x=>x.A = TRUE OR x.A = NULL")
    assert [same({"A": value}) for value in (1, True, 1.0, None, "", 0, False)] == [
        *(False, True, False, True, False, False, False),
    ]


def test_more_results_than_are_remembered_stay_right() -> None:
    shown = compile_lambda("x=>str(str=x.A) + '!'")
    for _ in range(2):
        assert [shown({"A": n}) for n in range(2000)] == [f"{n}!" for n in range(2000)]


# Random programs

NAMES = st.sampled_from(["x", "y", "A", "Data", "a b", "Table", "nope"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["0x17", "-", "1700000000", "C:\\a\\b.exe", "%s%d", "MD5=ab", "\ud800", "aGk=", "(", "1e9"]
    ),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["A", "Data", "a b"]), inner, max_size=3)
    ),
    max_leaves=12,
)
EVENTS = st.dictionaries(st.sampled_from(["A", "Data", "a b", "y"]), JSON, max_size=4)
CALLS = {
    "if": ["condition", "then", "else"],
    "get": ["item", "member", "default"],
    "dict": ["a", "b"],
    "array": ["a", "b"],
    "items": ["item"],
    "len": ["list"],
    "slice": ["list", "start", "end"],
    "substr": ["str", "start", "end"],
    "int": ["int"],
    "str": ["str"],
    "serialize": ["item"],
    "parse_json": ["data"],
    "base64decode": ["string"],
    "timestamp": ["epoch"],
    "lowcase": ["string"],
    "upcase": ["string"],
    "format": ["format", "args"],
    "join": ["array", "sep", "prefix"],
    "split": ["string", "sep"],
    "strip": ["string", "prefix"],
    "regex_replace": ["source", "re", "replace"],
    "parse_string_with_regex": ["string", "regex"],
    "basename": ["path", "sep"],
    "dirname": ["path"],
}


def _call(name: str, arguments: list[str]) -> str:
    return f"{name}({', '.join(f'{k}={v}' for k, v in zip(CALLS[name], arguments, strict=False))})"


def _extended(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(
        ["||", "&&", "=", "!=", "<", "<=", ">", ">=", "=~", "+", "-", "IN", "AND", "or"]
    )
    return st.one_of(
        st.builds("({} {} {})".format, inner, operators, inner),
        st.builds("NOT {}".format, inner),
        st.builds("-({})".format, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("({}).A".format, inner),
        st.builds("({})[{}]".format, inner, st.integers(-3, 3)),
        st.builds(_call, st.sampled_from(sorted(CALLS)), st.lists(inner, min_size=3, max_size=3)),
        st.builds("filter(list={}, condition=y=>{})".format, inner, inner),
        st.builds("any(items={}, filter=z=>{})".format, inner, inner),
        st.builds("all(items={}, regex={})".format, inner, inner),
    )


EXPRESSIONS = st.recursive(
    st.one_of(
        st.sampled_from(
            ["x", "x.A", "x.Data[0]", "x.`a b`.A", "y", "z", "Table", "List", "NULL", "TRUE", "0x1F"]
        ),
        st.integers(0, 2**70).map(str),
        st.text(max_size=12).map(lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"),
        st.sampled_from(["'%08x %s'", "'(a+)+$'", "'[^,]+'", "','", "'$1${g}'", "'%5.3f|%-9q'", "'\\ud800'"]),
    ),
    _extended,
    max_leaves=14,
)


def _run(text: str, event: Any) -> None:
    try:
        compiled = compile_lambda(text, TABLES)
        found = compiled(event)
        assert repr(compiled(event)) == repr(found)  # the same when it is remembered
    except LambdaError as error:
        assert error.line >= 1
        assert error.column >= 1
        assert str(error)
        return
    again = pickle.loads(pickle.dumps(compiled))(event)
    assert repr(again) == repr(found)
    if compiled.path is not None:
        assert compiled.inputs == {compiled.path}


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EXPRESSIONS, EVENTS)
@example("x.A + 1.5", {"A": 10**400})
@example("x.A < 2.5", {"A": float("nan")})
@example("format(format='%d %f', args=[x.A, x.A])", {"A": float("inf")})
@example("timestamp(epoch=x.A)", {"A": float("inf")})
@example("serialize(item=x)", {"A": 10**30})
@example("str(str=x.A)", {"A": 10**6000})
def test_a_random_program_gives_a_value_or_a_lambda_error(expression: str, event: Any) -> None:
    _run("x=>" + expression, event)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60),
        st.text(alphabet="x=>.AND(),[]'\"`0-~|&!<+ {}#\n\\", max_size=60).map(lambda text: "x=>" + text),
    )
)
def test_random_text_gives_a_lambda_or_a_lambda_error(text: str) -> None:
    _run(text, {"A": 1})
