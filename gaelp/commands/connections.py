"""Opens what a verb talks to. A service that is not there is one sentence: its name, its address, how to start it.

Touch this when a verb needs another service. Everything answers or refuses within PATIENCE seconds.
"""

from __future__ import annotations

import getpass
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gaelp.commands.console import Refused, WrongUse
from gaelp.domain.ids import checked_name

if TYPE_CHECKING:
    from temporalio.client import Client

    from gaelp.ledger.ledger import Ledger
    from gaelp.records.warehouse.warehouse import Warehouse
    from gaelp.settings import Settings

PATIENCE = timedelta(seconds=6)  # ten are promised, and a busy machine takes three to begin
RPC = timedelta(seconds=5)


def read_settings() -> Settings:
    """The process settings of the environment."""
    from pydantic import ValidationError

    from gaelp.settings import Settings

    try:
        return Settings()  # pyright: ignore — every field has a default
    except ValidationError as error:
        lines = [f"GAELP_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors()]
        raise WrongUse("wrong settings in the environment: " + "; ".join(lines)) from None


def run_name(name: str) -> str:
    """A run's name that may become an id and a path."""
    try:
        return checked_name(name, "the run name")
    except ValueError as error:
        raise WrongUse(str(error)) from None


def now() -> datetime:
    """The wall clock of the command line."""
    return datetime.now(UTC)


def user_name() -> str:
    """Who gives the command; a container's user may have no name, and a stop must not fail over it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


async def temporal(settings: Settings) -> Client:
    """A client of the Temporal server."""
    import asyncio  # 30 ms, which `validate --syntax-only` need not pay

    from temporalio.service import RPCError

    from gaelp.temporal_connection import connect

    address = settings.temporal_address
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            return await connect(settings, PATIENCE)
    except (RuntimeError, RPCError, TimeoutError, ValueError) as error:
        raise _absent("Temporal", address, "GAELP_TEMPORAL_ADDRESS") from error


def web_address(settings: Settings, run: str) -> str:
    """Where the Web UI shows a run."""
    return f"{settings.temporal_ui}/namespaces/{settings.temporal_namespace}/workflows/{run}"


def has_ledger(settings: Settings) -> bool:
    """Whether there is a ledger to read, so that looking makes none; a server's is known when it is asked."""
    scheme, _, file = settings.ledger.partition(":///")
    return scheme != "sqlite" or not file or Path(file).exists()


def open_ledger(settings: Settings) -> Ledger:
    """The ledger; its own errors name the place and the remedy."""
    from gaelp.ledger.ledger import Ledger

    if settings.ledger.startswith("sqlite:///") and not settings.home.exists():
        settings.home.mkdir(parents=True)
    return Ledger.open(settings.ledger)


def open_warehouse(settings: Settings) -> Warehouse:
    """The warehouse."""
    from gaelp.records.warehouse.warehouse_back_ends import open_warehouse as opened

    return opened(settings.warehouse)


def reach_redis(settings: Settings) -> None:
    """Refuse where Redis does not answer."""
    import redis

    seconds = PATIENCE.total_seconds() / 2
    try:
        client = redis.Redis.from_url(
            settings.redis_url, socket_connect_timeout=seconds, socket_timeout=seconds, retry=None
        )
        client.ping()
        client.close()
    except (redis.RedisError, ValueError) as error:
        raise _absent("Redis", settings.redis_url, "GAELP_REDIS_URL") from error


def reach_emulator(settings: Settings) -> None:
    """Refuse where nothing listens at the platform emulator's address."""
    url = urlsplit(settings.emulator_url)
    try:
        port = url.port or (443 if url.scheme == "https" else 80)
        socket.create_connection((url.hostname or "", port), timeout=PATIENCE.total_seconds() / 2).close()
    except (OSError, ValueError) as error:
        raise _absent("the platform emulator", settings.emulator_url, "GAELP_EMULATOR_URL") from error


def _absent(service: str, address: str, variable: str) -> Refused:
    return Refused(
        f"{service} does not answer at {address}: start it with `make dev`, or set {variable} to where it is",
        service=service,
        address=address,
    )
