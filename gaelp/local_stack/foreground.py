"""`make dev`: runs the local services and the workers in the foreground. Touch this to prepare more on first use.

Which services there are stands in gaelp/local_stack/stack.py, their commands in gaelp/local_stack/services.py.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from gaelp.confinement.kernel_rules import lacking
from gaelp.local_stack import first_use
from gaelp.local_stack.process import StackError
from gaelp.local_stack.services import Ports
from gaelp.local_stack.stack import LocalStack
from gaelp.settings import Settings

ACCOUNT = "emulator"
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
    stack = LocalStack(settings.home, ports=ports_of(settings), emulator_token=settings.emulator_token)
    with stack:
        key = prepare(settings.home.absolute(), stack.environment(), show)
        for line in addresses(settings, key):
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


def addresses(settings: Settings, key: Path) -> list[str]:
    """The lines that tell a person where everything is and what to do next."""
    return [
        f"Temporal {settings.temporal_address}, its Web UI {settings.temporal_ui}",
        f"Redis {settings.redis_url}, platform emulator {settings.emulator_url}",
        f"logs of the services in {settings.home / 'logs'}",
        "start a run:  python starter.py start --config quick-test --experiment-name first",
        f"approve it:   python starter.py approve first   (signs with the demo key {key})",
        "Ctrl-C ends everything; runs stay in their files and go on with the next `make dev`",
    ]
