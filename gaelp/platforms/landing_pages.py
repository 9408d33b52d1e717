"""Whether the page that ads lead to can be reached by those who click. Touch this when another answer counts.

Only its status is looked at, and no redirect is followed. A name is resolved once, and what it stands for is what is
called, so that no address is checked and another one called. Private and loopback addresses are called for an emulator
alone: no visitor reaches them, and whoever gives the address is to learn nothing of our network.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time as clock
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.client import HTTPException
from urllib.parse import quote, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

SECONDS = 4.0  # that a page has to be connected, and as many to answer
TRIES, PAUSE_SECONDS = 3, 1.0  # one answer that is lost on the way pauses no campaign
NOT_OURS = frozenset({401, 403, 405, 429})  # answers to a visitor of this kind, which say nothing of others
FAILS = 400  # from this status on
KEPT = "/?%:@!$&'()*+,;=-._~"  # of a path and a query; what else is in them is written as percent and digits
_V4_INSIDE = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")))
"""IPv6 addresses whose last four bytes are the IPv4 address that is reached (RFC 6052, RFC 4291, RFC 2765)."""


def addresses_of(host: str, port: int) -> tuple[str, ...]:
    """The addresses that a name stands for; none where nobody knows it."""
    try:
        return tuple(str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError:
        return ()


def page_reachable(
    url: str,
    *,
    private: bool,
    wait: Callable[[float], None] = clock.sleep,
    addresses: Callable[[str, int], Sequence[str]] = addresses_of,
) -> bool | None:
    """Whether it answers a visitor; None: it answers, and not to us. `private`: the address may be a private one.

    Where a name stands for several addresses, each try calls the next one, as a visitor's browser would.
    """
    for at in range(TRIES):
        reached = _answers(url, private, addresses, at)
        if reached is not False or at == TRIES - 1:
            break
        wait(PAUSE_SECONDS)
    return reached


def _answers(url: str, private: bool, addresses: Callable[[str, int], Sequence[str]], at: int) -> bool | None:
    try:
        parts = urlsplit(url)
        secure, host = parts.scheme == "https", (parts.hostname or "").encode("idna").decode()
        port = parts.port or (443 if secure else 80)
    except ValueError:  # a port, a name or an address that is none
        return False
    found = addresses(host, port)
    if not found or not (private or all(map(_public, found))):
        return False
    address = found[at % len(found)]
    connection = (
        HTTPSConnection(address, port, timeout=SECONDS, server_hostname=host)
        if secure
        else HTTPConnection(address, port, timeout=SECONDS)
    )
    place = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    shown = f"[{host}]" if ":" in host else host
    status = _status(connection, quote(place, safe=KEPT), f"{shown}:{parts.port}" if parts.port else shown)
    return None if status in NOT_OURS else status is not None and status < FAILS


def _status(connection: HTTPConnection, place: str, host: str) -> int | None:
    """The status of the answer, None where there is none in time: whoever sends it byte by byte is cut off."""
    late = threading.Event()
    end = threading.Timer(2 * SECONDS, _cut_off, [connection, late])
    end.daemon = True
    end.start()
    try:
        connection.request("GET", place, headers={"Host": host}, preload_content=False)
        status = connection.getresponse().status
        return None if late.is_set() else status  # the end of what is cut off looks like the end of headers
    except (HTTPError, HTTPException, OSError, ValueError):  # the last two from a connection that was cut off
        return None
    finally:
        end.cancel()
        connection.close()


def _cut_off(connection: HTTPConnection, late: threading.Event) -> None:
    late.set()
    if connection.sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _public(address: str) -> bool:
    """Whether it is an address of the public network, and so is the IPv4 address that it may carry."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inside = found.ipv4_mapped or found.sixtofour
        if any(found in network for network in _V4_INSIDE):
            inside = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inside is not None:
            return _public(str(inside))
        if found.is_site_local:
            return False
    return found.is_global and not found.is_multicast
