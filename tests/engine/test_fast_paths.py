"""Short cuts of the matcher, each with the trap that it must not fall into: the plain evaluator is the judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sigma_engine import (
    Rule,
    Scanner,
    compile_rules,
    explain,
    load_model,
    open_evidence,
    parse_model,
    parse_rules,
)
from tests.evtx_writer import write_evtx

MODEL = load_model("Windows event logs")
CHANNEL, PROVIDER = "Some-Vendor/Operational", "Some-Vendor"


def _rule(detection: dict[str, Any], **more: Any) -> Rule:
    document = {"title": "t", "logsource": {"product": "windows"}, "detection": detection} | more
    [parsed] = parse_rules(yaml.safe_dump(document))
    assert isinstance(parsed.rule, Rule), parsed.findings
    return parsed.rule


def _selection(selection: Any) -> Rule:
    return _rule({"selection": selection, "condition": "selection"})


def _event(data: dict[str, Any], event_id: Any = 7, record_id: int = 5) -> dict[str, Any]:
    system = {
        "Provider": {"Name": PROVIDER},
        "EventID": {"Value": event_id},
        "Channel": CHANNEL,
        "Computer": "HOST1",
        "EventRecordID": record_id,
        "TimeCreated": {"SystemTime": 1_700_000_000.5},
    }
    return {"System": system, "EventData": data}


def _plain(rules: list[Rule], event: dict[str, Any]) -> list[int]:
    return [index for index, rule in enumerate(rules) if explain(rule, MODEL, event).verdict]


@pytest.mark.parametrize("values", [[1, True, 1.0], [True, 1.0, 1], [1.0, 1, True], [0, False], [False, 0]])
def test_equal_values_of_different_types_keep_their_own_verdicts(values: list[Any]) -> None:
    """To a dict, and so to a cache, 1, True and 1.0 are one key."""
    rules = [
        _selection({"F": wanted}) for wanted in ("1", "0x1", "1.0", "true", "0", "false", "0x0", 1, True, 0)
    ]
    scanner = Scanner(compile_rules(rules, MODEL))
    for value in (*values, *values):
        assert list(scanner.match(_event({"F": value}))) == _plain(rules, _event({"F": value})), value


def test_lists_of_equal_items_keep_their_own_verdicts() -> None:
    rules = [_selection({"F": wanted}) for wanted in ("1", "1.0", "true", None)]
    rules.append(_selection({"F|exists": True}))
    scanner = Scanner(compile_rules(rules, MODEL))
    for value in (["1"], [1], [True], [1.0], [], ["1", None], [None], "1", ["1"], ["1.0", "true"]):
        assert list(scanner.match(_event({"F": value}))) == _plain(rules, _event({"F": value})), value


def test_an_event_id_that_is_no_number_is_asked_as_it_stands() -> None:
    """Rules are split by event id only for events that hold just what their key says."""
    rules = [
        _selection({"EventID": 7, "F": "x"}),
        _selection({"EventID": "7", "F": "x"}),
        _selection({"EventID": 8, "F": "x"}),
        _selection({"EventID|gt": 6}),
        _rule({"a": {"EventID": 7}, "b": {"F": "x"}, "condition": "not a or b"}),
        _rule({"a": {"EventID": 7}, "b": {"F": "x"}, "condition": "not (a and b)"}),
        _rule({"a": {"Provider_Name|contains": "vendor"}, "b": {"EventID": [8, 9]}, "condition": "a or b"}),
        _rule({"a": {"Channel|re": "^some"}, "condition": "not a"}),
    ]
    scanner = Scanner(compile_rules(rules, MODEL))
    for event_id in (7, "7", 7.0, True, None, [7], 8, 2**70, -1):
        for data in ({"F": "x"}, {"F": "y"}, {}):
            event = _event(data, event_id)
            assert list(scanner.match(event)) == _plain(rules, event), (event_id, data)


def test_a_rule_that_adds_to_the_event_may_change_its_key() -> None:
    vql = "x=>dict(System=dict(EventID=dict(Value=99), Channel='other', Provider=dict(Name='p')))"
    rules = [_rule({"a": {"EventID": 99}, "condition": "a"}, vql=vql)]
    scanner = Scanner(compile_rules(rules, MODEL))
    assert list(scanner.match(_event({}))) == _plain(rules, _event({})) == [0]


def test_a_computed_field_is_remembered_by_the_types_of_what_it_reads() -> None:
    model, findings = parse_model(
        "name: m\nlog_sources:\n  - logsource: '*/windows/*'\n    providers: ['*']\n"
        "    fields: {T: \"x=>if(condition=x.EventData.A = true, then='yes', else=serialize(item=x.EventData.A))\"}\n"
    )
    assert model is not None, findings
    rules = [_selection({"T": wanted}) for wanted in ("yes", "1", "1.0", "[1]", '["a"]')]
    scanner = Scanner(compile_rules(rules, model))
    for value in (1, True, 1.0, [1], ["a"], 1, True):
        event = _event({"A": value})
        wanted = [index for index, rule in enumerate(rules) if explain(rule, model, event).verdict]
        assert list(scanner.match(event)) == wanted, value


def test_fields_held_against_each_other_are_remembered_as_a_pair() -> None:
    rules = [_selection({"A|fieldref": "B"}), _selection({"A|fieldref|endswith": "B"})]
    scanner = Scanner(compile_rules(rules, MODEL))
    for left, right in (
        ("x", "X"),
        ("X", "x"),
        ("ax", "x"),
        ("x", "ax"),
        (1, "1"),
        ("1", 1),
        ([1], "1"),
        ("x", None),
    ):
        event = _event({"A": left, "B": right})
        assert list(scanner.match(event)) == _plain(rules, event), (left, right)


# What JSON writes in another way than it stands in the event, what folds in odd ways, and what ends a pattern.
KEYWORDS = (
    *(
        "evil",
        "EVIL",
        'say "evil"',
        "back\\slash",
        "C:\\evil\\x",
        "tab\there",
        "line\nevil",
        "1102",
        "0x44e",
        "1.5",
    ),
    *("true", "abc-1", "{6AD52B32-D609-4BE9-AE07-CE8DAE937E39}", "6ad52b32-d609-4be9-ae07-ce8dae937e39"),
    *("ΣΑΣ", "straße", "İstanbul", "a/b evil", "ev*il", "e?il", "</evil>", "ab", "\u2028evil", "K"),
)


@pytest.mark.parametrize("wanted", KEYWORDS)
def test_no_text_of_a_log_hides_a_keyword(wanted: str, tmp_path: Path) -> None:
    """Most events are ruled out by the JSON that they were read from, where texts are written in another way."""
    rules = [
        _selection([wanted]),
        _selection([wanted, "no such text"]),
        _rule({"k": [wanted, f"*{wanted}*"], "condition": "not k"}),
    ]
    path = tmp_path / "hostile.evtx"
    held = [variant for one in KEYWORDS for variant in (one, f"x{one.swapcase()}y", f"{one.lower()} {one}")]
    write_evtx(path, [_event({"A": one, "B": "b"}, record_id=number) for number, one in enumerate(held, 1)])
    evidence = open_evidence(path)
    records = evidence.read_chunk(0).records
    assert sum(bool(record.text) for record in records) == len(held)
    found = Scanner(compile_rules(rules, MODEL)).scan_chunk(evidence, 0, path.name)
    for record in records:
        hits = sorted(hit.rule_index for hit in found.hits if hit.position == record.position)
        assert hits == _plain(rules, record.event), record.text


def test_the_caches_report_what_they_were_asked_and_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "log.evtx"
    write_evtx(path, [_event({"F": "x" if n % 2 else "y"}, record_id=n) for n in range(1, 11)])
    scanner = Scanner(compile_rules([_selection({"F": "x"})], MODEL))
    scanner.scan_chunk(open_evidence(path), 0, path.name)
    report = scanner.cache_report()
    assert (report["events"], report["buckets"], report["drops"]) == (10, 1, 0)
    assert report["verdicts_decided"] == report["verdicts_kept"] == report["classes_kept"] == 2
    scanner.drop_caches()
    report = scanner.cache_report()
    assert report["values_kept"] == report["verdicts_kept"] == report["bytes_kept"] == 0
    assert report["classes_kept"] == 1  # that of no true atom


def test_dropped_caches_change_no_verdict_though_classes_get_other_numbers() -> None:
    """An event without a field, one after the drop with it first: the class of absence has another number then."""
    rules = [
        _selection({"F": None}),
        _selection({"F": "x"}),
        _selection({"G|fieldref": "F"}),
        _selection({"G": "y"}),
        _selection(["zzz"]),
    ]
    scanner = Scanner(compile_rules(rules, MODEL))
    events = [
        _event(data) for data in ({"G": "y"}, {"F": "x"}, {"F": "x", "G": "x"}, {"G": "zzz", "F": None})
    ]
    for order in (events, events[::-1], events[2:] + events[:2]):
        for event in order:
            assert list(scanner.match(event)) == _plain(rules, event)
        scanner.drop_caches()


def test_a_truth_is_remembered_beside_the_number_that_equals_it() -> None:
    """Where 1, 1.0 and True have verdicts of their own, each is kept with its type."""
    scanner = Scanner(compile_rules([_selection({"F": "true"}), _selection({"F": "1.0"})], MODEL))
    for value, wanted in ((True, (0,)), (1, ()), (1.0, (1,))) * 2:
        assert scanner.match(_event({"F": value})) == wanted
    # That F is absent, and the three values.
    assert scanner.cache_report()["values_decided"] == 4


def test_half_a_surrogate_pair_is_a_character_like_others() -> None:
    """No reader gives one, but lambdas can make it, and JSON that is given to the engine as it is can hold it."""
    half = "\ud800"
    rules = [
        _selection({"F|contains": "abc"}),
        _selection({"F|startswith": "abc"}),
        _selection({"F|re": "a.c$"}),
        _selection({"F": "?abc"}),
        _selection(["abc"]),
        _rule({"s": {"F|contains": "abd"}, "condition": "not s"}),
    ]
    scanner = Scanner(compile_rules(rules, MODEL))
    for value in (f"{half}abc", f"abc{half}", f"a{half}bc", half):
        assert list(scanner.match(_event({"F": value}))) == _plain(rules, _event({"F": value})), ascii(value)


@pytest.mark.parametrize("place", ["|contains", "|contains|cased", "|startswith", "|startswith|cased"])
def test_a_sigma_is_the_same_letter_wherever_it_stands_in_a_word(place: str) -> None:
    """Lower case of Σ depends on what stands beside it to Python; here each character is folded by itself."""
    rules = [_selection({f"F{place}": "bΣ"}), _selection(["bΣ"])]
    scanner = Scanner(compile_rules(rules, MODEL))
    for value in ("bΣ", "bΣΣ", "bΣ b", "bΣb"):
        assert list(scanner.match(_event({"F": value}))) == _plain(rules, _event({"F": value})) == [0, 1], (
            value
        )


@pytest.mark.parametrize("wanted", [(1, 1.0), (1.0, 1)])
def test_numbers_of_rules_that_are_equal_keep_their_own_texts(wanted: tuple[float, float]) -> None:
    """To Python 1 and 1.0 are one, but only one of them is also `0x1`, and only the other `1.0`."""
    rules = [_selection({"F": number}) for number in wanted]
    scanner = Scanner(compile_rules(rules, MODEL))
    for value in ("1", "1.0", "0x1", 1, 1.0):
        assert list(scanner.match(_event({"F": value}))) == _plain(rules, _event({"F": value})), value
