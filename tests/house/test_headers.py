"""What every answer says about itself."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

ANSWERS = ["/sign-in/", "/rules/", "/no-such-page/", "/healthz"]


@pytest.mark.parametrize("path", ANSWERS)
def test_the_policy_allows_no_inline_code_and_no_foreign_origin(owner_client: Client, path: str) -> None:
    directives = dict(
        part.strip().split(" ", 1) for part in owner_client.get(path)["Content-Security-Policy"].split(";")
    )
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == directives["object-src"] == "'none'"
    assert "unsafe" not in str(directives)


@pytest.mark.parametrize("path", ANSWERS)
def test_a_cache_keeps_no_page_and_never_swaps_a_part_for_a_page(owner_client: Client, path: str) -> None:
    answer = owner_client.get(path)
    assert "no-store" in answer["Cache-Control"]
    assert {"HX-Request", "HX-Target"} <= {name.strip() for name in answer["Vary"].split(",")}


def test_answers_cannot_be_framed_sniffed_or_leak_their_address(client: Client) -> None:
    answer = client.get("/sign-in/")
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"


def test_a_host_that_is_not_ours_is_refused(client: Client) -> None:
    assert client.get("/sign-in/", headers={"Host": "evil.example"}).status_code == 400


def test_static_files_are_named_by_their_content_and_kept_for_long(client: Client) -> None:
    page = client.get("/sign-in/").content.decode()
    style = page.split('rel="stylesheet" href="')[1].split('"')[0]
    assert style.count(".") == 2
    answer = client.get(style)
    assert answer.status_code == 200
    assert "immutable" in answer["Cache-Control"]
    answer.close()
