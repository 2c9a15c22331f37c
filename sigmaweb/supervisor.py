"""Keep a few processes running: start them, say who speaks, start the dead again, end all in time.

It knows nothing of Django or of what the processes do; `sigmaweb.services_of_up` names them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TIED = Path(__file__).with_name("tied.py")
STOP_SECONDS = 4.0  # then SIGKILL: all is over within 5 s, and units go on at their checkpoint next time
LAST_STOP_SECONDS = 0.5
POLL_SECONDS = 0.1
STEADY_SECONDS = 10.0  # who lived this long did not die of its start
LONGEST_PAUSE = 10.0

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Service:
    """One process to keep running. `last` ones are ended after all others (what the others talk to)."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    last: bool = False


class Printer:
    """Lines on stdout, each with the name of who says it; whole lines only, whoever speaks at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, name: str, line: str) -> None:
        with self._lock:
            sys.stdout.write(f"{name:<6} | {line}\n" if name else f"{line}\n")
            sys.stdout.flush()


class _Running:
    """A service's present process and the thread that relays its lines."""

    def __init__(self, service: Service, say: Say) -> None:
        self.service = service
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-I", str(TIED), *service.command],
            env=os.environ | dict(service.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which ends its children in order
        )
        self._relay = threading.Thread(target=self._read, args=(say,), daemon=True)
        self._relay.start()

    def _read(self, say: Say) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                say(self.service.name, line.decode(errors="replace").rstrip())

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ask_to_end(self) -> None:
        if self.alive:
            self.process.terminate()

    def kill_group(self) -> None:
        """End what is left of it, children too: a pool process must not outlive its master."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # nobody is left; macOS calls that a question of permission
        self.process.wait()
        self._relay.join(timeout=1)  # its last lines come before the word that it ended


class Ended(BaseException):
    """Ctrl-C or SIGTERM: whatever is being done is left, and everything is to be stopped."""


class Supervisor:
    """Runs services until it is told to stop; one that dies is started again, and this is said.

    A service that dies again and again is started after growing pauses, 1 s to 10 s.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._running: dict[str, _Running] = {}
        self._due: dict[str, tuple[float, Service]] = {}  # dead services: when to start them again
        self._pauses: dict[str, float] = {}
        self._told_to_end = False
        self._stopping = False

    def start(self, service: Service) -> None:
        """Start the service and keep it running from now on."""
        self._running[service.name] = _Running(service, self._say)

    def stop_on_signals(self) -> None:
        """From now on Ctrl-C and SIGTERM raise Ended in the main thread, once, and so does the next `look_after`.

        A handler may run inside a finalizer or a callback of C code, where Python prints an exception and goes on:
        what was dropped there is raised again at the next look.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: object) -> None:
        if not (self._told_to_end or self._stopping):
            self._told_to_end = True
            raise Ended

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Keep everything running until `ready()`; False when the time is over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if ready():
                return True
            self.look_after()
            time.sleep(POLL_SECONDS)
        return False

    def run(self) -> None:
        """Keep everything running until Ended is raised."""
        while True:
            self.look_after()
            time.sleep(POLL_SECONDS)

    def look_after(self) -> None:
        """Start again who died; raises Ended when a signal said so."""
        if self._told_to_end and not self._stopping:
            raise Ended
        for running in [one for one in self._running.values() if not one.alive]:
            self._plan_restart(running)
        for name, (when, service) in list(self._due.items()):
            if time.monotonic() >= when:
                del self._due[name]
                self._start_again(service)

    def _plan_restart(self, running: _Running) -> None:
        service = running.service
        running.kill_group()
        del self._running[service.name]
        steady = time.monotonic() - running.started > STEADY_SECONDS
        pause = 0.0 if steady else min(LONGEST_PAUSE, self._pauses.get(service.name, 0.5) * 2)
        self._pauses[service.name] = pause or 0.5
        self._due[service.name] = (time.monotonic() + pause, service)
        when = f"in {pause:g} s" if pause else "now"
        self._say(
            "up", f"{service.name} ended ({_how(running.process.returncode)}); it is started again {when}"
        )

    def _start_again(self, service: Service) -> None:
        try:
            self.start(service)
        except OSError as problem:  # no memory, no more processes, the program is being replaced
            self._say("up", f"{service.name} cannot be started ({problem.strerror}); it is tried again")
            self._due[service.name] = (time.monotonic() + LONGEST_PAUSE, service)

    def stop(self) -> None:
        """End everything: who is asked to end has 4 s, then it is killed; the `last` ones go after the others."""
        self._stopping = True  # a second Ctrl-C does not cut the end short
        everyone = list(self._running.values())
        self._end([one for one in everyone if not one.service.last], STOP_SECONDS)
        self._end([one for one in everyone if one.service.last], LAST_STOP_SECONDS)
        self._running.clear()

    def _end(self, those: list[_Running], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for one in those:
            one.ask_to_end()
        while any(one.alive for one in those) and time.monotonic() < deadline:
            time.sleep(0.02)
        for one in those:
            if one.alive:
                self._say("up", f"{one.service.name} did not end within {seconds:g} s and is killed")
            one.kill_group()


def _how(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
