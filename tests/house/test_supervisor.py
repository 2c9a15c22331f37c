"""The supervisor with real processes: who speaks is named, who dies comes back, all end when told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sigmaweb.supervisor import Printer, Service, Supervisor

PATIENCE = 20.0  # seconds; a bound for a slow machine, not a measurement


class Lines(list[tuple[str, str]]):
    """A `say` that keeps what was said."""

    def __call__(self, name: str, line: str) -> None:
        self.append((name, line))

    def of(self, name: str) -> list[str]:
        return [line for who, line in self if who == name]


@pytest.fixture
def said() -> Lines:
    return Lines()


@pytest.fixture
def supervisor(said: Lines) -> Iterator[Supervisor]:
    one = Supervisor(said)
    yield one
    one.stop()


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def gone(pid: int) -> Callable[[], bool]:
    return lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_lines_carry_the_name_of_who_says_them(supervisor: Supervisor, said: Lines) -> None:
    supervisor.start(
        Service(
            "web",
            python(
                "print('listening'); import sys; print('odd', file=sys.stderr); __import__('time').sleep(60)"
            ),
        )
    )
    assert supervisor.wait_until(lambda: {"listening", "odd"} <= set(said.of("web")), PATIENCE)


def test_printed_lines_start_with_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    Printer()("web", "listening")
    assert capsys.readouterr().out == "web    | listening\n"


def test_a_process_that_dies_is_started_again_and_it_is_said(supervisor: Supervisor, said: Lines) -> None:
    supervisor.start(Service("worker", python("import os, time; print(os.getpid()); time.sleep(60)")))
    assert supervisor.wait_until(lambda: len(said.of("worker")) == 1, PATIENCE)
    os.kill(int(said.of("worker")[0]), signal.SIGKILL)
    assert supervisor.wait_until(lambda: len(said.of("worker")) == 2, PATIENCE)
    assert "worker ended (killed by SIGKILL); it is started again" in said.of("up")[0]


def test_the_children_of_a_process_that_dies_do_not_outlive_it(supervisor: Supervisor, said: Lines) -> None:
    code = (
        "import subprocess, os, time; child = subprocess.Popen(['sleep', '60']);"
        "print(os.getpid(), child.pid); time.sleep(60)"
    )
    supervisor.start(Service("worker", python(code)))
    assert supervisor.wait_until(lambda: bool(said.of("worker")), PATIENCE)
    master, child = map(int, said.of("worker")[0].split())
    os.kill(master, signal.SIGKILL)
    assert supervisor.wait_until(gone(child), PATIENCE)


def test_a_process_that_dies_again_and_again_is_started_after_longer_pauses(
    supervisor: Supervisor, said: Lines
) -> None:
    supervisor.start(Service("web", python("raise SystemExit(3)")))
    assert supervisor.wait_until(lambda: len(said.of("up")) == 2, PATIENCE)
    assert said.of("up") == [
        "web ended (exit code 3); it is started again in 1 s",
        "web ended (exit code 3); it is started again in 2 s",
    ]


def test_who_does_not_end_when_asked_is_killed_with_all_its_children(
    supervisor: Supervisor, said: Lines
) -> None:
    code = (
        "import signal, subprocess, os, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen(['sleep', '60']); print(os.getpid(), child.pid); time.sleep(60)"
    )
    supervisor.start(Service("worker", python(code)))
    assert supervisor.wait_until(lambda: bool(said.of("worker")), PATIENCE)
    supervisor.stop()
    pids = [int(pid) for pid in said.of("worker")[0].split()]
    assert supervisor.wait_until(lambda: all(gone(pid)() for pid in pids), PATIENCE)
    assert "worker did not end within 4 s and is killed" in said.of("up")


def test_what_the_others_talk_to_ends_after_them(supervisor: Supervisor, said: Lines, tmp_path: Path) -> None:
    note = tmp_path / "order"
    code = (
        "import signal, sys, time;"
        "say = lambda *_: (open(sys.argv[1], 'a').write(sys.argv[2] + ' '), sys.exit(0));"
        "signal.signal(signal.SIGTERM, say); print('there'); time.sleep(60)"
    )
    supervisor.start(Service("redis", [*python(code), str(note), "redis"], last=True))
    supervisor.start(Service("worker", [*python(code), str(note), "worker"]))
    assert supervisor.wait_until(lambda: said.of("redis") + said.of("worker") == ["there"] * 2, PATIENCE)
    supervisor.stop()
    assert note.read_text().split() == ["worker", "redis"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_the_children_of_a_supervisor_that_is_killed_end_too(said: Lines) -> None:
    code = (
        "from sigmaweb.supervisor import Printer, Service, Supervisor\n"
        "import sys\n"
        "one = Supervisor(Printer())\n"
        "code = 'import os, time; print(os.getpid()); time.sleep(60)'\n"
        "one.start(Service('web', [sys.executable, '-u', '-c', code]))\n"
        "one.run()\n"
    )
    outer = Supervisor(said)
    outer.start(Service("up", [sys.executable, "-u", "-c", code]))
    assert outer.wait_until(lambda: any("| " in line for line in said.of("up")), PATIENCE)
    child = int(said.of("up")[0].split("| ")[1])
    supervising = psutil.Process(child).ppid()
    os.kill(supervising, signal.SIGKILL)
    assert Supervisor(said).wait_until(gone(child), PATIENCE)
    outer.stop()


def test_a_program_that_cannot_be_started_again_does_not_end_the_others(
    supervisor: Supervisor, said: Lines, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\nrm "$0"\n')
    program.chmod(0o755)
    supervisor.start(Service("web", python("print('there'); import time; time.sleep(60)")))
    supervisor.start(Service("worker", [str(program)]))
    assert supervisor.wait_until(lambda: len(said.of("up")) >= 2, PATIENCE)
    assert said.of("web") == ["there"]
    assert all("worker ended" in line for line in said.of("up"))


def test_a_signal_that_comes_where_python_drops_exceptions_still_ends_everything() -> None:
    """An exception in a finalizer is printed and forgotten, and a signal's handler may run there."""
    code = (
        "import os, signal\n"
        "from sigmaweb.supervisor import Ended, Printer, Supervisor\n"
        "class Dropped:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        sum(range(1000))\n"
        "supervisor = Supervisor(Printer())\n"
        "supervisor.stop_on_signals()\n"
        "Dropped()\n"
        "try:\n"
        "    supervisor.wait_until(lambda: False, 20)\n"
        "except Ended:\n"
        "    print('ended')\n"
    )
    done = subprocess.run(python(code), capture_output=True, text=True, timeout=60, check=True)
    assert "Ended" in done.stderr  # dropped where it was raised first
    assert done.stdout == "ended\n"
