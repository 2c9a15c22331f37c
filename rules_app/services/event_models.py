"""Writing event models: save, copy, take over the shipped ones; and keeping `Rule.served` right."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from rules_app.models import EventModel, EventModelVersion, Rule
from rules_app.selection import load_default_model
from rules_app.services.derive import is_served
from rules_app.services.versions import EditConflict, text_sha256
from sigma_engine import parse_model, shipped_models

DEFAULT_MODEL = "Windows event logs"
ROWS_A_WRITE = 500


class NameTaken(Exception):
    """Another event model has this name."""


def create_model(name: str, text: str, user: User | None, comment: str = "") -> EventModel:
    """A new model of the workspace with its first version. Raises NameTaken; a broken text is kept."""
    try:
        with transaction.atomic():
            event_model = EventModel.objects.create(name=name.strip())
            _add_version(event_model, 1, text, user, comment)
    except IntegrityError:
        raise NameTaken(name) from None
    return event_model


def copy_model(event_model: EventModel, user: User | None) -> EventModel:
    """A model of the workspace that begins with the text of another one; its name says so."""
    version = event_model.versions.first()
    comment = f"Copied from {event_model.name}, version {version.number}"
    for name in _copy_names(event_model.name):
        try:
            return create_model(name, version.text, user, comment)
        except NameTaken:
            continue
    raise AssertionError("the names never end")


def save_model(
    event_model: EventModel, text: str, base_version_number: int, user: User | None, comment: str = ""
) -> EventModelVersion:
    """Save a text as the model's next version and return it; the current one when nothing changed.

    Raises EditConflict, with nothing written, when the current version is not the one that the edit began
    with, and ValueError for a shipped model. The rules that the default model serves are found anew.
    """
    if event_model.shipped:
        raise ValueError(f"{event_model.name} is shipped and read-only")
    with transaction.atomic():
        locked = EventModel.objects.select_for_update().get(pk=event_model.pk)
        current = locked.versions.first()
        if current.sha256 == text_sha256(text):
            return current
        if current.number != base_version_number:
            raise EditConflict(current)
        version = _add_version(locked, current.number + 1, text, user, comment)
    if locked.is_default:
        refresh_served()
    return version


def make_default(event_model: EventModel) -> None:
    """Let the library speak of this model, and find anew which rules are served."""
    with transaction.atomic():
        EventModel.objects.filter(is_default=True).update(is_default=False)
        EventModel.objects.filter(pk=event_model.pk).update(is_default=True)
    refresh_served()


def sync_shipped_models() -> list[str]:
    """Bring the models that the engine ships into the database; the names of those that changed.

    A shipped model whose text is new gets a version, so that finished scans keep the one they ran with.
    """
    changed = [name for name, path in shipped_models().items() if _sync(name, path.read_text("utf-8"))]
    if not EventModel.objects.filter(is_default=True).exists():
        EventModel.objects.filter(name=DEFAULT_MODEL, shipped=True).update(is_default=True)
    if changed:
        refresh_served()
    return changed


def refresh_served() -> int:
    """Ask the default model anew for each rule whether it has events for it; the number that changed."""
    model = load_default_model()
    served: dict[tuple[str, str, str], bool] = {}
    now: dict[bool, list[int]] = {True: [], False: []}
    for pk, was, *logsource in Rule.objects.values_list("pk", "served", "category", "product", "service"):
        key = tuple(logsource)
        if key not in served:
            served[key] = is_served(model, key)
        if served[key] != was:
            now[served[key]].append(pk)
    for value, pks in now.items():
        for start in range(0, len(pks), ROWS_A_WRITE):
            Rule.objects.filter(pk__in=pks[start : start + ROWS_A_WRITE]).update(served=value)
    return len(now[True]) + len(now[False])


def _copy_names(name: str) -> Iterator[str]:
    yield f"{name[:180]}, copy"
    for number in count(2):
        yield f"{name[:180]}, copy {number}"


def _sync(name: str, text: str) -> bool:
    """Bring one shipped model up to its text; whether there was anything to do."""
    with transaction.atomic():
        event_model, _ = EventModel.objects.select_for_update().get_or_create(name=name, shipped=True)
        current = event_model.versions.first()
        if current is not None and current.sha256 == text_sha256(text):
            return False
        _add_version(event_model, current.number + 1 if current else 1, text, None, "Shipped")
    return True


def _add_version(
    event_model: EventModel, number: int, text: str, user: User | None, comment: str
) -> EventModelVersion:
    """Write a version and make it the model's current one."""
    version = EventModelVersion.objects.create(
        model=event_model,
        number=number,
        text=text,
        sha256=text_sha256(text),
        findings=model_findings(text),
        author=user,
        comment=comment,
        created_at=timezone.now(),
    )
    event_model.current = version
    event_model.save()
    return version


def model_findings(text: str) -> list[dict[str, Any]]:
    """The findings of a model's text as plain data, in the order of their places."""
    _, findings = parse_model(text)
    return [f.to_dict() for f in sorted(findings, key=lambda finding: (finding.line, finding.column))]
