"""`manage.py up` as its user runs it: one command, a link, an orderly end, and a sentence when it cannot."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 180  # seconds; a bound for a slow machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path, port: int) -> dict[str, str]:
    left_out = {"REDIS_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"SIGMAWEB_DATA": str(data), "SIGMAWEB_PORT": str(port), "SIGMAWEB_WORKERS": "1"}


class Up:
    """A running `manage.py up` and the lines that it printed."""

    def __init__(self, data: Path, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.log = data.with_suffix(".log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=PROJECT,
                env=environment(data, port),
                stdout=log,
                stderr=log,
            )

    @property
    def lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines()

    def wait_for(self, pattern: str, *, after: int = 0) -> re.Match[str]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            for line in self.lines[after:]:
                if found := re.search(pattern, line):
                    return found
            time.sleep(0.1)
        pytest.fail(f"{pattern!r} was not printed:\n" + "\n".join(self.lines[-40:]))

    def link(self) -> str:
        return self.wait_for(r"^http://\S+/sign-in/link/\S+/$").group(0)

    def health(self) -> dict[str, object]:
        with urllib.request.urlopen(f"{self.address}/healthz", timeout=5) as answer:
            return json.load(answer)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail("it did not end within 30 s:\n" + "\n".join(self.lines[-40:]))


class Browser:
    """A person's browser without a screen: follows redirects, keeps cookies, sends the page's form."""

    def __init__(self) -> None:
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))

    def open(self, address: str, data: dict[str, str] | None = None) -> tuple[str, str]:
        sent = urllib.parse.urlencode(data).encode() if data else None
        with self._opener.open(address, sent, timeout=30) as answer:
            return answer.geturl(), answer.read().decode()

    def follow_sign_in_link(self, link: str) -> tuple[str, str]:
        page = self.open(link)[1].partition("data-send-at-once")[2]
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        return self.open(link, {"csrfmiddlewaretoken": token.group(1)})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture(scope="module")
def up(data: Path) -> Iterator[Up]:
    """A first start on an empty data folder, and at the end an orderly stop."""
    one = Up(data, free_port())
    one.link()
    yield one
    if one.process.poll() is None:
        one.end()


def test_when_ready_the_link_is_the_last_line_and_everything_is_up(up: Up) -> None:
    before_the_link = up.lines[: up.lines.index(up.link())]
    assert any("ready" in line for line in before_the_link)
    health = up.health()
    assert [health[part] for part in ("status", "database", "redis", "workers", "beat")] == ["up"] * 5


def test_the_link_opens_the_sample_case_with_its_finished_scan(up: Up) -> None:
    address, page = Browser().follow_sign_in_link(up.link())
    assert re.search(r"/cases/\d+/hits/\?scan=\d+$", address)
    assert "admin" in page


def test_a_second_browser_cannot_use_the_link_again(up: Up) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused, pytest.MonkeyPatch.context():
        Browser().open(up.link())
    assert refused.value.code == 410
    refused.value.close()


@pytest.mark.parametrize("name", ["worker", "beat", "web", "redis"])
def test_a_process_that_is_killed_comes_back_and_it_is_said(up: Up, name: str) -> None:
    said = len(up.lines)
    marks = {"worker": " worker", "beat": " beat", "web": "gunicorn", "redis": "redis-server"}
    for child in psutil.Process(up.process.pid).children():
        if marks[name] in " ".join(child.cmdline()):
            child.kill()
    up.wait_for(rf"^up +\| {name} ended \(killed by SIGKILL\); it is started again", after=said)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if up.health()["status"] == "up":
                return
        except OSError:
            pass  # it is on its way back; health answers 503 or not at all
        time.sleep(0.2)
    pytest.fail("not everything came back:\n" + "\n".join(up.lines[-40:]))


def test_a_second_start_on_the_same_folder_is_refused_in_one_sentence(up: Up, data: Path) -> None:
    answer = start_that_fails(data, free_port())
    assert answer.startswith("CommandError: Sigmaweb already runs on the data folder")


def test_a_busy_port_is_refused_in_one_sentence(up: Up, tmp_path: Path) -> None:
    port = int(up.address.rpartition(":")[2])
    assert f"Port {port} of 127.0.0.1 cannot be used (Address already in use)" in start_that_fails(
        tmp_path / "data", port
    )


def test_a_data_folder_that_cannot_be_written_is_refused_in_one_sentence() -> None:
    assert "The data folder /dev/null/data cannot be written" in start_that_fails(
        Path("/dev/null/data"), free_port()
    )


def test_a_second_start_keeps_what_was_there_and_all_ends_on_ctrl_c(up: Up, data: Path) -> None:
    """Last in this module: it ends the shared run."""
    children = psutil.Process(up.process.pid).children(recursive=True)
    assert up.end() == 0
    assert not [child for child in children if child.is_running()]
    again = Up(data, free_port())
    address, _page = Browser().follow_sign_in_link(again.link())
    assert re.search(r"/cases/\d+/hits/\?scan=\d+$", address)
    assert not [line for line in again.lines if "Traceback" in line]
    assert again.end(signal.SIGINT) == 0


def start_that_fails(data: Path, port: int) -> str:
    """What a start that cannot succeed prints; its exit code is 1 and it prints one line."""
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=PROJECT,
        env=environment(data, port),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_a_start_that_is_cut_short_ends_in_order_and_the_next_one_makes_it_good(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = Up(data, free_port())
    first.wait_for(r"^redis ")
    assert first.end(signal.SIGINT) == 0
    second = Up(data, free_port())
    address, _page = Browser().follow_sign_in_link(second.link())
    assert re.search(r"/cases/\d+/hits/\?scan=\d+$", address)
    second.end()
