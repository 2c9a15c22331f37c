"""One-click mends: each, made in the text, makes its finding go away and breaks nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules_app.services.derive import check_text
from sigma_engine import Finding, Model, apply_mend, load_model, with_mends
from sigma_engine.mend_detection import MENDS_OF_DETECTIONS
from sigma_engine.mends import MENDS

CASES = sorted((Path(__file__).parent / "mends").glob("*.yml"))
# Codes whose hint names the word that was meant: the reader says it, and one mend serves them all.
MEANT = {
    "field_unmapped",
    "modifier_unknown",
    "key_unknown",
    "sub_key_unknown",
    "correlation_key",
    "correlation_type",
}


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("Windows event logs")


def read(case: Path) -> tuple[str, str]:
    """(code, text): a file is named by the code that its text shows, and what is special about it."""
    return case.stem.partition("-")[0], case.read_bytes().decode()


def count(findings: list[Finding], code: str) -> int:
    return sum(finding.code == code for finding in findings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_each_mend_makes_its_finding_go_away_and_brings_no_error(case: Path, model: Model) -> None:
    code, text = read(case)
    findings = with_mends(check_text(text, model, {}), text, model)
    mends = [mend for finding in findings if finding.code == code for mend in finding.mends]
    assert mends, [finding.code for finding in findings]
    errors = {finding.code for finding in findings if finding.severity == "error"}
    for mend in mends:
        after = check_text(apply_mend(text, mend), model, {})
        assert count(after, code) < count(findings, code), apply_mend(text, mend)
        assert {finding.code for finding in after if finding.severity == "error"} <= errors


def test_every_code_that_has_mends_has_a_text_that_shows_them() -> None:
    assert {read(case)[0] for case in CASES} == {*MENDS, *MENDS_OF_DETECTIONS, *MEANT}


def test_a_mend_changes_nothing_else(model: Model) -> None:
    text = "title: A\r\nlevel: hihg\r\n# the end"
    findings = with_mends(check_text(text, model, {}), text, model)
    (mend,) = next(finding.mends for finding in findings if finding.code == "level_unknown")
    assert apply_mend(text, mend) == "title: A\r\nlevel: high\r\n# the end"


def test_a_mend_outside_the_text_is_refused(model: Model) -> None:
    text = "title: A\nlevel: hihg\n"
    findings = with_mends(check_text(text, model, {}), text, model)
    (mend,) = next(finding.mends for finding in findings if finding.code == "level_unknown")
    with pytest.raises(ValueError, match="1 lines"):
        apply_mend("title: A", mend)
