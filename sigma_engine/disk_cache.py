"""The cache on disk: what takes long to make of texts, pickled under a name that says all that it was made of.

A pickle is code. So nothing is read but files of this user that nobody else may write, in a folder of which the same is
true. Files that were not used for long go when there are too many.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import pickle
import stat
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from sigma_engine.collection import collection_paused

MOST_FILES: Final = 64
MOST_BYTES: Final = 1024**3
_ENDING: Final = ".set"
_HALF_WRITTEN: Final = ".part"

Kept = TypeVar("Kept")


def cache_folder() -> Path:
    """Where things are kept: `SIGMAWEB_CACHE`, else `sigmaweb` in the user's cache folder."""
    chosen = os.environ.get("SIGMAWEB_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sigmaweb"


@cache
def code_digest() -> bytes:
    """Names the engine's own code, the models that ship with it and the Python that runs it, for use in names: what
    other code has pickled is not loaded, whatever its version says (SHA-256)."""
    digest = hashlib.sha256(sys.version.encode())
    folder = Path(__file__).parent
    for path in sorted((*folder.rglob("*.py"), *folder.rglob("*.yaml"))):
        digest.update(path.read_bytes())
    return digest.digest()


def load(name: str, kind: type[Kept]) -> Kept | None:
    """What is kept under a name, if it is of that kind; else None. Marks it as used."""
    try:
        with _opened(cache_folder() / f"{name}{_ENDING}") as stream, collection_paused():
            found = pickle.load(stream)  # noqa: S301 - see above
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError):
        return None
    return found if isinstance(found, kind) else None


def store(name: str, value: Any) -> None:
    """Keeps a value under a name, whole or not at all. A cache that cannot be written is no fault."""
    folder = cache_folder()
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=folder, suffix=_HALF_WRITTEN)
        try:
            with os.fdopen(handle, "wb") as stream:
                pickle.dump(value, stream, protocol=pickle.HIGHEST_PROTOCOL)
            Path(part).replace(folder / f"{name}{_ENDING}")
        except OSError:
            Path(part).unlink()
            raise
        _drop_oldest(folder)


def _opened(path: Path) -> IO[bytes]:
    """A file for reading that only this user may write. Raises OSError."""
    # A link could lead to a file of ours that somebody else has filled.
    stream = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")
    if _is_ours(path.parent.stat()) and _is_ours(os.fstat(stream.fileno())):
        os.utime(stream.fileno())
        return stream
    stream.close()
    raise PermissionError(errno.EPERM, "others may write it", str(path))


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _drop_oldest(folder: Path) -> None:
    """Removes what is beyond the bounds, the longest unused first; what a killed process left half written, too."""
    found = []
    for path in folder.iterdir():
        if path.suffix in (_ENDING, _HALF_WRITTEN):
            with contextlib.suppress(OSError):  # another process drops them too
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
    size = 0
    for number, (_, bytes_, path) in enumerate(sorted(found, reverse=True)):
        size += bytes_
        if number and (number >= MOST_FILES or size > MOST_BYTES):
            path.unlink(missing_ok=True)
