"""The house as a Django app: it owns sign-in links and the `up` command."""

from django.apps import AppConfig


class HouseConfig(AppConfig):
    name = "sigmaweb"
    verbose_name = "Sigmaweb"
