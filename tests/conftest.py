"""What holds for every test: it stays on loopback, and this machine's GAELP_ variables do not reach it.

The socket guard guards money: a test that could reach an ad platform could spend. It hears every connection that
Python code makes; the two native clients (gRPC, Temporal's core) are only ever given loopback addresses.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

for _name in [name for name in os.environ if name.startswith(("GAELP_", "TEMPORAL_"))]:
    del os.environ[_name]

_WATCHED = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_escapes: list[str] = []


class LeftLoopback(BaseException):
    """A test tried to reach another machine. Not an Exception, so that no retry loop can swallow it."""


def _is_local(host: object) -> bool:
    if host in ("", "localhost", None):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def _guard(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host: object = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
    elif event in _WATCHED and isinstance(arguments[1], tuple):  # a Unix socket's address is text
        host = arguments[1][0]
    else:
        return
    # Our own bind to "0.0.0.0" resolves it, and reaches nobody.
    if not _is_local(host) and host not in ("0.0.0.0", "::"):  # noqa: S104
        _escapes.append(f"{event} to {host}")
        raise LeftLoopback(f"{event} to {host}: a test may speak to this machine only")


sys.addaudithook(_guard)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """With `--dist loadfile`, folders whose tests share services stay in one process; otherwise as xdist has it."""
    from tests.support.folders_first import FoldersFirst

    return FoldersFirst(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture
def left_loopback() -> type[BaseException]:
    """What the guard raises."""
    return LeftLoopback


@pytest.fixture
def escapes() -> list[str]:
    """What the guard has caught in this test; the guard's own test empties it."""
    return _escapes


@pytest.fixture(autouse=True)
def stays_on_loopback() -> Iterator[None]:
    """Fail the test whose code tried to leave, even where the attempt was swallowed."""
    _escapes.clear()
    yield
    caught, _escapes[:] = list(_escapes), []
    if caught:
        pytest.fail(f"left loopback: {'; '.join(caught)}")
