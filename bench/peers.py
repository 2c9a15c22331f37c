"""Us beside the other programs that are installed, on the same events and rules: times, memory, and whether the hits
are the same.

rsigma (cargo install rsigma) reads flat JSON and knows no log sources of Windows: it is given the Sysmon events, made
flat beforehand, and the rules of the categories that Sysmon serves, and we the same events as .evtx. Hayabusa,
Chainsaw and Zircolite are timed over the same folder when they are on the PATH, Hayabusa with the rules of its own
dialect; each reads events in another way, so their hits are not compared here (docs/conformance.md does).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from bench.commands import Run, our_scan, run
from bench.dense_logs import logs_in
from bench.inputs import arguments, chunks, evidence_folder, print_load, rules_folder
from sigma_engine import parse_rules

SYSMON = "Microsoft-Windows-Sysmon/Operational"
# Sysmon's events by category, as `rsigma` would have them from a pipeline: the event id is added to each rule.
CATEGORIES = {
    "process_creation": [1], "file_change": [2], "network_connection": [3], "process_termination": [5],
    "driver_load": [6], "image_load": [7], "create_remote_thread": [8], "raw_access_thread": [9],
    "process_access": [10], "file_event": [11], "registry_add": [12], "registry_delete": [12], "registry_set": [13],
    "create_stream_hash": [15], "pipe_created": [17, 18], "dns_query": [22], "file_delete": [23, 26],
}  # fmt: skip
MAPPING = "mappings/sigma-event-logs-all.yml"
# By their manuals: Hayabusa 4 (its own rules and their configuration lie beside it), Chainsaw 2, Zircolite 3.
OTHERS = {
    "hayabusa": ["dfir-timeline", "-w", "-q", "-Q", "-C", "-t", "jsonl", "-d", "{evidence}", "-o", "{out}/hayabusa"],
    "chainsaw": [
        *("--no-banner", "hunt", "{evidence}", "-s", "{rules}", "--mapping", "{beside}/" + MAPPING),
        *("--skip-errors", "--json", "-o", "{out}/chainsaw"),
    ],
    "zircolite": [
        *("--evtx", "{evidence}", "--ruleset", "{rules}", "-p", "sysmon", "-p", "windows-logsources"),
        *("--nolog", "-q", "-o", "{out}/zircolite"),
    ],
}  # fmt: skip


def main() -> None:
    """Print the tables."""
    given = arguments()
    print_load()
    with evidence_folder(given) as folder, tempfile.TemporaryDirectory() as name:
        work = Path(name)
        events = beside_rsigma(folder, rules_folder(given), work)
        for program, options in OTHERS.items():
            path = shutil.which(program)
            if path is None:
                print(f"{program}: not on the PATH")
                continue
            beside = Path(path).resolve().parent
            if program == "chainsaw" and not (beside / MAPPING).is_file():
                print(f"{program}: there is no {MAPPING} beside it")
                continue
            places = {"evidence": folder, "rules": rules_folder(given), "out": work, "beside": beside}
            took = run([path, *(option.format(**places) for option in options)], work / "output")
            report(program, took, events)


def beside_rsigma(folder: Path, rules: Path, work: Path) -> int:
    """Run both on the Sysmon events; how many there were."""
    program = shutil.which("rsigma")
    if program is None:
        print("rsigma: not on the PATH (cargo install rsigma)")
        return 0
    logs, chosen = work / "logs", work / "rules"
    logs.mkdir(), chosen.mkdir()
    titles = write_rules(rules, chosen)
    events = write_events(folder, logs, work / "events.jsonl")
    print(f"{events:,} Sysmon events, {len(titles):,} rules")
    run(our_scan(logs, chosen), work / "ours")  # fills the cache of compiled rules
    ours = run(our_scan(logs, chosen), work / "ours")
    options = [
        "engine",
        "eval",
        "-q",
        "--input-format",
        "json",
        "-r",
        chosen,
        "-e",
        f"@{work / 'events.jsonl'}",
    ]
    theirs = run([program, "--output-format", "ndjson", *options], work / "theirs")
    report("ours, from .evtx", ours, events)
    report("rsigma, from flat JSON", theirs, events)
    print(f"rsigma takes {theirs.cpu / ours.cpu:.2f} x our processor time")
    compare(counts(work / "ours", "rule"), counts(work / "theirs", "rule_title"))
    return events


def write_rules(folder: Path, chosen: Path) -> set[str]:
    """The rules of Sysmon's categories that both read, each with the event id in its condition; their titles."""
    titles = set()
    for path in sorted(folder.rglob("*.yml")):
        parsed = parse_rules(path.read_text())
        rule = parsed[0].rule if len(parsed) == 1 and not parsed[0].broken else None
        category = getattr(getattr(rule, "logsource", None), "category", None)
        if rule is None or category not in CATEGORIES or rule.title in titles:
            continue
        document = {key: value for key, value in rule.document().items() if key.islower()}
        detection = document["detection"]
        conditions = detection["condition"]
        if not isinstance(conditions, str) or "|" in conditions:
            continue
        detection["zz_event"] = {"EventID": CATEGORIES[category]}
        detection["condition"] = f"zz_event and ({conditions})"
        document["logsource"] = {"product": "windows"}
        (chosen / f"{len(titles)}.yml").write_text(json.dumps(document, default=str))
        titles.add(rule.title)
    return titles


def write_events(folder: Path, logs: Path, flat: Path) -> int:
    """The Sysmon logs of a folder, and their events as flat JSON lines; how many."""
    count = 0
    with flat.open("wb") as file:
        for log in logs_in(folder):
            if log.kind != "evtx" or not is_sysmon(log.read_chunk(0).records):
                continue
            (logs / log.path.name).symlink_to(log.path.resolve())
            for one, number in chunks([log]):
                for record in one.read_chunk(number).records:
                    file.write(orjson.dumps(flattened(record.event)) + b"\n")
                    count += 1
    return count


def is_sysmon(records: Iterable[Any]) -> bool:
    """Whether all these records are Sysmon's."""
    return {record.event.get("System", {}).get("Channel") for record in records} == {SYSMON}


def flattened(event: dict[str, Any]) -> dict[str, Any]:
    """The event with its data and the parts of System that rules name at the root."""
    system, data = event["System"], event.get("EventData")
    return {
        "EventID": system["EventID"]["Value"],
        "Channel": system.get("Channel"),
        "Computer": system.get("Computer"),
        "Provider_Name": system.get("Provider", {}).get("Name"),
        **(data if isinstance(data, dict) else {}),
    }


def counts(path: Path, name: str) -> Counter[str]:
    """Hits by the rule's title, of JSON lines."""
    with path.open("rb") as file:
        rows = (orjson.loads(line) for line in file)
        return Counter(str(row.get(name) or row.get("title")) for row in rows)


def compare(ours: Counter[str], theirs: Counter[str]) -> None:
    """Say whether the hits agree, and where not."""
    different = {title for title in {*ours, *theirs} if ours[title] != theirs[title]}
    same = len({*ours, *theirs}) - len(different)
    print(
        f"hits: ours {ours.total():,}, rsigma's {theirs.total():,}; {same:,} rules alike, {len(different):,} not"
    )
    for title in sorted(different, key=lambda title: -abs(ours[title] - theirs[title]))[:20]:
        print(f"  {ours[title]:>8,} {theirs[title]:>8,}  {title}")


def report(who: str, took: Run, events: int) -> None:
    """One line of the table."""
    state = "" if took.code == 0 else f" (ended with code {took.code})"
    rate = f"{events / took.cpu:,.0f} events/s a core" if events else ""
    print(f"{who:<26} {took.wall:6.1f} s {took.cpu:6.1f} s of processor {took.peak:6,.0f} MiB {rate}{state}")


if __name__ == "__main__":
    main()
