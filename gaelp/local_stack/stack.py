"""LocalStack: Temporal, Redis, the platform emulator and the workers as child processes of this one.

`make dev`, `make demo` and the tests start it. The home folder is locked, so that two stacks never open the same files.
Touch this to change which services are started, or in which order.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import TextIO

from gaelp.local_stack import services
from gaelp.local_stack.process import Child, Service, StackError, Watchdog, free_port, is_free
from gaelp.local_stack.services import Ports, Synchronous

SERVICES: tuple[str, ...] = ("temporal", "redis", "emulator", "worker", "compute")
WORKERS: tuple[str, ...] = ("worker", "compute")
OPTIONAL: tuple[str, ...] = ("llm", "certify")  # the first needs packages that are not in requirements.lock
LOCK_SECONDS = 4.0  # a watchdog cleaning up after a killed stack holds the lock for about two


class LocalStack:
    """Starts the named services in order, and stops them in reverse, however this process ends.

    `ports`: None takes free ones. `names`: which of SERVICES and OPTIONAL. `conversion_factor`: of the emulator, 1 for
    conversions as they are, 1/3 for a third of them. `environment`: variables on top of this process's own.
    """

    def __init__(
        self,
        home: Path = Path(".gaelp"),
        *,
        ports: Ports | None = None,
        names: Sequence[str] = SERVICES,
        conversion_factor: float = 1.0,
        emulator_token: str = "local-emulator",  # noqa: S107 — the emulator guards no money
        environment: Mapping[str, str] | None = None,
    ) -> None:
        unknown = [name for name in names if name not in (*SERVICES, *OPTIONAL)]
        if unknown:
            raise StackError(
                f"There is no local service {unknown[0]!r}: choose from {', '.join((*SERVICES, *OPTIONAL))}."
            )
        self.home = home.absolute()
        self.ports = ports or Ports(*(free_port() for _ in fields(Ports)))
        self.seconds: dict[str, float] = {}
        self.compute_processes: int | None = None  # one for each core
        self.metrics_port: int | None = None  # where the first worker serves metrics, the others after it
        self.outlives_power_cuts = True  # whether Temporal and the emulator wait for the disk; the ledger always does
        self._names = [name for name in (*SERVICES, *OPTIONAL) if name in names]
        self._conversion_factor = conversion_factor
        self._token = emulator_token
        self._llm_key = secrets.token_hex(16)
        self._extra = dict(environment or {})
        self._children: dict[str, Child] = {}
        self._lock: TextIO | None = None
        self._watchdog: Watchdog | None = None

    def environment(self) -> dict[str, str]:
        """The GAELP_* variables with which any program of ours finds this stack."""
        return {
            "GAELP_HOME": str(self.home),
            "GAELP_TEMPORAL_ADDRESS": f"127.0.0.1:{self.ports.temporal}",
            "GAELP_TEMPORAL_UI": f"http://127.0.0.1:{self.ports.ui}",
            "GAELP_REDIS_URL": f"redis://127.0.0.1:{self.ports.redis}/0",
            "GAELP_EMULATOR_URL": f"http://127.0.0.1:{self.ports.emulator}",
            "GAELP_EMULATOR_TOKEN": self._token,
            "GAELP_METRICS_ADDRESS": "",  # an address is one worker's: each gets its own
            # Temporal's sandbox imports the workflow modules anew for every workflow: compiled once, that is cheap.
            "PYTHONDONTWRITEBYTECODE": "",
            **self._llm(),
            **self._extra,
        }

    def _llm(self) -> dict[str, str]:
        """Where the local model is, and the key that it wants; nothing where it is not part of the stack."""
        if "llm" not in self._names:
            return {}
        return {"GAELP_LLM_URL": f"http://127.0.0.1:{self.ports.llm}", "GAELP_LLM_API_KEY": self._llm_key}

    def __enter__(self) -> LocalStack:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start every service and wait until each is ready; StackError leaves nothing running."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        (self.home / "logs").mkdir(mode=0o700, exist_ok=True)
        self._take_lock()
        try:
            self._check_ports()
            self._watchdog = Watchdog(self._lock_descriptor())
            self._start_group(self._names)  # all at once: while workers import, Temporal begins to answer
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything in reverse order; a second call does nothing."""
        while self._children:
            _, child = self._children.popitem()
            child.stop()
        if self._watchdog is not None:
            self._watchdog.close()
            self._watchdog = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def pid(self, name: str) -> int:
        """Process id of a running service."""
        return self._child(name).pid

    def restart(self, *names: str) -> None:
        """Start services again, together, after ending what is left of them: a dead one may have left children."""
        for child in [self._child(name) for name in names]:
            child.stop()
        self._start_group(names)

    def revive(self) -> list[str]:
        """Start workers again that ended by themselves, and return a sentence for each; StackError for other services.

        An agent is somebody else's code and may end its process. That must cost its batch, and no more.
        """
        ended = self._ended()
        for name in ended:
            if name not in WORKERS:
                raise StackError(self._child(name).death())
        sentences = [f"{self._child(name).end()}, and is started again" for name in ended]
        if ended:
            self.restart(*ended)
        return sentences

    def _ended(self) -> list[str]:
        return [name for name, child in self._children.items() if not child.alive()]

    def _child(self, name: str) -> Child:
        if name not in self._children:
            raise StackError(f"The local service {name!r} is not part of this stack: {', '.join(self._children)} are.")
        return self._children[name]

    def _start_group(self, names: Sequence[str]) -> None:
        begun = time.monotonic()
        for name in names:
            (self.home / f"{name}.ready").unlink(missing_ok=True)
            self._children[name] = Child(self._service(name), self.home / "logs" / f"{name}.log", self._guard())
        for name in names:
            self._children[name].wait_ready()
            self.seconds[name] = time.monotonic() - begun

    def _service(self, name: str) -> Service:
        environment = {**os.environ, **self.environment()}
        if name in (*WORKERS, "certify") and self.metrics_port is not None:
            port = self.metrics_port + (name != "worker")
            environment["GAELP_METRICS_ADDRESS"] = f"127.0.0.1:{port}"
        synchronous: Synchronous = "full" if self.outlives_power_cuts else "normal"
        match name:
            case "temporal":
                kept = None if "certify" in self._names else synchronous
                return services.temporal(self.home, self.ports, services.without_secrets(environment), kept)
            case "redis":
                return services.redis(self.home, self.ports, services.without_secrets(environment))
            case "emulator":
                return services.emulator(self.home, self.ports, environment, self._conversion_factor, synchronous)
            case "llm":
                return services.llm(self.home, self.ports, services.without_secrets(environment), self._llm_key)
            case "worker":
                return services.worker(self.home, environment)
            case "certify":
                return services.certify(self.home, environment)
            case _:
                return services.compute(self.home, environment, self.compute_processes)

    def _guard(self) -> Watchdog:
        if self._watchdog is None:
            raise StackError("The local stack is not started: use it as a context manager.")
        return self._watchdog

    def _check_ports(self) -> None:
        needed = {"temporal": ("temporal", "ui"), "redis": ("redis",), "emulator": ("emulator",), "llm": ("llm",)}
        for name in self._names:
            for port in needed.get(name, ()):
                number = asdict(self.ports)[port]
                if not is_free(number):
                    raise StackError(
                        f"Port {number} on 127.0.0.1, meant for {port}, is taken: stop the program that holds it "
                        "(perhaps another `make dev`), or choose another address by GAELP_ variables."
                    )

    def _lock_descriptor(self) -> int:
        if self._lock is None:
            raise StackError("The local stack holds no lock on its home.")
        return self._lock.fileno()

    def _take_lock(self) -> None:
        path = self.home / "lock"
        path.touch(mode=0o600)
        lock = path.open("a+")
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    lock.seek(0)
                    holder = lock.read().strip() or "another process"
                    lock.close()
                    raise StackError(
                        f"{self.home} is in use by process {holder}: a `make dev` or `make demo` is still running "
                        "there; end it, or set GAELP_HOME to another folder."
                    ) from error
                time.sleep(0.05)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
