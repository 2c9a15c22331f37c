"""Peak memory of a worker process with all the rules there are: what it imports, a compiled set from the cache, and
the caches of matching, under the guard that looks after each chunk.

Rules are parsed and compiled in a process before, as in a scan.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.dense_logs import SHARED, logs_in
from bench.inputs import arguments, chunks, evidence_folder, print_load, rules_folder

WORKER = "worker"  # the first argument of the process that is measured


def main() -> None:
    """Compile in one process, scan in another, and print the peak of the second."""
    if sys.argv[1:2] == [WORKER]:
        work(sys.argv[2], Path(sys.argv[3]))
        return
    given = arguments()
    print_load()
    folders = [rules_folder(given)]
    if given.rules is None and SHARED.is_dir():
        folders = [SHARED / "sigmahq", SHARED / "hayabusa-rules"]
    with tempfile.TemporaryDirectory() as cache, evidence_folder(given) as evidence:
        environment = os.environ | {"SIGMAWEB_CACHE": cache}
        code = f"from bench.worker_memory import prepare; prepare({[str(folder) for folder in folders]!r})"
        made = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        count, digest = made.stdout.split()
        print(f"{int(count):,} rules")
        command = [sys.executable, "-W", "ignore", "-m", "bench.worker_memory", WORKER, digest, str(evidence)]
        subprocess.run(command, env=environment, check=True)


def prepare(folders: list[str]) -> None:
    """Compile all rules and print their number and the set's digest."""
    from sigma_engine import load_model, load_or_compile, parse_rules

    paths = sorted(path for folder in folders for path in Path(folder).rglob("*.yml"))
    parsed = (one for path in paths for one in parse_rules(path.read_text(errors="replace")))
    rules = [one.rule for one in parsed if one.rule is not None and not one.broken]
    print(len(rules), load_or_compile(rules, load_model("Windows event logs")).digest)


def work(digest: str, evidence: Path) -> None:
    """Scan the evidence as a worker does, looking at the memory after each chunk."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sigmaweb.settings")
    django.setup()
    from scans_app.services import scanners
    from scans_app.services.wanted_chunks import KeysByFile
    from sigma_engine import Scanner, load_compiled
    from sigmaweb.celery import app

    app.loader.import_default_modules()
    print(f"imported: {scanners.resident_bytes() / 2**20:,.0f} MiB")
    compiled = load_compiled(digest)
    assert compiled is not None
    scanner = Scanner(compiled)
    scanners._kept[0] = scanners.LoadedScan(scanner, compiled, [], KeysByFile(compiled))
    print(f"with the compiled set: {scanners.resident_bytes() / 2**20:,.0f} MiB")
    guard, replaced, events = scanners.MemoryGuard(), 0, 0
    for log, number in chunks(logs_in(evidence)):
        events += scanner.scan_chunk(log, number, log.path.name).events
        replaced += not guard.look()
    status = Path("/proc/self/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+)", status)
    assert peak is not None
    print(
        f"{events:,} events: {int(peak[1]) / 1024:,.0f} MiB at most; {replaced} times a fresh process was asked for"
    )


if __name__ == "__main__":
    main()
