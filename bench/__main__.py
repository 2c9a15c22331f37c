"""`make bench`: benchmarks, each in its own process and, where it writes, in a folder that is thrown away.

python -m bench                         # all of them but `agreement`
python -m bench matching peers          # some
python -m bench matching --evidence FOLDER --rules FOLDER --records 250000
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.inputs import arguments

#: In the order in which they run: the quick ones first.
NAMES = (
    "matching",
    "rules",
    "peers",
    "scaling",
    "memory",
    "worker_memory",
    "one_rule",
    "writing",
    "pages",
    "many",
    "near",
    "editor",
    "debug",
)
#: Run only when named, since they take long.
LONG = ("agreement",)


def main() -> None:
    """Run them, one after the other. When one fails the others still run; then it says which, and ends with code 1."""
    names = arguments().names
    options = [option for option in sys.argv[1:] if option not in names]
    unknown = [name for name in names if name not in (*NAMES, *LONG)]
    if unknown:
        sys.exit(f"There is no benchmark {unknown[0]}: choose from {', '.join((*NAMES, *LONG))}.")
    failed = [name for name in names or NAMES if code_of(name, options)]
    if failed:
        sys.exit(f"\nFAILED: {', '.join(failed)}")


def code_of(name: str, options: list[str]) -> int:
    """Run one; its exit code. Data, compiled sets and what it or its children leave in a temporary place go."""
    print(f"\n{name}", flush=True)
    with tempfile.TemporaryDirectory(prefix="sigmaweb-bench-") as folder:
        places = {key: f"{folder}/{key}" for key in ("SIGMAWEB_DATA", "SIGMAWEB_CACHE", "TMPDIR")}
        for place in places.values():
            Path(place).mkdir()
        command = [sys.executable, "-W", "ignore", "-m", f"bench.{name}", *options]
        code = subprocess.run(command, env=os.environ | places, check=False).returncode
    if code:
        print(f"{name} FAILED with code {code}", flush=True)
    return code


if __name__ == "__main__":
    main()
