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
from functools import partial
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

SECONDS = 4.0  # that a page has to answer, whatever it does with them: nothing of a campaign waits for it longer
TRIES, PAUSE_SECONDS = 3, 1.0  # one answer that is lost on the way pauses no campaign
NOT_OURS = frozenset({401, 403, 405, 429})  # answers to a visitor of this kind, which say nothing of others
FAILS = 400  # from this status on
_V4_INSIDE = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")))
"""IPv6 addresses whose last four bytes are the IPv4 address that is reached (RFC 6052, RFC 4291, RFC 2765)."""


def addresses_of(host: str, port: int) -> tuple[str, ...]:
    """The addresses that a name stands for; none where nobody knows it."""
    try:
        return tuple(str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):  # the latter of a name that is none
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
        reached = _within(SECONDS, partial(_answers, url, private, addresses, at))
        if reached is not False or at == TRIES - 1:
            break
        wait(PAUSE_SECONDS)
    return reached


def _within(seconds: float, ask: Callable[[], bool | None]) -> bool | None:
    """What is answered in that time, else False: a name that resolves slowly and a page that drips have no timeout."""
    answers: list[bool | None] = [False]
    asking = threading.Thread(target=lambda: answers.insert(0, ask()), daemon=True)
    asking.start()
    asking.join(seconds)
    return answers[0]


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
    address, timeout = found[at % len(found)], urllib3.Timeout(total=SECONDS)
    pool = (
        urllib3.HTTPSConnectionPool(address, port, timeout=timeout, server_hostname=host, assert_hostname=host)
        if secure
        else urllib3.HTTPConnectionPool(address, port, timeout=timeout)
    )
    shown = f"[{host}]" if ":" in host else host
    with pool:
        return _status_is_well(pool, parts.path or "/", parts.query, f"{shown}:{parts.port}" if parts.port else shown)


def _status_is_well(pool: urllib3.HTTPConnectionPool, path: str, query: str, host: str) -> bool | None:
    place = f"{path}?{query}" if query else path
    try:
        answer = pool.urlopen(
            "GET", place, headers={"Host": host}, retries=False, redirect=False, preload_content=False
        )
    except HTTPError:
        return False
    answer.close()
    return None if answer.status in NOT_OURS else answer.status < FAILS


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
