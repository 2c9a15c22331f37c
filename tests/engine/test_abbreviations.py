"""Short names of channels and providers, from tables that stand elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigma_engine import abbreviate_channel, abbreviate_provider, read_abbreviations


def test_a_table_is_read_in_its_order_without_its_headings(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text(
        "\ufeffChannel,Abbreviation\r\nB/Operational,B\r\n\r\nA, with comma,A\r\n", encoding="utf-8"
    )
    assert list(read_abbreviations(path).items()) == [("B/Operational", "B"), ("A, with comma", "A")]


def test_a_line_without_a_comma_is_refused_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text("Channel,Abbreviation\nSecurity\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"table\.txt, line 2"):
        read_abbreviations(path)


def test_a_channel_is_found_whatever_its_case_and_a_provider_is_not() -> None:
    table = {"Security": "Sec"}
    assert abbreviate_channel("SECURITY", table) == "Sec"
    assert abbreviate_provider("Security", table) == "Sec"
    assert abbreviate_provider("SECURITY", table) == "SECURITY"


def test_what_a_table_lacks_is_shortened_word_by_word_the_longest_first() -> None:
    generic = {"Connect": "C", "Connectivity": "Conn", "Microsoft": "MS", "Windows": "Win"}
    assert abbreviate_channel("MICROSOFT-Windows-Connectivity/Connect", {}, generic) == "MS-Win-Conn/C"
    assert abbreviate_channel("Other", {}, generic) == "Other"
    assert abbreviate_channel("", {"Security": "Sec"}, generic) == ""


def test_the_published_tables_are_read(shared_data: Path) -> None:
    config = shared_data / "hayabusa-rules" / "config"
    channels, providers, generic = (
        read_abbreviations(config / f"{name}_abbreviations.txt")
        for name in ("channel", "provider", "generic")
    )
    assert abbreviate_channel("microsoft-windows-sysmon/operational", channels, generic) == "Sysmon"
    assert abbreviate_channel("Windows PowerShell", channels, generic) == "PwShClassic"
    assert abbreviate_provider("Microsoft-Windows-Security-Auditing", providers, generic) == "Sec"
    assert abbreviate_channel("Microsoft-Windows-Foo/Operational", channels, generic) == "MS-Win-Foo/Op"
