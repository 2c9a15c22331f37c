"""`manage.py sign_in_link NAME`: a link that signs somebody in once; it also makes new users."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from sigmaweb.models import issue_link
from sigmaweb.services_of_up import browser_address


class Command(BaseCommand):
    """Prints the link and nothing else."""

    help = "Print a one-time sign-in link for a user; --new makes the user first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """NAME, and whether the user is new, and an administrator."""
        parser.add_argument("name")
        parser.add_argument("--new", action="store_true", help="make this user, without a password")
        parser.add_argument(
            "--admin", action="store_true", help="with --new: an administrator, who sees all cases"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when the user is missing, or is not new."""
        name, found = options["name"], User.objects.filter(username=options["name"]).first()
        if options["new"] == (found is not None):
            raise CommandError(
                f"There is a user {name} already." if found else f"There is no user {name}: --new makes one."
            )
        user = found or User.objects.create_user(
            name, is_superuser=options["admin"], is_staff=options["admin"]
        )
        path = reverse("sign_in_link", args=[issue_link(user, reverse("home"))])
        self.stdout.write(browser_address(settings.ENVIRONMENT) + path)
