"""Serves one page until it has its answer, on this machine unless the owner names another address.

Touch this to change where and how long a page is served.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import uvicorn
from fastapi import FastAPI

from gaelp.commands.console import Refused, WrongUse
from gaelp.ledger.passkeys import LOOPBACK, is_secure, relying_party

LOOK_SECONDS = 1.0
CLOSE_SECONDS = 2


def origin_of(arguments: argparse.Namespace) -> str:
    """The page's address as browsers name it; raises WrongUse where no passkey could sign on it."""
    origin: str = arguments.origin or f"http://{LOOPBACK}:{arguments.port}"
    if not is_secure(origin):
        raise WrongUse(f"--origin {origin!r} is no https://HOST or http://localhost:PORT without a path")
    if relying_party(origin) == LOOPBACK and arguments.bind not in ("127.0.0.1", "::1"):
        raise WrongUse("a page of http://localhost is served to this machine only: leave --bind out, or give --origin")
    return origin


async def serve(
    app: FastAPI, arguments: argparse.Namespace, over: Callable[[], Awaitable[bool]], announce: Callable[[], None]
) -> None:
    """Serve until `over`, which is asked every second; Ctrl-C ends it too. Raises Refused where the port is taken.

    `announce` is called once the page can be opened.
    """
    listening = _listen(arguments.bind, arguments.port)
    announce()
    quiet = uvicorn.Config(
        app, log_level="critical", access_log=False, server_header=False, lifespan="off",
        timeout_graceful_shutdown=CLOSE_SECONDS,
    )  # fmt: skip
    server = uvicorn.Server(quiet)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        while not serving.done() and not await over():
            await asyncio.wait([serving], timeout=LOOK_SECONDS)
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await serving


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise Refused(f"{host}:{port} cannot be listened at ({error.strerror}): give another --port") from error
