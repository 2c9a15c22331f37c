"""Uploads: what becomes evidence, and the sentence for what does not."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
import time
import zipfile

import pytest

from scans_app.models import Evidence
from scans_app.services import storage
from scans_app.services.intake import receive
from scans_app.services.storage import incoming_folder, sweep
from tests.evtx_writer import truncated
from tests.scans.conftest import do_all_work, log_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def upload(case, owner):
    """upload(bytes, name) -> (the evidence stored, the sentences of refusal)."""

    def send(content: bytes, name: str = "log.evtx"):
        intake = receive(case, owner, name, io.BytesIO(content))
        return intake.stored, [refusal.sentence for refusal in intake.refused]

    return send


@pytest.fixture(autouse=True)
def nothing_half_stored(db, tmp_path, settings):
    """Whatever a test uploads: nothing is left in the incoming folder, each file has a row and each row a file."""
    settings.EVIDENCE_DIR = tmp_path
    incoming_folder().mkdir()
    yield
    assert list(incoming_folder().glob("*")) == []
    on_disk = {path.name for path in Evidence.folder().iterdir() if path.is_file()}
    assert on_disk == set(Evidence.objects.values_list("stored_name", flat=True))


def zip_of(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def test_a_log_is_stored_read_only_under_a_name_of_ours_and_catalogued(upload):
    content = log_bytes(13)
    [evidence], refused = upload(content, "../../etc/Security.evtx")
    do_all_work()
    evidence.refresh_from_db()
    assert refused == []
    assert evidence.name == "../../etc/Security.evtx"
    assert evidence.path.parent == Evidence.folder()
    assert evidence.path.read_bytes() == content
    assert stat.S_IMODE(evidence.path.stat().st_mode) == 0o440
    assert evidence.sha256 == hashlib.sha256(content).hexdigest()
    assert (evidence.state, evidence.events, evidence.chunk_count) == ("catalogued", 13, 3)


def test_the_catalogue_tells_times_computers_and_channels(upload):
    [evidence], _ = upload(log_bytes(13))
    do_all_work()
    evidence.refresh_from_db()
    assert (evidence.first_time, evidence.last_time) == (1_700_000_000_000_000, 1_700_000_012_000_000)
    assert evidence.computers == ["WS-0.example.org", "WS-1.example.org", "WS-2.example.org"]
    assert evidence.channels == [["Microsoft-Windows-Sysmon/Operational", 13]]
    assert [chunk.events for chunk in evidence.chunks.all()] == [5, 5, 3]
    assert evidence.is_whole


def test_the_same_bytes_twice_in_a_case_are_refused_by_name_and_person(upload):
    content = log_bytes(3)
    upload(content, "first.evtx")
    stored, [sentence] = upload(content, "second.evtx")
    assert stored == []
    assert sentence.startswith("The same bytes as first.evtx, added ")
    assert sentence.endswith(" UTC by olivia. Nothing was stored.")


def test_the_same_bytes_in_another_case_are_evidence_there(upload, owner):
    from scans_app.services.cases import create_case

    content = log_bytes(3)
    upload(content)
    assert receive(create_case("Other", "", owner), owner, "x.evtx", io.BytesIO(content)).stored


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"MZ" + b"\0" * 5000, "Windows program"),
        (b"<html>no log</html>", "HTML document"),
        (b"ElfFile\0" + b"\0" * 100, "cut off"),
        (log_bytes(1)[:4096], "holds no events"),
        (b"[1, 2, 3]", "no whole JSON object"),
        (b"plain words", "not an event log"),
    ],
)
def test_what_is_no_log_is_refused_with_a_sentence(upload, content, sentence):
    stored, [told] = upload(content, "thing")
    assert stored == []
    assert sentence in told


def test_a_log_that_is_cut_off_in_a_chunk_is_taken_and_says_what_was_lost(upload):
    whole = log_bytes(40, per_chunk=20)
    cut = bytearray(whole)
    truncated(len(whole) - 65536 + 6000)(cut)
    [evidence], _ = upload(bytes(cut))
    do_all_work()
    evidence.refresh_from_db()
    assert evidence.state == "catalogued"
    assert 20 <= evidence.events < 40
    assert not evidence.is_whole


def test_json_lines_are_kept_as_they_are_and_an_array_becomes_lines(upload):
    lines = b'{"System":{"EventID":1,"Channel":"A"}}\n{"System":{"EventID":2,"Channel":"A"}}\n'
    [kept], _ = upload(lines, "a.jsonl")
    assert kept.path.read_bytes() == lines
    array = b'[{"System":{"EventID":1,"Channel":"A"}},\n {"System":{"EventID":3,"Channel":"A"}}]'
    [rewritten], _ = upload(array, "b.json")
    assert rewritten.path.read_bytes().count(b"\n") == 2
    assert rewritten.sha256 == hashlib.sha256(array).hexdigest()
    assert rewritten.stored_sha256 == hashlib.sha256(rewritten.path.read_bytes()).hexdigest()
    do_all_work()
    assert [evidence.events for evidence in Evidence.objects.order_by("pk")] == [2, 2]


def test_each_file_in_a_zip_is_evidence_of_its_own(upload):
    content = zip_of({"logs/a.evtx": log_bytes(2), "logs/b.evtx": log_bytes(3), "readme.txt": b"hello"})
    stored, [sentence] = upload(content, "all.zip")
    assert [evidence.name for evidence in stored] == ["all.zip/logs/a.evtx", "all.zip/logs/b.evtx"]
    assert "not an event log" in sentence


@pytest.mark.parametrize("name", ["../../../tmp/evil.evtx", "/etc/passwd", "C:\\x.evtx", "a\0b", "x" * 4000])
def test_a_hostile_name_in_a_zip_is_only_text(upload, name):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        archive.writestr(info, log_bytes(2))
    [evidence], _ = upload(target.getvalue(), "z.zip")
    assert evidence.path.parent == Evidence.folder()
    assert len(evidence.name) <= 500
    assert evidence.name.isprintable()


def encrypted(content: bytes) -> bytes:
    """The archive with the flag `encrypted` on its one member, in both headers."""
    data = bytearray(content)
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def test_an_encrypted_zip_is_refused_with_what_to_do(upload):
    stored, [sentence] = upload(encrypted(zip_of({"a.evtx": log_bytes(2)})), "e.zip")
    assert stored == []
    assert sentence.startswith("It is encrypted: unpack it with its password")


def test_a_zip_in_a_zip_is_not_opened(upload):
    stored, [sentence] = upload(zip_of({"inner.zip": zip_of({"a.evtx": log_bytes(2)})}), "o.zip")
    assert stored == []
    assert sentence.startswith("This is a zip archive, not an event log")


def test_a_link_in_a_zip_is_not_followed(upload):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        info = zipfile.ZipInfo("link.evtx")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    stored, [sentence] = upload(target.getvalue(), "l.zip")
    assert stored == []
    assert "is a link" in sentence


def test_more_bytes_than_allowed_out_of_a_zip_end_it(upload, monkeypatch):
    monkeypatch.setattr("scans_app.services.zip_members.MAX_TOTAL_BYTES", 100_000)
    stored, refused = upload(zip_of({"a.evtx": log_bytes(2), "b.evtx": b"\0" * 3_000_000}), "bomb.zip")
    assert [evidence.name for evidence in stored] == ["bomb.zip/a.evtx"]
    assert "Over 100,000 bytes come out" in refused[0]


def test_a_zip_of_more_files_than_allowed_is_refused_before_it_is_unpacked(upload, monkeypatch):
    monkeypatch.setattr("scans_app.services.zip_members.MAX_MEMBERS", 2)
    stored, [sentence] = upload(zip_of({f"{n}.evtx": log_bytes(1) for n in range(3)}), "many.zip")
    assert stored == []
    assert "holds 3 files" in sentence


def test_a_directory_that_would_fill_the_memory_is_not_read(upload, monkeypatch):
    monkeypatch.setattr("scans_app.services.zip_members.MAX_DIRECTORY_BYTES", 100)
    stored, [sentence] = upload(zip_of({f"{n}.evtx": b"x" for n in range(9)}), "many.zip")
    assert stored == []
    assert "Its directory takes" in sentence


@pytest.mark.parametrize("cut", [30, 200, -4])
def test_a_zip_that_is_cut_off_is_refused(upload, cut):
    stored, [sentence] = upload(zip_of({"a.evtx": log_bytes(3)})[:cut], "cut.zip")
    assert stored == []
    assert "cut off" in sentence or "damaged" in sentence


def test_a_damaged_member_costs_only_itself(upload):
    content = bytearray(zip_of({"a.evtx": log_bytes(3), "b.evtx": log_bytes(4)}))
    content[60:80] = b"\xff" * 20
    stored, [sentence] = upload(bytes(content), "d.zip")
    assert [evidence.name for evidence in stored] == ["d.zip/b.evtx"]
    assert sentence.startswith("It is damaged in the zip")


def test_an_empty_zip_says_so(upload):
    assert upload(zip_of({}), "e.zip") == ([], ["This zip archive holds no files."])


def test_a_file_over_the_limit_is_refused(case, owner):
    with storage.place_aside() as path, pytest.raises(storage.StorageRefused, match="over 10 bytes"):
        storage.write_aside(io.BytesIO(b"x" * 11), path, limit=10)


def test_a_full_disk_is_a_sentence(upload, monkeypatch):
    monkeypatch.setattr("scans_app.services.storage.FREE_SHARE_KEPT", 1.1)
    stored, [sentence] = upload(log_bytes(1))
    assert stored == []
    assert sentence.startswith("The disk is full")


def test_a_connection_that_breaks_leaves_nothing(case, owner):
    class Broken(io.BytesIO):
        def read(self, size=-1, /):
            if self.tell() > 0:
                raise ConnectionResetError
            return super().read(1000)

    intake = receive(case, owner, "x.evtx", Broken(log_bytes(5)))
    assert "could not be written" in intake.refused[0].sentence or "broke off" in intake.refused[0].sentence


def test_the_sweep_removes_what_a_killed_upload_left_and_nothing_else(upload):
    [evidence], _ = upload(log_bytes(1))
    growing, dead = incoming_folder() / "growing.part", incoming_folder() / "dead.part"
    orphan = Evidence.folder() / "orphan.evtx"
    for path in (growing, dead, orphan):
        path.write_bytes(b"x")
    assert sweep() == []  # nothing is old enough to be anyone's leftover
    time.sleep(1.1)
    os.utime(growing)
    assert sorted(path.name for path in sweep(older_than=1)) == ["dead.part", "orphan.evtx"]
    assert evidence.path.exists()
    growing.unlink()


def test_zip64_archives_are_read(upload):
    content = bytearray(zip_of({"a.evtx": log_bytes(2)}))
    end = content.rindex(b"PK\x05\x06")
    size, place = struct.unpack_from("<2L", content, end + 12)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, size, place)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    [evidence], refused = upload(bytes(content[:end]) + record + locator + tail, "big.zip")
    assert (evidence.name, refused) == ("big.zip/a.evtx", [])
