"""Uploads of rule files: archives are hostile until they are texts."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from rules_app.services import rule_files
from rules_app.services.rule_files import FoundFile, display_path, read_path, read_upload
from tests.rules.conftest import zip_of


def uploaded(tmp_path: Path, content: bytes, name: str = "rules.zip") -> list[FoundFile]:
    stored = tmp_path / "stored"
    stored.write_bytes(content)
    return list(read_upload(name, stored))


def test_an_archive_gives_its_yaml_files_and_nothing_else(tmp_path: Path) -> None:
    found = uploaded(tmp_path, zip_of({"a/one.yml": "1", "b/two.YAML": "2", "README.md": "3", "c.zip": "4"}))
    assert [(file.path, file.content) for file in found] == [("a/one.yml", b"1"), ("b/two.YAML", b"2")]


def test_an_archive_is_told_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    assert uploaded(tmp_path, zip_of({"one.yml": "1"}), "rules.yml") == [FoundFile("one.yml", b"1")]


def test_a_single_file_gives_itself(tmp_path: Path) -> None:
    assert uploaded(tmp_path, b"title: x", "one.yml") == [FoundFile("one.yml", b"title: x")]


def test_hidden_folders_are_not_rules(tmp_path: Path) -> None:
    found = uploaded(tmp_path, zip_of({".github/workflows/ci.yml": "", "__MACOSX/a.yml": "", "a.yml": "1"}))
    assert [file.path for file in found] == ["a.yml"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/cron.d/x.yml", "etc/cron.d/x.yml"),
        ("/etc/x.yml", "etc/x.yml"),
        ("win\\proc\\x.yml", "win/proc/x.yml"),
        ("a\nb\x1b[31m.yml", "a\ufffdb\ufffd[31m.yml"),
    ],
)
def test_a_name_is_display_text_and_leads_nowhere(name: str, shown: str) -> None:
    assert display_path(name) == shown


def test_an_encrypted_archive_is_refused_with_a_sentence(tmp_path: Path) -> None:
    content = bytearray(zip_of({"one.yml": "1"}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(magic) + offset
        struct.pack_into("<H", content, at, struct.unpack_from("<H", content, at)[0] | 1)
    (found,) = uploaded(tmp_path, bytes(content))
    assert "encrypted" in found.refused


def test_a_damaged_archive_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (found,) = uploaded(tmp_path, zip_of({"one.yml": "1" * 500})[:100])
    assert "damaged" in found.refused


def test_an_archive_without_yaml_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (found,) = uploaded(tmp_path, zip_of({"README.md": "x"}))
    assert "no .yml" in found.refused


def test_an_empty_archive_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (found,) = uploaded(tmp_path, zip_of({}))
    assert "no .yml" in found.refused


def test_a_damaged_member_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    content = bytearray(zip_of({"one.yml": "first text", "two.yml": "second text"}))
    content[content.index(b"first text")] ^= 0xFF
    first, second = uploaded(tmp_path, bytes(content))
    assert "can't be unpacked" in first.refused
    assert second.content == b"second text"


def test_a_member_that_unpacks_to_more_than_a_file_may_have_is_read_no_further(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.yml", b"a" * (rule_files.MAX_FILE_BYTES * 40))
    (found,) = uploaded(tmp_path, target.getvalue())
    assert len(found.content) == rule_files.MAX_FILE_BYTES + 1


def test_an_archive_that_unpacks_to_more_than_the_limit_is_read_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_files, "MAX_ARCHIVE_BYTES", 100)
    found = uploaded(tmp_path, zip_of({f"{n}.yml": "x" * 60 for n in range(5)}))
    assert [file.path for file in found] == ["0.yml", "rules.zip"]
    assert "reading ended before 1.yml" in found[-1].refused


def test_an_archive_with_too_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_files, "MAX_ARCHIVE_MEMBERS", 3)
    (found,) = uploaded(tmp_path, zip_of({f"{n}.yml": "" for n in range(4)}))
    assert "4 members; at most 3" in found.refused


def test_a_folder_is_searched_deep_in_the_order_of_its_paths(tmp_path: Path) -> None:
    for name in ("b/two.yml", "a/one.yaml", "a/notes.txt", ".git/config.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert [file.path for file in read_path(tmp_path)] == ["a/one.yaml", "b/two.yml"]
