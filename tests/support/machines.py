"""Several machines that share Temporal, a ledger on PostgreSQL, a store and a warehouse; each has workers of its own.

A machine is a home folder of its own and two worker processes: one for workflows, records, live and stop, one for
compute. Touch this to give a machine other workers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

from gaelp.local_stack import LocalStack, services
from tests.support import ledgers as kit
from tests.support.local_runs import LocalRuns

READY_SECONDS = 120.0


@dataclass
class Machine:
    """Its worker processes, by name."""

    processes: dict[str, subprocess.Popen[bytes]]

    @classmethod
    def started(cls, stack: LocalStack, home: Path) -> Machine:
        """Start both workers, without waiting for them."""
        home.mkdir()
        environment = {**os.environ, **stack.environment(), "GAELP_HOME": str(home)}
        processes = {}
        for service in (services.worker(home, environment), services.compute(home, environment, processes=1)):
            with (home / f"{service.name}.log").open("ab") as log:
                processes[service.name] = subprocess.Popen(
                    service.command, env=dict(service.environment), stdout=log, stderr=log, start_new_session=True
                )
        return cls(processes)

    @property
    def pids(self) -> set[int]:
        """The process ids of its workers."""
        return {process.pid for process in self.processes.values()}

    def kill(self) -> None:
        """The machine loses its power: kill -9 of its workers and of their children."""
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(30)


@dataclass
class Machines:
    """The shared services with a ledger on PostgreSQL, and the machines."""

    runs: LocalRuns
    machines: list[Machine]

    async def shares(self, client: Client) -> Counter[int]:
        """Process id of a worker -> how many tasks it has begun, by the histories of all workflows."""
        begun: Counter[int] = Counter()
        async for execution in client.list_workflows():
            handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
            async for event in handle.fetch_history_events():
                for kind in ("workflow_task_started_event_attributes", "activity_task_started_event_attributes"):
                    if event.HasField(kind):  # type: ignore[arg-type]
                        begun[int(getattr(event, kind).identity.partition("@")[0])] += 1
        return begun


@contextmanager
def several_machines(home: Path, number: int) -> Iterator[Machines]:
    """Start them all; skips where no PostgreSQL server is installed."""
    with ExitStack() as closing:
        shared = {
            "GAELP_LEDGER_URL": closing.enter_context(kit.postgresql()),
            "GAELP_STORE_URL": (home / "shared" / "store").as_uri(),
            "GAELP_WAREHOUSE_URL": str(home / "shared" / "warehouse"),
        }
        names = ("temporal", "redis", "emulator")
        stack = LocalStack(home / "services", names=names, environment=shared)
        stack.outlives_power_cuts = False
        closing.enter_context(stack)
        runs = LocalRuns(stack)
        runs.prepare()
        machines = [Machine.started(stack, home / f"machine-{index}") for index in range(number)]
        for machine in machines:
            closing.callback(machine.kill)
        deadline = time.monotonic() + READY_SECONDS
        for index, name in ((index, name) for index in range(number) for name in ("worker", "compute")):
            folder = home / f"machine-{index}"
            while not (folder / f"{name}.ready").exists():
                ended = machines[index].processes[name].poll()
                log = (folder / f"{name}.log").read_text()[-2000:]
                assert ended is None and time.monotonic() < deadline, f"machine {index} does not start: {log}"
                time.sleep(0.1)
        yield Machines(runs, machines)
