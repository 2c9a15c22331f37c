"""What a file is, by its first bytes, and the sentence for one that is no evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from sigma_engine.evidence import EvidenceError

EVTX_MAGIC: Final = b"ElfFile\0"
CHUNK_MAGIC: Final = b"ElfChnk\0"
FILE_HEADER_SIZE: Final = 4096
BYTE_ORDER_MARKS: Final = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}

_UNPACK: Final = "Unpack it and add the .evtx file inside."
_OTHERS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"PK", "zip archive", _UNPACK),
    (b"\x1f\x8b", "gzip archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive", _UNPACK),
    (b"Rar!", "RAR archive", _UNPACK),
    (b"\xfd7zXZ\0", "xz archive", _UNPACK),
    (b"BZh", "bzip2 archive", _UNPACK),
    (b"MZ", "Windows program", "Add the logs of the machine, not the program."),
    (b"regf", "registry hive", "Sigma rules read event logs: add the .evtx files of the same machine."),
    (b"%PDF", "PDF document", "Add the log itself."),
    (b"<", "XML or HTML document", "Save the log as .evtx, or as JSON lines with evtx_dump."),
)


def kind_of(path: Path) -> Literal["evtx", "json", ""]:
    """`evtx`, `json`, or "" for anything else. A log whose header is damaged is known by its first chunk."""
    with path.open("rb") as file:
        head = file.read(4096)
        if head.startswith(EVTX_MAGIC):
            return "evtx"
        if text_of(head).lstrip()[:1] in ("{", "["):
            return "json"
        return "evtx" if len(head) == FILE_HEADER_SIZE and file.read(8) == CHUNK_MAGIC else ""


def encoding_of(head: bytes) -> tuple[str, int]:
    """The encoding of a text file by its byte order mark, and the length of that mark; UTF-8 without one."""
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return encoding, len(mark)
    return "utf-8", 0


def text_of(head: bytes) -> str:
    """The first bytes of a file as text, with what cannot be decoded replaced."""
    encoding, skip = encoding_of(head)
    return head[skip:].decode(encoding, errors="replace")


def refuse(path: Path, size: int) -> EvidenceError:
    """The error that says what a file is instead of evidence, and what to do."""
    if size == 0:
        return EvidenceError("empty", "This file is empty: it has 0 bytes.", "Copy it again from its source.")
    with path.open("rb") as file:
        head = file.read(64)
    if head[4:8] == b"LfLe":
        return EvidenceError(
            "old_evt",
            "This is an .evt log of Windows XP or Server 2003, not an .evtx log.",
            "Open it in the Event Viewer of a newer Windows and save it as .evtx.",
        )
    for magic, name, hint in _OTHERS:
        if head.startswith(magic):
            shown = magic.decode("ascii", errors="replace").strip("\0")
            told = f"it starts with `{shown}`, " if shown.isprintable() and "�" not in shown else ""
            article = "an" if name[0] in "aeioXx" else "a"
            return EvidenceError(
                "not_evidence",
                f"This is {article} {name}, not an event log: {told}an .evtx file starts with `ElfFile`.",
                hint,
            )
    return EvidenceError(
        "not_evidence",
        "This is not an event log: an .evtx file starts with `ElfFile`, JSON evidence with `{` or `[`.",
        "Add .evtx files, or events as JSON lines.",
    )
