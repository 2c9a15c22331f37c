"""What every test may use: the cast, their clients, the shared data, a real Redis.

The database is SQLite unless DATABASE_URL names a PostgreSQL. Everything that a test writes lies in a
folder of its own (`tests/settings.py`), never in the project's `var`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.settings import OWN_FOLDER

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.http import HttpResponse
    from django.test import Client

    from rules_app.models import RuleVersion

PROJECT = Path(__file__).resolve().parent.parent
SHARED_DATA = PROJECT.parent / "shared" / "data"


def pytest_unconfigure() -> None:
    if OWN_FOLDER is not None:
        shutil.rmtree(OWN_FOLDER, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of other people's rules and logs beside the project; without it the test is skipped."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs ../shared/data beside the project")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def pages_find_their_files(request: pytest.FixtureRequest) -> None:
    """Tests with a database show pages, and those need the collected files; the engine's tests need neither."""
    if "db" in request.fixturenames or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("collected_static_files")


@pytest.fixture(scope="session")
def collected_static_files() -> None:
    """Pages name their static files by content hash, so they are collected once, as a start does."""
    from django.core.management import call_command

    if not (PROJECT / "static" / "dist" / "app.js").exists():
        pytest.fail("static/dist/app.js is missing: run `make bundle`")
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """make_user("mira", admin=False) gives a user; they have no password, so tests sign in with `client_of`."""
    from django.contrib.auth.models import User

    def make(name: str, *, admin: bool = False) -> User:
        return User.objects.create_user(name, is_superuser=admin, is_staff=admin)

    return make


@pytest.fixture
def owner(make_user: Callable[..., User]) -> User:
    """Who made the thing that the test is about."""
    return make_user("olivia")


@pytest.fixture
def teammate(make_user: Callable[..., User]) -> User:
    """Who works with the owner once the test adds them."""
    return make_user("tariq")


@pytest.fixture
def stranger(make_user: Callable[..., User]) -> User:
    """Who is signed in and has nothing to do with it."""
    return make_user("stan")


@pytest.fixture
def admin(make_user: Callable[..., User]) -> User:
    """Who sees everything."""
    return make_user("ada", admin=True)


@pytest.fixture
def publish_text(make_user: Callable[..., User]) -> Callable[..., RuleVersion]:
    """publish_text(rule, text) saves a text as the rule's next version and publishes it, as an administrator may."""
    from django.contrib.auth.models import User

    from rules_app import services
    from rules_app.models import Rule

    def publish(rule: Rule, text: str) -> RuleVersion:
        publisher = User.objects.filter(username="paula").first() or make_user("paula", admin=True)
        now = Rule.objects.get(pk=rule.pk)
        version = services.save_rule(now, text, now.to_edit.number, publisher)
        services.publish(version, publisher)
        return version

    return publish


@pytest.fixture
def client_of() -> Callable[[User | None], Client]:
    """client_of(user) -> a client signed in as the user; None is nobody."""
    from django.test import Client

    def client(user: User | None) -> Client:
        one = Client()
        if user is not None:
            one.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return one

    return client


@pytest.fixture
def owner_client(owner: User, client_of: Callable[..., Client]) -> Client:
    return client_of(owner)


@pytest.fixture
def teammate_client(teammate: User, client_of: Callable[..., Client]) -> Client:
    return client_of(teammate)


@pytest.fixture
def stranger_client(stranger: User, client_of: Callable[..., Client]) -> Client:
    return client_of(stranger)


@pytest.fixture
def admin_client(admin: User, client_of: Callable[..., Client]) -> Client:
    return client_of(admin)


@pytest.fixture
def hx() -> Callable[..., HttpResponse]:
    """hx(client, "get", "/rules/", target="rows") -> what htmx would get for its #rows."""

    def send(
        client: Client, method: str, path: str, data: object = None, *, target: str = ""
    ) -> HttpResponse:
        headers = {"HX-Request": "true"} | ({"HX-Target": target} if target else {})
        return getattr(client, method)(path, data, headers=headers)

    return send


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """A real Redis for this test run, on the socket where the settings look for it; yields its URL."""
    from django.conf import settings

    from sigmaweb.embedded_redis import running_redis

    with running_redis(settings.ENVIRONMENT):
        yield settings.REDIS_URL
