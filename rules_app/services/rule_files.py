"""Rule files as people hand them in: single YAML files, folders, and zip archives of folders.

Everything here is hostile until it is a text: names are display text and never a place on our disk, sizes
are counted while reading and not believed.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

MAX_FILE_BYTES = 1024 * 1024  # the engine reads no longer text; SigmaHQ's longest rule has 120 kB
MAX_ARCHIVE_MEMBERS = 50_000  # SigmaHQ with its tests and tools has about 8,000
MAX_ARCHIVE_BYTES = 256 * 1024 * 1024  # unpacked; SigmaHQ's rules have 12 MB
MAX_PATH_CHARACTERS = 1000
SUFFIXES = (".yml", ".yaml")


class FileRefused(Exception):
    """A file that can't become rules. `sentence` says what is wrong with it, and what to do."""

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(f"{path}: {sentence}")
        self.path, self.sentence = path, sentence


@dataclass(frozen=True)
class FoundFile:
    """One file of an upload. `refused` is the sentence for one that was not read, "" for others."""

    path: str
    content: bytes = b""
    refused: str = ""


def display_path(name: str) -> str:
    """A name from outside as a path to show: forward slashes, no way up, no control characters."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    kept = "/".join(part for part in parts if part not in ("/", ".", ".."))
    return "".join(character if character.isprintable() else "\ufffd" for character in kept)


def decode_rule_file(path: str, content: bytes) -> str:
    """The text of a rule file. Raises FileRefused for what is no text or too long."""
    if len(content) > MAX_FILE_BYTES:
        raise FileRefused(
            path, f"The file has more than {MAX_FILE_BYTES // 1024} KiB; rules are far shorter."
        )
    if len(path) > MAX_PATH_CHARACTERS:
        raise FileRefused(path[:80], f"The path is longer than {MAX_PATH_CHARACTERS} characters.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} is 0x{content[error.start]:02x}"
        raise FileRefused(path, f"The file is not UTF-8 text: {where}. Save it as UTF-8.") from None
    if "\x00" in text:
        raise FileRefused(path, f"The file is not text: byte {content.index(0) + 1} is zero.")
    return text


def read_path(path: Path) -> Iterator[FoundFile]:
    """The YAML files in a folder, searched deep and in order of their paths; of a file, as an upload's."""
    if not path.is_dir():
        yield from read_upload(path.name, path)
        return
    for file in sorted(path.rglob("*")):
        name = display_path(file.relative_to(path).as_posix())
        if file.is_file() and _is_rule_path(name):
            with file.open("rb") as stream:
                yield FoundFile(name, _read_bounded(stream))


def read_upload(name: str, stored: Path) -> Iterator[FoundFile]:
    """The files of one upload: the members of a zip archive, told by its content, or the file itself."""
    if _is_archive(stored):
        yield from _read_archive(display_path(name), stored)
    else:
        with stored.open("rb") as stream:
            yield FoundFile(display_path(name), _read_bounded(stream))


def count_files(stored: Path) -> int:
    """How many files `read_upload` is going to give for an upload at most, for progress in numbers."""
    try:
        with zipfile.ZipFile(stored) as archive:
            return sum(_is_rule_path(display_path(name)) for name in archive.namelist()) or 1
    except zipfile.BadZipFile:
        return 1


def _is_archive(stored: Path) -> bool:
    """Whether a file begins as zip archives do, empty ones too; a YAML text can't."""
    with stored.open("rb") as stream:
        return stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _read_archive(name: str, stored: Path) -> Iterator[FoundFile]:
    """The YAML members of a zip, in the archive's order, within the limits above."""
    try:
        archive = zipfile.ZipFile(stored)
    except zipfile.BadZipFile:
        yield FoundFile(name, refused="The zip archive is damaged or incomplete; nothing was read from it.")
        return
    with archive:
        members = [member for member in archive.infolist() if _is_rule_path(display_path(member.filename))]
        refusal = _refusal_of(archive, members)
        if refusal:
            yield FoundFile(name, refused=refusal)
            return
        left = MAX_ARCHIVE_BYTES
        for member in members:
            found = _read_member(archive, member)
            left -= len(found.content)
            if left < 0:
                yield FoundFile(name, refused=_TOO_LARGE.format(path=found.path))
                return
            yield found


_TOO_LARGE = (
    f"Unpacked, the archive has more than {MAX_ARCHIVE_BYTES >> 20} MiB; reading ended before {{path}}."
)


def _refusal_of(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> str:
    """Why an archive is refused as a whole, or ""."""
    if len(archive.infolist()) > MAX_ARCHIVE_MEMBERS:
        return (
            f"The archive has {len(archive.infolist()):,} members; at most {MAX_ARCHIVE_MEMBERS:,} are read."
        )
    if not members:
        return "The archive holds no .yml or .yaml file."
    if any(member.flag_bits & 0x1 for member in members):
        return "The archive is encrypted. Unpack it and add the files, or a zip without a password."
    return ""


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> FoundFile:
    """One member, read no further than one byte over the limit for a file."""
    path = display_path(member.filename)
    try:
        with archive.open(member) as stream:
            return FoundFile(path, _read_bounded(stream))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        return FoundFile(path, refused=f"This member of the archive can't be unpacked: {error}.")


def _read_bounded(stream: IO[bytes]) -> bytes:
    return stream.read(MAX_FILE_BYTES + 1)


def _is_rule_path(path: str) -> bool:
    """Whether a member is taken for a rule: by its suffix, and nothing out of hidden folders."""
    parts = path.split("/")
    return path.lower().endswith(SUFFIXES) and not any(p.startswith(".") or p == "__MACOSX" for p in parts)
