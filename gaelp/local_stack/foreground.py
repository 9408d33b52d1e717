"""`make dev`: runs the local services and the workers in the foreground. Touch this to prepare more on first use.

Which services there are stands in gaelp/local_stack/stack.py, their commands in gaelp/local_stack/services.py.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from gaelp.confinement.kernel_rules import lacking
from gaelp.local_stack import first_use
from gaelp.local_stack.process import StackError, free_range
from gaelp.local_stack.services import Ports
from gaelp.local_stack.stack import LocalStack
from gaelp.settings import Settings

ACCOUNT = "emulator"
METRICS_PORT = 9464  # where Prometheus exporters of OpenTelemetry are looked for first
_POLL_SECONDS = 0.5


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run_dev(settings: Settings, show: Callable[[str], None] = _print) -> int:
    """Start everything, show where it is, and wait for Ctrl-C or SIGTERM; return exit code 0.

    Raises StackError where a server cannot be started, or has died.
    """
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: over.set())
    metrics = metrics_port(settings)
    ports, token = ports_of(settings), settings.emulator_token
    stack = LocalStack(settings.home, ports=ports, emulator_token=token)
    stack.metrics_port = metrics
    with stack:
        key = prepare(settings.home.absolute(), stack.environment(), show)
        for line in addresses(settings, key, metrics):
            show(line)
        if lacking():
            show(lacking())
        while not over.wait(_POLL_SECONDS):
            for line in stack.revive():
                show(line)
        show("stopping")
    return 0


def ports_of(settings: Settings) -> Ports:
    """The ports that the settings' addresses name. StackError where an address is not of this machine."""
    places = {
        "GAELP_TEMPORAL_ADDRESS": f"//{settings.temporal_address}",
        "GAELP_TEMPORAL_UI": settings.temporal_ui,
        "GAELP_REDIS_URL": settings.redis_url,
        "GAELP_EMULATOR_URL": settings.emulator_url,
    }
    return Ports(*(_port(variable, place) for variable, place in places.items()))


def metrics_port(settings: Settings) -> int:
    """The first port of the workers' metrics: that of the setting, else one with enough free ones after it."""
    if settings.metrics_address:
        return _port("GAELP_METRICS_ADDRESS", f"//{settings.metrics_address}")
    return free_range(METRICS_PORT, 1 + (os.cpu_count() or 1))  # the worker, and a compute worker for each core


def _port(variable: str, place: str) -> int:
    parts = urlsplit(place)
    if parts.hostname not in ("127.0.0.1", "localhost") or parts.port is None:
        raise StackError(
            f"{variable} is {place.removeprefix('//')}, but local services listen on 127.0.0.1 with a port: "
            "unset it for `make dev`, or start only a worker there with `python worker.py`."
        )
    return parts.port


def prepare(home: Path, environment: Mapping[str, str], show: Callable[[str], None]) -> Path:
    """Make logs, account and key on first use. Returns the private key's path."""
    key = home / "keys" / f"{ACCOUNT}.pem"
    if ACCOUNT not in first_use.accounts(environment):
        show("first use: fetching the public logs, opening the emulator account")
        first_use.Ingestion(first_use.fetch_logs(home), environment).reports()
        first_use.open_account(ACCOUNT, environment)
    if not key.exists():
        first_use.make_key(key, ACCOUNT, "demo", environment)
    return key


def addresses(settings: Settings, key: Path, metrics: int) -> list[str]:
    """The lines that tell a person where everything is and what to do next."""
    return [
        f"Temporal {settings.temporal_address}, its Web UI {settings.temporal_ui}",
        f"Redis {settings.redis_url}, platform emulator {settings.emulator_url}",
        f"metrics for Prometheus http://127.0.0.1:{metrics}/metrics, of the compute workers at the ports after it",
        f"logs of the services in {settings.home / 'logs'}",
        "start a run:  python starter.py start --config quick-test --experiment-name first",
        f"approve it:   python starter.py approve first   (signs with the demo key {key})",
        "Ctrl-C ends everything; runs stay in their files and go on with the next `make dev`",
    ]
