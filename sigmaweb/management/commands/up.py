"""`manage.py up`: the whole of Sigmaweb in one terminal."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sigmaweb import preparation
from sigmaweb.embedded_redis import START_SECONDS as REDIS_SECONDS
from sigmaweb.embedded_redis import redis_answers
from sigmaweb.environment import Environment, EnvironmentProblem
from sigmaweb.services_of_up import beat_service, browser_address, redis_service, web_service, worker_service
from sigmaweb.supervisor import Ended, Printer, Supervisor

READY_SECONDS = 60


class Command(BaseCommand):
    """Checks, prepares, starts and supervises; ends with the sign-in link when everything is ready."""

    help = "Run web, worker, beat and Redis, and print a one-time sign-in link."
    requires_system_checks = ()  # the first answer to a busy port should not take a second

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 0 after Ctrl-C or SIGTERM, 1 with one sentence when it cannot start."""
        environment: Environment = settings.ENVIRONMENT
        try:
            preparation.check_port(environment)
            preparation.check_data_folder(environment.data)
            with preparation.lock_data_folder(environment.data):
                self._run(environment)
        except EnvironmentProblem as problem:
            raise CommandError(str(problem)) from problem

    def _run(self, environment: Environment) -> None:
        say = Printer()
        supervisor = Supervisor(say)
        supervisor.stop_on_signals()
        try:
            self._start(environment, supervisor, say)
            supervisor.run()
        except Ended:
            pass  # what was asked for
        finally:
            say("up", "ending")
            supervisor.stop()

    def _start(self, environment: Environment, supervisor: Supervisor, say: Printer) -> None:
        say("up", f"data in {environment.data}, {environment.workers} workers, process {os.getpid()}")
        if environment.redis_embedded:
            supervisor.start(redis_service(environment))
        preparation.prepare_database()
        preparation.prepare_static_files()
        if not supervisor.wait_until(lambda: redis_answers(environment), REDIS_SECONDS):
            raise EnvironmentProblem(
                "Redis does not answer: look at its lines above, or set REDIS_URL to one that runs."
            )
        admin = preparation.first_admin()
        preparation.load_starter_once()
        for service in (web_service(environment), worker_service(environment), beat_service()):
            supervisor.start(service)
        address = browser_address(environment)
        if not supervisor.wait_until(lambda: _is_up(address), READY_SECONDS):
            raise EnvironmentProblem(
                f"Not everything came up within {READY_SECONDS} s: the lines above say what did not."
            )
        say("up", "ready; Ctrl-C ends it. This link signs you in once, within the hour:")
        say("", address + preparation.sign_in_path(admin))


def _is_up(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=3) as answer:  # noqa: S310  (our own address)
            return bool(json.load(answer)["status"] == "up")
    except (OSError, urllib.error.URLError, ValueError):
        return False
