"""The settings of the tests: Sigmaweb's own, in a data folder that no installation and no other run has.

pytest-django reads settings before any conftest, so the folder has to be chosen here.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Processes that a test starts inherit the mark, and keep the folder that the test gives them.
MARK = "SIGMAWEB_TEST_RUN"
OWN_FOLDER: Path | None = None

if MARK not in os.environ:
    OWN_FOLDER = Path(tempfile.mkdtemp(prefix="sigmaweb-test-"))
    os.environ[MARK] = "1"
    os.environ["SIGMAWEB_DATA"] = str(OWN_FOLDER)
    os.environ["SIGMAWEB_CACHE"] = str(OWN_FOLDER / "cache")
    os.environ.pop("REDIS_URL", None)

from sigmaweb.settings import *  # noqa: E402, F403
