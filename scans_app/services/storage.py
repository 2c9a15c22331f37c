"""Files on disk: named by us, written aside, synced, renamed into place, read-only from then on.

Uploads grow in `incoming`; only a finished file gets into the evidence folder, by a rename. A process that is
killed leaves a file behind that no row names: `sweep` removes those.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.conf import settings

from scans_app.models import Evidence
from sigma_engine import EvidenceError

READ_BYTES = 1024 * 1024
MAX_EVIDENCE_BYTES = 20 * 1024**3  # real logs of 6 to 8 GB exist
FREE_SHARE_KEPT = 0.05  # of the disk: the database must be able to go on when uploads no longer may
LEFTOVER_SECONDS = 3600  # an upload that has not grown for so long is a dead one's

logger = logging.getLogger(__name__)


class Readable(Protocol):
    """What an upload is: a file, a request, a member of a zip."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, b"" at the end."""
        ...


class StorageRefused(Exception):
    """The bytes can't be kept; the text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """A file that was written aside, with the SHA-256 of its bytes."""

    path: Path
    size: int
    sha256: str


def incoming_folder() -> Path:
    """Where uploads grow. On the disk of the evidence folder, so that a rename moves no bytes."""
    return Path(settings.EVIDENCE_DIR) / "incoming"


@contextmanager
def place_aside() -> Iterator[Path]:
    """A new path in the incoming folder; whatever lies there at the end of the block is removed."""
    folder = incoming_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}.part"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def write_aside(stream: Readable, path: Path, *, limit: int = MAX_EVIDENCE_BYTES) -> StoredBytes:
    """Stream to `path`, hashing in passing, and sync it to disk.

    Raises StorageRefused, with nothing left behind, over `limit` bytes or when the disk has no room.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("xb") as file:
            while block := stream.read(READ_BYTES):
                size += len(block)
                if size > limit:
                    raise StorageRefused(f"It has over {limit:,} bytes, the most that one file may have.")
                check_room(len(block))
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    except OSError as problem:
        path.unlink(missing_ok=True)
        raise StorageRefused(f"It could not be written to the disk: {problem.strerror}.") from problem
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return StoredBytes(path, size, digest.hexdigest())


def finish(path: Path) -> StoredBytes:
    """A file that something else wrote aside, synced to disk and hashed."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return StoredBytes(path, path.stat().st_size, hash_file(path))


def hash_file(path: Path) -> str:
    """The SHA-256 of a file, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def why_unreadable(problem: OSError | EvidenceError) -> str:
    """Why a stored file could not be read, for people: without its path, which is ours."""
    return (problem.strerror or type(problem).__name__) if isinstance(problem, OSError) else str(problem)


def check_room(size: int) -> None:
    """Raise StorageRefused when `size` more bytes would leave less than FREE_SHARE_KEPT of the disk."""
    disk = shutil.disk_usage(incoming_folder())
    if disk.free - size < disk.total * FREE_SHARE_KEPT:
        raise StorageRefused(
            f"The disk is full: {disk.free:,} bytes are free, and {FREE_SHARE_KEPT:.0%} of it stay reserved."
        )


def keep(path: Path, stored_name: str) -> Path:
    """Move a finished file into the evidence folder, read-only, surviving a power cut from here on."""
    path.chmod(0o440)
    target = Evidence.folder() / stored_name
    path.rename(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return target


def is_unchanged(evidence: Evidence) -> bool:
    """Whether the file on disk still holds the bytes that were taken in.

    It is hashed again only when its size or time says that somebody touched it: 20 GB take half a minute.
    """
    try:
        stat = evidence.path.stat()
        if (stat.st_size, stat.st_mtime_ns) == (evidence.size, evidence.stored_mtime_ns):
            return True
        return stat.st_size == evidence.size and hash_file(evidence.path) == evidence.stored_sha256
    except OSError:
        return False


def sweep(older_than: float = LEFTOVER_SECONDS) -> list[Path]:
    """Remove what no row names and nobody has written to for `older_than` seconds; the paths removed."""
    removed = []
    before = time.time() - older_than
    for path in _unnamed_files():
        try:
            stat = path.stat()
            # The change time as well: a file moved here a moment ago may wait for its row's commit.
            if max(stat.st_mtime, stat.st_ctime) < before:
                path.unlink()
                removed.append(path)
                logger.warning("removed %s, %d bytes that nothing names", path.name, stat.st_size)
        except FileNotFoundError:
            continue  # another sweep, or the upload itself, was first
    return removed


def _unnamed_files() -> Iterator[Path]:
    folder = Evidence.folder()
    if incoming_folder().is_dir():
        yield from incoming_folder().iterdir()
    if folder.is_dir():
        named = set(Evidence.objects.values_list("stored_name", flat=True))
        yield from (path for path in folder.iterdir() if path.is_file() and path.name not in named)
