"""Build the event logs of the sample case "First steps": `python -m starter.build_evidence [FOLDER]`.

The same story gives the same bytes, so the built files are committed and this is needed only when the story
changes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starter.story.forms import Record
from starter.story.logs import LOGS
from tests.evtx_writer import Damage, Typed, broken_record, build_evtx, stale_chunk_header, truncated

FOLDER = Path(__file__).parent / "evidence"
FIRST_ID = 20_481
DAMAGE = (broken_record(chunk=0, position=5), stale_chunk_header(chunk=1, records=60), truncated(-9000))


def to_event(record: Record, record_id: int) -> dict[str, Any]:
    """A record of the story in the shape that the writer of event logs takes."""
    form = record.form
    system = {
        "Provider": {"Name": form.provider, "Guid": f"{{{form.guid}}}"},
        "EventID": {"Value": form.event_id},
        "Version": form.version,
        "Level": form.level,
        "Task": form.task,
        "Opcode": form.opcode,
        "Keywords": form.keywords,
        "TimeCreated": {"SystemTime": record.time.timestamp()},
        "EventRecordID": record_id,
        "Execution": {"ProcessID": record.process_id, "ThreadID": record.thread_id},
        "Channel": form.channel,
        "Computer": record.computer,
        "Security": {"UserID": record.user_sid},
    }
    data = {
        name: Typed(kind, str(value) if kind == "guid" else value)
        for (name, kind), value in zip(form.fields.items(), record.values, strict=True)
    }
    return (
        {"System": system, "UserData": {form.user_data: data}}
        if form.user_data
        else {"System": system, "EventData": data}
    )


def build(records: Sequence[Record], damage: Sequence[Damage] = ()) -> bytes:
    """The bytes of one log. Record ids begin late: these computers have run for a while."""
    return build_evtx([to_event(record, FIRST_ID + count) for count, record in enumerate(records)], damage)


def main(arguments: list[str]) -> None:
    """Write every log into FOLDER, or into the folder of this package."""
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for log in LOGS:
        (folder / log.file_name).write_bytes(build(log.records(), DAMAGE if log.damaged else ()))


if __name__ == "__main__":
    main(sys.argv[1:])
