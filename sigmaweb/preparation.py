"""What has to be true before the processes start, and what a new database gets.

Every obstacle is an EnvironmentProblem with one sentence: what is in the way, and what to set.
"""

from __future__ import annotations

import fcntl
import socket
import tempfile
from io import TextIOWrapper
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError, connection
from django.urls import reverse

from rules_app.services import sync_shipped_models
from scans_app.models import Scan
from sigmaweb.environment import Environment, EnvironmentProblem
from sigmaweb.models import SignInLink, issue_link

FIRST_USER = "admin"


def check_port(environment: Environment) -> None:
    """Raises EnvironmentProblem unless this process could listen where the web server will."""
    family = socket.AF_INET6 if ":" in environment.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((environment.host, environment.port))
        except OSError as problem:
            raise EnvironmentProblem(
                f"Port {environment.port} of {environment.host} cannot be used ({problem.strerror}): "
                "set SIGMAWEB_PORT or SIGMAWEB_HOST to another."
            ) from problem


def check_data_folder(data: Path) -> None:
    """Raises EnvironmentProblem unless files can be written into the data folder."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            pass
        (data / "evidence").mkdir(exist_ok=True)
    except OSError as problem:
        raise EnvironmentProblem(
            f"The data folder {data} cannot be written ({problem.strerror}): "
            "set SIGMAWEB_DATA to a folder that this user may write."
        ) from problem


def lock_data_folder(data: Path) -> TextIOWrapper:
    """An open file whose lock says that this folder is in use; raises EnvironmentProblem when another `up` has it."""
    file = (data / "up.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        file.close()
        raise EnvironmentProblem(
            f"Sigmaweb already runs on the data folder {data}: stop it, or set SIGMAWEB_DATA to another folder."
        ) from problem
    return file


def prepare_database() -> None:
    """Bring the tables up to date; raises EnvironmentProblem when the database cannot be reached."""
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as problem:
        first_line = str(problem).strip().partition("\n")[0]
        raise EnvironmentProblem(
            f"The database ({connection.vendor}) does not answer: {first_line}"
        ) from problem
    sync_shipped_models()


def prepare_static_files() -> None:
    """Collect scripts and styles under the names that pages use; needs the bundle that `make` builds."""
    call_command("collectstatic", interactive=False, verbosity=0)


def first_admin() -> User:
    """The administrator whom the sign-in link is for. A new database gets one, without a password."""
    admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if admin is None:
        admin = User.objects.create_superuser(FIRST_USER, password=None)
    return admin


def load_starter_once() -> None:
    """Rules, model and the sample case for a new database; what was deleted later does not come back."""
    # Until the first start was finished no link was ever made, so a start that was cut short is made good.
    if not SignInLink.objects.exists():
        call_command("load_starter", verbosity=1)


def sign_in_path(admin: User) -> str:
    """The path of a fresh one-time link that leads to the hits of the oldest finished scan."""
    return reverse("sign_in_link", args=[issue_link(admin, _first_page())])


def _first_page() -> str:
    scan = Scan.objects.exclude(finished_at=None).order_by("pk").first()
    if scan is None:
        return reverse("cases:list")
    return reverse("cases:hits", args=[scan.case_id]) + f"?scan={scan.pk}"
