"""Intake: an upload becomes evidence, or a sentence that says why not.

The bytes go to disk once, hashed in passing; only then is it decided what they are, by their content. A row
and its file appear together: the rename happens inside the transaction that writes the row.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

import sigma_engine
from scans_app.models import Case, CaseAct, Evidence
from scans_app.services import doorbell, storage, zip_members
from scans_app.services.case_acts import record
from scans_app.services.storage import Readable, StorageRefused, StoredBytes, place_aside, write_aside

NAME_KEPT = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not taken, and why, in a sentence that says what to do."""

    name: str
    sentence: str


@dataclass(slots=True)
class Intake:
    """What became of one upload: a zip may give many of both."""

    stored: list[Evidence] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def receive(case: Case, user: AbstractBaseUser, name: str, stream: Readable) -> Intake:
    """Store one uploaded file as evidence of the case (each member of a zip is evidence of its own).

    `stream` is anything with `read(size)`; it is read once, to disk, never into memory. `name` is display
    text. Never raises for what a user can do wrong: see `Intake.refused`. The catalogue follows by itself.
    """
    intake = Intake()
    name = display_name(name)
    with place_aside() as path:
        try:
            upload = write_aside(stream, path)
        except StorageRefused as refusal:
            intake.refused.append(Refusal(name, str(refusal)))
            return intake
        if zip_members.is_zip(path):
            _receive_members(case, user, name, path, intake)
        else:
            _receive_file(case, user, name, upload, intake)
    return intake


def display_name(name: str) -> str:
    """The name of an upload as it is shown: without control characters, and no longer than its column.

    Nothing is ever opened by it, so that `../` in it is only odd.
    """
    shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in name.strip()) or "unnamed"
    return shown if len(shown) <= NAME_KEPT else shown[: NAME_KEPT - 1] + "…"


def _receive_members(case: Case, user: AbstractBaseUser, name: str, path: Path, intake: Intake) -> None:
    """Each member of the zip in turn. The archive itself is not kept."""
    try:
        for member in zip_members.members(path):
            shown = display_name(f"{name}/{member.name}")
            try:
                with place_aside() as aside, member.open() as stream:
                    upload = write_aside(stream, aside, limit=member.limit)
                    _receive_file(case, user, shown, upload, intake)
            except (zip_members.ZipRefused, StorageRefused) as refusal:
                intake.refused.append(Refusal(shown, str(refusal)))
    except zip_members.ZipRefused as refusal:
        intake.refused.append(Refusal(name, str(refusal)))


def _receive_file(case: Case, user: AbstractBaseUser, name: str, upload: StoredBytes, intake: Intake) -> None:
    """What is neither a zip nor in the case already becomes evidence, by what it holds."""
    try:
        if twin := _twin(case, upload):
            raise StorageRefused(twin)
        with place_aside() as aside:
            file = sigma_engine.open_evidence(upload.path)
            if not file.chunk_count:
                raise StorageRefused("This event log ends after its header: it holds no events.")
            # JSON of another layout is kept as lines, so that no scan has to rewrite it again.
            stored = upload if file.size == upload.size else _rewrite(upload, aside)
            intake.stored.append(_store(case, user, name, upload, stored, file))
    except sigma_engine.EvidenceError as problem:
        intake.refused.append(Refusal(name, f"{problem.message} {problem.hint}".strip()))
    except StorageRefused as refusal:
        intake.refused.append(Refusal(name, str(refusal)))
    except IntegrityError:
        # The same bytes came in twice at the same time: the other upload was first.
        sentence = _twin(case, upload) or "The same bytes are in this case already."
        intake.refused.append(Refusal(name, sentence))


def _rewrite(upload: StoredBytes, target: Path) -> StoredBytes:
    sigma_engine.rewrite_json(upload.path, target)
    return storage.finish(target)


@transaction.atomic
def _store(
    case: Case,
    user: AbstractBaseUser,
    name: str,
    upload: StoredBytes,
    stored: StoredBytes,
    file: sigma_engine.EvidenceFile,
) -> Evidence:
    evidence = Evidence.objects.create(
        case=case,
        name=name,
        stored_name=f"{uuid.uuid4().hex}.{file.kind}",
        kind=file.kind,
        size=stored.size,
        sha256=upload.sha256,
        stored_sha256=stored.sha256,
        stored_mtime_ns=stored.path.stat().st_mtime_ns,
        chunk_count=file.chunk_count,
        chunk_size=file.chunk_size,
        uploaded_by=user,
    )
    storage.keep(stored.path, evidence.stored_name)
    record(case, user, CaseAct.Kind.EVIDENCE, name=name, evidence=evidence.pk, size=stored.size)
    doorbell.ring_on_commit()
    return evidence


def _twin(case: Case, upload: StoredBytes) -> str:
    """The sentence that names the evidence with the same bytes, "" when there is none."""
    twins = Evidence.objects.of_case(case).exclude(state=Evidence.State.REFUSED)
    twin = twins.filter(sha256=upload.sha256).select_related("uploaded_by").first()
    if twin is None:
        return ""
    by = f" by {twin.uploaded_by.get_username()}" if twin.uploaded_by else ""
    added = f"{twin.created_at:%-d %b %Y %H:%M} UTC"
    return f"The same bytes as {twin.name}, added {added}{by}. Nothing was stored."
