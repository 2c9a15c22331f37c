"""A writer of Windows event logs (.evtx), for tests and for the sample case.

    from tests.evtx_writer import Typed, write_evtx

    write_evtx(path, [
        {
            "System": {
                "Provider": {"Name": "Example-Sensor", "Guid": "5D1E1A44-5B0C-4D0E-9F53-6F1F3F0F1A2B"},
                "EventID": {"Value": 1},
                "Channel": "Example-Sensor/Operational",
                "Computer": "WS-01.example.org",
                "TimeCreated": {"SystemTime": 1700000000.123456},
                "Execution": {"ProcessID": 4, "ThreadID": 8},
                "Security": {"UserID": "S-1-5-18"},
            },
            "EventData": {"Image": "C:\\\\Windows\\\\notepad.exe", "LogonId": Typed("hex64", 0x3E7)},
        },
    ])

Events have the shape in which `sigma_engine` reads them back: what is written is what is read.
`EventRecordID` counts on from the event before when it is left out (from 1 for the first). A value's type
in the file follows its Python type (str string, bool, int the smallest of uint32, uint64, int32 and int64
that holds it, float double, None null, bytes binary, datetime filetime, list of str an array of strings);
`Typed(kind, value)` picks any other. `EventData.Data` is the list of unnamed values; `UserData` is
`{event name: {name: value or deeper dict}}`.

A log is a file header, then chunks of 64 KiB with string table, template table and right checksums.
Records are BinXML as Windows writes it: an outer template for `Event` and `System`, and a nested one for
the data.

Damage is done on demand, in the order given, to the bytes of the finished file:

    write_evtx(path, events, damage=[bad_data_crc(chunk=1), broken_record(chunk=0, position=3)])

`build_evtx(events, damage=..)` gives the bytes instead of a file; `per_chunk=3` of either starts a new
chunk after every three records. Both raise ValueError for an event that cannot be written (larger than a
chunk, a value of no known type).
"""

from tests.evtx_writer.damage import (
    Damage,
    bad_data_crc,
    bad_file_crc,
    bad_file_magic,
    bad_header_crc,
    bad_magic,
    bad_template,
    broken_record,
    bytes_at,
    dirty,
    empty_end,
    lost_record_magic,
    sealed,
    stale_chunk_header,
    truncated,
    wrong_chunk_count,
    zeroed_chunk,
)
from tests.evtx_writer.values import Typed
from tests.evtx_writer.writer import build_evtx, write_evtx

__all__ = [
    "Damage",
    "Typed",
    "bad_data_crc",
    "bad_file_crc",
    "bad_file_magic",
    "bad_header_crc",
    "bad_magic",
    "bad_template",
    "broken_record",
    "build_evtx",
    "bytes_at",
    "dirty",
    "empty_end",
    "lost_record_magic",
    "sealed",
    "stale_chunk_header",
    "truncated",
    "write_evtx",
    "wrong_chunk_count",
    "zeroed_chunk",
]
