"""The ways in and out: one-time links, passwords with throttling, sign-out, and the theme."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from sigmaweb.models import SignInLink, issue_link

pytestmark = pytest.mark.django_db


@pytest.fixture
def link_path(owner: User) -> str:
    return f"/sign-in/link/{issue_link(owner, '/rules/')}/"


def signed_in_as(client: Client) -> str | None:
    user_id = client.session.get("_auth_user_id")
    return User.objects.get(pk=user_id).username if user_id else None


def test_looking_at_a_link_shows_whose_it_is_and_does_not_use_it_up(client: Client, link_path: str) -> None:
    assert "Sign in as olivia" in client.get(link_path).content.decode()
    assert client.get(link_path).status_code == 200
    assert signed_in_as(client) is None


def test_sending_the_link_signs_in_and_leads_to_its_page(client: Client, link_path: str) -> None:
    answer = client.post(link_path)
    assert (answer.status_code, answer["Location"]) == (302, "/rules/")
    assert signed_in_as(client) == "olivia"


def test_a_link_works_once(client: Client, client_of: Callable[..., Client], link_path: str) -> None:
    client.post(link_path)
    second = client_of(None)
    answer = second.post(link_path)
    assert answer.status_code == 410
    assert "no longer works" in answer.content.decode()
    assert signed_in_as(second) is None


def test_a_link_ends_with_its_hour(client: Client, link_path: str) -> None:
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(link_path).status_code == 410
    assert client.post(link_path).status_code == 410
    assert signed_in_as(client) is None


def test_a_link_of_somebody_who_was_shut_out_does_not_work(
    client: Client, owner: User, link_path: str
) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert client.post(link_path).status_code == 410


def test_an_invented_link_does_not_work(client: Client) -> None:
    assert client.post("/sign-in/link/invented/").status_code == 410


def test_the_token_itself_is_not_kept(owner: User) -> None:
    token = issue_link(owner, "/")
    assert token not in str(SignInLink.objects.values_list().get())


def test_a_password_signs_in_and_leads_to_the_page_that_was_asked_for(client: Client, owner: User) -> None:
    owner.set_password("correct horse battery")
    owner.save()
    asked = client.get("/rules/")
    assert asked["Location"] == "/sign-in/?next=/rules/"
    sent = {"username": "olivia", "password": "correct horse battery", "next": "/rules/"}
    assert client.post("/sign-in/", sent)["Location"] == "/rules/"
    assert signed_in_as(client) == "olivia"


def test_sign_in_does_not_lead_to_another_site(client: Client, owner: User) -> None:
    owner.set_password("correct horse battery")
    owner.save()
    sent = {"username": "olivia", "password": "correct horse battery", "next": "https://evil.example/"}
    assert client.post("/sign-in/", sent)["Location"] == "/"


def test_five_wrong_passwords_make_this_name_wait_and_no_other(
    client: Client, owner: User, teammate: User
) -> None:
    for user in (owner, teammate):
        user.set_password("correct horse battery")
        user.save()
    for _ in range(5):
        answer = client.post("/sign-in/", {"username": "olivia", "password": "wrong"})
    assert answer.status_code == 429
    right = {"username": "olivia", "password": "correct horse battery"}
    locked = client.post("/sign-in/", right)
    assert locked.status_code == 429
    assert "15 minutes" in locked.content.decode()
    assert signed_in_as(client) is None
    client.post("/sign-in/", right | {"username": "tariq"})
    assert signed_in_as(client) == "tariq"


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(client: Client, owner: User) -> None:
    known = client.post("/sign-in/", {"username": "olivia", "password": "wrong"}).content.decode()
    unknown = client.post("/sign-in/", {"username": "nobody-here", "password": "wrong"}).content.decode()
    assert "The name or the password is not right" in known
    assert "The name or the password is not right" in unknown


def test_sign_out_ends_the_session_and_needs_a_post(owner_client: Client) -> None:
    assert owner_client.get("/sign-out/").status_code == 405
    assert signed_in_as(owner_client) == "olivia"
    owner_client.post("/sign-out/")
    assert signed_in_as(owner_client) is None


def test_a_form_without_its_token_is_refused_with_a_sentence(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post("/theme/", {"theme": "dark"})
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.content.decode()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_is_remembered_and_written_into_the_page(client: Client, theme: str) -> None:
    client.post("/theme/", {"theme": theme})
    assert f'data-theme="{theme}"' in client.get("/sign-in/").content.decode()


def test_an_unknown_theme_changes_nothing(client: Client) -> None:
    client.post("/theme/", {"theme": '"><script>'})
    assert "data-theme=" not in client.get("/sign-in/").content.decode().partition(">")[0]
    assert not client.cookies.get("sigmaweb-theme")


def test_the_command_makes_a_user_and_prints_a_link_that_works(client: Client) -> None:
    out = StringIO()
    call_command("sign_in_link", "mira", "--new", stdout=out)
    address = out.getvalue().strip()
    assert address.startswith("http://127.0.0.1:")
    client.post("/" + address.split("/", 3)[3])
    assert signed_in_as(client) == "mira"
    assert not User.objects.get(username="mira").is_superuser


def test_the_command_names_a_user_who_is_missing() -> None:
    with pytest.raises(CommandError, match="no user mira"):
        call_command("sign_in_link", "mira")
