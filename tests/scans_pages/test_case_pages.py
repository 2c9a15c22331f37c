"""The list of cases, a new case, the overview and its members."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from scans_app.models import Case
from tests.scans_pages.conftest import HOSTILE

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

    from scans_app.models import Evidence, Hit

pytestmark = pytest.mark.django_db


def test_the_list_holds_only_the_cases_of_the_member(
    case: Case, owner_client: Client, stranger_client: Client
) -> None:
    assert "Harbour" in owner_client.get("/cases/").content.decode()
    page = stranger_client.get("/cases/").content.decode()
    assert "Harbour" not in page
    assert "You are not a member of a case yet" in page


def test_a_new_case_belongs_to_who_made_it_and_asks_for_evidence(
    stranger_client: Client, stranger: User
) -> None:
    response = stranger_client.post("/cases/new/", {"name": "Quay", "description": ""})
    case = Case.objects.get(name="Quay")
    assert response.headers["Location"] == f"/cases/{case.pk}/evidence/"
    assert case.role_of(stranger) == "owner"


def test_a_case_without_a_name_is_asked_for_one(stranger_client: Client) -> None:
    response = stranger_client.post("/cases/new/", {"name": "", "description": "kept"})
    assert response.status_code == 422
    assert "This field is required" in response.content.decode()
    assert "kept" in response.content.decode()


def test_the_overview_of_an_empty_case_says_to_add_evidence(case: Case, owner_client: Client) -> None:
    assert "Add evidence" in owner_client.get(f"/cases/{case.pk}/").content.decode()


def test_the_overview_of_a_judged_scan_says_how_many_hits_wait(
    case: Case, make_hit: Callable[..., Hit], owner_client: Client
) -> None:
    make_hit()
    make_hit(verdict="benign")
    page = owner_client.get(f"/cases/{case.pk}/").content.decode()
    assert "1 of the 2 hits" in page
    assert "verdict=unjudged" in page


def test_the_overview_counts_files_events_and_computers(
    case: Case, evidence: Evidence, owner_client: Client
) -> None:
    page = owner_client.get(f"/cases/{case.pk}/").content.decode()
    assert "1 file, 12 events, 3 computers, 14 Nov 2023 UTC" in page


def test_an_owner_adds_a_member_by_user_name(case: Case, owner_client: Client, stranger: User) -> None:
    response = owner_client.post(f"/cases/{case.pk}/members/", {"username": " stan ", "role": "reader"})
    assert response.status_code == 302
    assert case.role_of(stranger) == "reader"


def test_adding_a_member_again_changes_the_role(case: Case, owner_client: Client, stranger: User) -> None:
    for role in ("reader", "analyst"):
        owner_client.post(f"/cases/{case.pk}/members/", {"username": "stan", "role": role})
    assert case.role_of(stranger) == "analyst"
    assert case.members.count() == 2


def test_a_name_that_no_user_has_is_said_at_its_field(case: Case, owner_client: Client) -> None:
    response = owner_client.post(f"/cases/{case.pk}/members/", {"username": "nemo", "role": "reader"})
    assert response.status_code == 422
    assert "There is no user nemo" in response.content.decode()


def test_the_only_owner_stays(case: Case, owner_client: Client, owner: User) -> None:
    member = case.members.get(user=owner)
    response = owner_client.post(f"/cases/{case.pk}/members/{member.pk}/remove/", follow=True)
    assert "is the only owner" in response.content.decode()
    assert case.role_of(owner) == "owner"
    response = owner_client.post(f"/cases/{case.pk}/members/", {"username": "olivia", "role": "reader"})
    assert response.status_code == 422


def test_an_owner_removes_a_member(
    case: Case, owner_client: Client, reader_client: Client, teammate: User
) -> None:
    member = case.members.get(user=teammate)
    owner_client.post(f"/cases/{case.pk}/members/{member.pk}/remove/")
    assert reader_client.get(f"/cases/{case.pk}/").status_code == 404


def test_an_analyst_cannot_change_members(case: Case, analyst_client: Client) -> None:
    response = analyst_client.post(f"/cases/{case.pk}/members/", {"username": "olivia", "role": "reader"})
    assert response.status_code == 403
    assert "Add member" not in analyst_client.get(f"/cases/{case.pk}/").content.decode()


def test_names_of_cases_are_escaped(owner: User, owner_client: Client) -> None:
    from scans_app.services.cases import create_case

    case = create_case(HOSTILE, HOSTILE, owner)
    for path in ("/cases/", f"/cases/{case.pk}/", f"/cases/{case.pk}/evidence/", f"/cases/{case.pk}/hits/"):
        page = owner_client.get(path).content.decode()
        assert "<img src=x" not in page
        assert "<script>alert" not in page
        assert "{{ 7|add:7 }}" in page
