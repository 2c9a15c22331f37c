"""Upload, with and without script, the list of files, and a file's page."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from scans_app.models import Case, Evidence
from tests.evtx_writer import build_evtx
from tests.evtx_writer.damage import bad_magic
from tests.scans.conftest import do_all_work, log_bytes, process_event
from tests.scans_pages.conftest import HOSTILE

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.test import Client

pytestmark = pytest.mark.django_db


def send(client: Client, case: Case, content: bytes, name: str = "WS.evtx") -> HttpResponse:
    """Upload as our script does: the raw bytes, the name in a header."""
    return client.post(
        f"/cases/{case.pk}/evidence/upload/",
        data=content,
        content_type="application/octet-stream",
        headers={"X-File-Name": quote(name)},
    )


def test_a_raw_upload_is_stored_under_its_name(case: Case, owner_client: Client) -> None:
    response = send(owner_client, case, log_bytes(3), "Überseehafen 1.evtx")
    assert response.status_code == 200
    file = case.evidence.get()
    assert file.name == "Überseehafen 1.evtx"
    assert file.sha256[:12] in response.content.decode()
    assert "<html" not in response.content.decode()


def test_a_refused_upload_says_why_and_stores_nothing(case: Case, owner_client: Client) -> None:
    response = send(owner_client, case, b"MZ this is a program", "tool.exe")
    assert response.status_code == 422
    assert "refused" in response.content.decode()
    assert not case.evidence.exists()


def test_the_same_file_twice_is_refused_with_the_first_ones_name(case: Case, owner_client: Client) -> None:
    send(owner_client, case, log_bytes(3), "first.evtx")
    response = send(owner_client, case, log_bytes(3), "second.evtx")
    assert response.status_code == 422
    assert "first.evtx" in response.content.decode()
    assert case.evidence.count() == 1


def test_the_plain_form_takes_many_files_and_says_what_became_of_each(
    case: Case, owner_client: Client
) -> None:
    files = [SimpleUploadedFile("WS.evtx", log_bytes(3)), SimpleUploadedFile("notes.txt", b"hello")]
    response = owner_client.post(f"/cases/{case.pk}/evidence/upload/", {"files": files})
    page = response.content.decode()
    assert response.status_code == 200
    assert "received" in page
    assert "refused" in page
    assert case.evidence.count() == 1


def test_a_reader_and_a_stranger_cannot_upload(
    case: Case, reader_client: Client, stranger_client: Client
) -> None:
    assert send(reader_client, case, log_bytes(3)).status_code == 403
    assert send(stranger_client, case, log_bytes(3)).status_code == 404
    assert not case.evidence.exists()
    assert "Choose files" not in reader_client.get(f"/cases/{case.pk}/evidence/").content.decode()


def test_an_upload_that_breaks_off_is_not_kept_as_a_whole_one(case: Case, owner_client: Client) -> None:
    content = log_bytes(12)
    broken = {"wsgi.input": io.BytesIO(content[:-1000]), "CONTENT_LENGTH": str(len(content))}
    path = f"/cases/{case.pk}/evidence/upload/"
    response = owner_client.generic("POST", path, content, "application/octet-stream", **broken)
    assert response.status_code == 400
    assert not case.evidence.exists()
    assert not list(Evidence.folder().rglob("*.part"))


def test_an_upload_needs_the_token(case: Case, owner_client: Client) -> None:
    owner_client.handler.enforce_csrf_checks = True
    assert send(owner_client, case, log_bytes(3)).status_code == 403
    assert not case.evidence.exists()


def test_the_list_asks_again_until_everything_is_catalogued(
    case: Case, owner_client: Client, hx: Callable[..., HttpResponse]
) -> None:
    send(owner_client, case, log_bytes(12))
    path = f"/cases/{case.pk}/evidence/"
    waiting = hx(owner_client, "get", path, target="evidence")
    assert waiting.status_code == 200
    assert "every 1s" in waiting.content.decode()
    do_all_work()
    done = hx(owner_client, "get", path, target="evidence")
    assert done.status_code == 286
    assert "every 1s" not in done.content.decode()
    assert "<html" not in done.content.decode()
    assert "whole" in done.content.decode()
    assert 'id="case-facts" hx-swap-oob="true">1 file, 12 events' in done.content.decode()


def test_the_list_is_filtered_by_name_channel_and_computer(
    case: Case, add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    add_evidence(log_bytes(3), "harbour.evtx")
    other = [process_event(0) | {"System": process_event(0)["System"] | {"Computer": "DC01"}}]
    add_evidence(build_evtx(other), "quay.evtx")
    for query, found, missing in [
        ("harb", "harbour.evtx", "quay.evtx"),
        ("DC01", "quay.evtx", "harbour.evtx"),
    ]:
        page = owner_client.get(f"/cases/{case.pk}/evidence/", {"q": query}).content.decode()
        assert found in page
        assert missing not in page
    assert "Show all files" in owner_client.get(f"/cases/{case.pk}/evidence/", {"q": "zz"}).content.decode()


def test_a_files_page_shows_its_hash_channels_and_a_whole_ledger(
    case: Case, evidence: Evidence, owner_client: Client
) -> None:
    page = owner_client.get(f"/cases/{case.pk}/evidence/{evidence.pk}/").content.decode()
    assert evidence.sha256 in page
    assert "Microsoft-Windows-Sysmon/Operational" in page
    assert "Every chunk was read as it was written" in page


def test_the_ledger_names_a_damaged_chunk_and_its_offset(
    case: Case, add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    content = bytearray(log_bytes(15))
    bad_magic(1)(content)
    second = 4096 + 65536
    file = add_evidence(bytes(content), "damaged.evtx")
    assert not file.is_whole
    page = owner_client.get(f"/cases/{case.pk}/evidence/{file.pk}/").content.decode()
    assert f"{second:,}" in page
    for problem in file.problems:
        assert problem["code"] in page


def test_names_of_files_and_values_in_them_are_escaped(
    case: Case, add_evidence: Callable[..., Evidence], owner_client: Client
) -> None:
    event = process_event(0)
    event["System"] |= {"Computer": HOSTILE, "Channel": HOSTILE}
    file = add_evidence(build_evtx([event]), f"{HOSTILE[:80]}.evtx")
    for path in (
        f"/cases/{case.pk}/evidence/",
        f"/cases/{case.pk}/evidence/{file.pk}/",
        f"/cases/{case.pk}/",
    ):
        page = owner_client.get(path).content.decode()
        assert "<img src=x" not in page
        assert "<script>alert" not in page


def test_a_file_of_another_case_is_not_found_under_this_one(
    case: Case, evidence: Evidence, owner_client: Client, owner: object
) -> None:
    from scans_app.services.cases import create_case

    other = create_case("Other", "", owner)
    assert owner_client.get(f"/cases/{other.pk}/evidence/{evidence.pk}/").status_code == 404
