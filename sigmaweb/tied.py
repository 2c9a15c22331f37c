"""Run a command that ends when its parent does: `python tied.py COMMAND...`.

A supervisor that is killed with -9 cannot stop its children. On Linux the kernel does it for them; elsewhere
the command runs as it is, and the next start says what still holds the port.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for SIGTERM at the parent's death, then become the command."""
    command = sys.argv[1:]
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel was asked
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  (the supervisor's own commands)


if __name__ == "__main__":
    main()
