"""`make bench`: every benchmark in its own process and, where it writes, in a folder that is thrown away."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Run them in the order of their names; a benchmark that fails ends with its exit code."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    for name in names:
        print(f"\n{name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="sigmaweb-bench-") as folder:
            command = [sys.executable, "-m", f"bench.{name}"]
            code = subprocess.run(command, env=os.environ | {"SIGMAWEB_DATA": folder}, check=False).returncode
        if code:
            sys.exit(code)


if __name__ == "__main__":
    main()
