"""Build the event logs of the sample case "First steps": `python -m starter.build_evidence [FOLDER]`.

The same story gives the same bytes, so the built files are committed and this is needed only when the story
changes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from starter.story.forms import Record
from starter.story.logs import Log, all_logs
from tests.evtx_writer import Typed, broken_record, build_evtx, lost_record_magic, truncated

FOLDER = Path(__file__).parent / "evidence"
DAMAGE = (broken_record(chunk=0, position=5), lost_record_magic(chunk=1, position=90), truncated(-9000))


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


def build(log: Log) -> bytes:
    """The bytes of one log of the case. Record ids begin late: these computers have run for a while."""
    first_id = 20_000 + 137 * len(log.file_name)
    events = (to_event(record, first_id + count) for count, record in enumerate(log.records))
    return build_evtx(events, DAMAGE if log.damaged else ())


def main(arguments: list[str]) -> None:
    """Write every log into FOLDER, or into the folder of this package."""
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for log in all_logs():
        (folder / log.file_name).write_bytes(build(log))


if __name__ == "__main__":
    main(sys.argv[1:])
