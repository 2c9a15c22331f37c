"""pySigma in an environment of its own, made once and kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
REQUIREMENTS = FOLDER / "requirements-oracle.txt"
_UNREACHABLE = ("from versions: none", "NewConnectionError", "ConnectTimeout", "ProxyError")


class OracleUnreachable(Exception):
    """The package index could not be reached, so there is no oracle to ask; says what pip said."""


def ask(texts: list[str]) -> list[dict[str, Any]]:
    """pySigma's answers to rule texts, in order (see `oracle.py`). Raises OracleUnreachable."""
    command = [str(_python()), str(FOLDER / "oracle.py")]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the oracle ended with {done.returncode}: {done.stderr[-2000:]}")
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def _python() -> Path:
    """The environment's Python; made anew when the requirements or this Python have changed."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + version.encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sigmaweb"
    folder = cache / f"oracle-{digest}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        _install(folder)
        (folder / "complete").touch()
    return folder / "bin" / "python"


def _install(folder: Path) -> None:
    command = [
        *(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(REQUIREMENTS)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    last = done.stderr.strip().splitlines()[-1:]
    if any(word in done.stderr for word in _UNREACHABLE):
        raise OracleUnreachable(f"pip could not fetch pySigma: {' '.join(last)}")
    raise RuntimeError(f"pip could not install pySigma: {done.stderr[-2000:]}")
