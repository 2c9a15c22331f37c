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
    """Run them; a benchmark that fails ends with its exit code."""
    names = arguments().names
    options = [option for option in sys.argv[1:] if option not in names]
    for name in names or NAMES:
        if name not in (*NAMES, *LONG):
            sys.exit(f"There is no benchmark {name}: choose from {', '.join((*NAMES, *LONG))}.")
        print(f"\n{name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="sigmaweb-bench-") as folder:
            command = [sys.executable, "-W", "ignore", "-m", f"bench.{name}", *options]
            code = subprocess.run(command, env=os.environ | {"SIGMAWEB_DATA": folder}, check=False).returncode
        if code:
            sys.exit(code)


if __name__ == "__main__":
    main()
