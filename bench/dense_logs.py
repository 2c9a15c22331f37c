"""Dense logs: one .evtx per channel, as large as asked for, from the chunks of any folder of event logs.

A chunk of an event log stands alone and the file's size says how many there are, so a log of any length is its
chunks, over and over. Chunks that are sound, at least half full and of one channel are taken as they are;
the events of all others are packed anew, by the tests' writer, into full chunks of their channel.

    python -m bench.dense_logs FOLDER [--records 250000] [--evidence FOLDER_OF_LOGS]
"""

from __future__ import annotations

import argparse
import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sigma_engine import EvidenceError, EvidenceFile, Record, event_key, open_evidence
from tests.evtx_writer import build_evtx

PROJECT = Path(__file__).resolve().parent.parent
SHARED = PROJECT.parent / "shared" / "data"
RECORDS = 250_000
FILE_HEADER, CHUNK = 4096, 65536
_END_AT = 48  # in a chunk's header: where its records end
_COUNT_AT = 42  # in the file's header: how many chunks, in 16 bits; readers go by the file's size
_CHECKED, _CHECKSUM_AT = 120, 124  # what the file header's checksum is of, and where it is


@dataclass(slots=True)
class Channel:
    """What one channel's log is made of: chunks as they are, and the events that are packed anew."""

    chunks: list[bytes] = field(default_factory=list)
    records: int = 0
    loose: list[dict[str, Any]] = field(default_factory=list)


def make_dense_logs(folder: Path, records: int = RECORDS, evidence: Path | None = None) -> int:
    """Write the logs into a folder; how many records they hold together, at least `records`.

    Raises ValueError when there is no event log in `evidence` (by default the attack samples beside the project,
    where they are, else the starter's logs).
    """
    channels = _channels(evidence or default_evidence())
    once = sum(channel.records for channel in channels.values())
    if not once:
        raise ValueError(f"There is no event log with an event in {evidence or default_evidence()}.")
    rounds = -(-records // once)
    folder.mkdir(parents=True, exist_ok=True)
    for name, channel in channels.items():
        with (folder / f"{name}.evtx").open("wb") as file:
            file.write(_file_header(rounds * len(channel.chunks)))
            for _ in range(rounds):
                file.writelines(channel.chunks)
    return rounds * once


def default_evidence() -> Path:
    """The folder of logs that benchmarks use when none is given."""
    attacks = SHARED / "evtx-attack-samples"
    return attacks if attacks.is_dir() else PROJECT / "starter" / "evidence"


def logs_in(folder: Path) -> list[EvidenceFile]:
    """The event logs of a folder in the order of their names; files that are no evidence are left out."""
    found = (_opened(path) for path in sorted(folder.rglob("*.evtx")))
    return [log for log in found if log is not None]


def _opened(path: Path) -> EvidenceFile | None:
    try:
        return open_evidence(path)
    except EvidenceError:
        return None


def _channels(evidence: Path) -> dict[str, Channel]:
    """What is there, by a name of the channel that a file may have."""
    channels: dict[str, Channel] = defaultdict(Channel)
    for log in logs_in(evidence):
        for number in range(log.chunk_count):
            read = log.read_chunk(number)
            names = {_name(record) for record in read.records}
            chunk = _bytes(log, number)
            if len(names) == 1 and not read.problems and _is_dense(chunk):
                channel = channels[names.pop()]
                channel.chunks.append(chunk)
                channel.records += len(read.records)
                continue
            for record in read.records:
                channels[_name(record)].loose.append(record.event)
    for channel in channels.values():
        _pack(channel)
    return channels


def _pack(channel: Channel) -> None:
    """Make full chunks of a channel's loose events; those that the writer can't write are left out."""
    written = [event for event in channel.loose if _can_be_written(event)]
    if written:
        channel.chunks += _cut(build_evtx(written)[FILE_HEADER:])
        channel.records += len(written)


def _can_be_written(event: dict[str, Any]) -> bool:
    try:
        build_evtx([event])
    except (ValueError, TypeError, KeyError, AttributeError, struct.error):
        return False
    return True


def _cut(chunks: bytes) -> Iterator[bytes]:
    return (chunks[at : at + CHUNK] for at in range(0, len(chunks), CHUNK))


def _name(record: Record) -> str:
    return re.sub(r"[^\w-]+", "_", event_key(record.event).channel) or "no_channel"


def _bytes(log: EvidenceFile, number: int) -> bytes:
    with log.path.open("rb") as file:
        file.seek(FILE_HEADER + number * CHUNK)
        return file.read(CHUNK)


def _is_dense(chunk: bytes) -> bool:
    return len(chunk) == CHUNK and struct.unpack_from("<I", chunk, _END_AT)[0] >= CHUNK // 2


def _file_header(chunk_count: int) -> bytes:
    header = bytearray(build_evtx([])[:FILE_HEADER])
    struct.pack_into("<H", header, _COUNT_AT, chunk_count & 0xFFFF)
    struct.pack_into("<I", header, _CHECKSUM_AT, zlib.crc32(header[:_CHECKED]))
    return bytes(header)


def main() -> None:
    """The command line: make the logs and say what they are."""
    parser = argparse.ArgumentParser(description="Dense event logs, one per channel.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--evidence", type=Path, help="a folder of event logs to make them from")
    arguments = parser.parse_args()
    count = make_dense_logs(arguments.folder, arguments.records, arguments.evidence)
    size = sum(path.stat().st_size for path in arguments.folder.glob("*.evtx"))
    print(f"{count:,} records, {size / 1e6:,.0f} MB in {arguments.folder}")


if __name__ == "__main__":
    main()
