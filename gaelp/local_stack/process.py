"""Starts, watches and stops one service as a child process. Touch this when starting or stopping one goes wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gaelp.errors import GaelpError

START_SECONDS = 30.0
STOP_SECONDS = 6.0
TAIL_LINES = 12


class StackError(GaelpError, RuntimeError):
    """A local service cannot be started or has died; the message is one sentence and, where there is one, its log."""


@dataclass(frozen=True)
class Service:
    """The command that starts a service, and the probe that says whether it is ready."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(repr=False)


class Watchdog:
    """The process that ends our child processes if we are killed and cannot."""

    def __init__(self, lock: int) -> None:
        script = Path(__file__).with_name("watchdog.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)], stdin=subprocess.PIPE, start_new_session=True, pass_fds=(lock,)
        )

    def register(self, group: int) -> None:
        """Have a process group ended when we die."""
        self._write(f"+{group}\n")

    def release(self, group: int) -> None:
        """Take a process group from the register, because it has ended."""
        self._write(f"-{group}\n")

    def _write(self, line: str) -> None:
        if self._process.stdin is None or self._process.poll() is not None:
            raise StackError("The watchdog of the local stack has died: stop the stack and start it again.")
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()

    def close(self) -> None:
        """End the watchdog, and with it every process group that is still registered."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


class Child:
    """A running service in a process group of its own: Ctrl-C reaches only us, and we stop services in order."""

    def __init__(self, service: Service, log: Path, watchdog: Watchdog) -> None:
        self.service, self._log, self._watchdog = service, log, watchdog
        log.touch(mode=0o600)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                service.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(service.environment),
                start_new_session=True,
                umask=0o077,  # what a service writes is its owner's only
            )
        watchdog.register(self.pid)

    @property
    def pid(self) -> int:
        """Process id, and the id of its group."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Return when the service is ready; StackError where it dies first or the time is over."""
        deadline = time.monotonic() + seconds
        while not self.service.ready():
            if not self.alive():
                raise StackError(self.death())
            if time.monotonic() > deadline:
                raise StackError(f"{self.service.name} is not ready after {seconds:.0f} seconds; {self._tail()}")
            time.sleep(0.02)

    def end(self) -> str:
        """One sentence: how the process ended, and which log says why."""
        return f"{self.service.name} ended by itself with code {self._process.returncode} (see {self._log})"

    def death(self) -> str:
        """How the process ended, with the last lines of its log."""
        return f"{self.service.name} ended by itself with code {self._process.returncode}; {self._tail()}"

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return f"the end of {self._log}:\n" + "\n".join(lines or ["(empty)"])

    def signal_group(self, number: int) -> None:
        """Signal the process and its descendants; nothing where they are gone."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """SIGTERM to the service, and SIGKILL to whatever of its group is left."""
        if self.alive():
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the whole group, at once."""
        self.signal_group(signal.SIGKILL)
        self._process.wait()
        self._watchdog.release(self.pid)


def free_port() -> int:
    """A port of the loopback address that no process uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a service of ours could listen on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_range(first: int, count: int) -> int:
    """The first of so many free ports in a row: `first` if they are free, else others."""
    while not all(is_free(port) for port in range(first, first + count)):
        first = free_port()
    return first


def answers(port: int, question: bytes, start: bytes) -> bool:
    """Whether a server on that port answers `question` with something that begins with `start`."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(question)
            return connection.recv(64).startswith(start)
    except OSError:
        return False
