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
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

SECONDS = 4.0  # that a page has to answer, whatever it does with them: nothing of a campaign waits for it longer
TRIES, PAUSE_SECONDS = 3, 1.0  # one answer that is lost on the way pauses no campaign
NOT_OURS = frozenset({401, 403, 405, 429})  # answers to a visitor of this kind, which say nothing of others
FAILS = 400  # from this status on


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
    """Whether it answers a visitor; None: it answers, and not to us. `private`: the address may be a private one."""
    for left in reversed(range(TRIES)):
        reached = _within(SECONDS, lambda: _answers(url, private, addresses))
        if reached is not False or not left:
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


def _answers(url: str, private: bool, addresses: Callable[[str, int], Sequence[str]]) -> bool | None:
    try:
        parts = urlsplit(url)
        secure, host = parts.scheme == "https", parts.hostname or ""
        port = parts.port or (443 if secure else 80)
    except ValueError:  # a port or an address that is none
        return False
    found = addresses(host, port)
    if not found or not (private or all(map(_public, found))):
        return False
    timeout = urllib3.Timeout(total=SECONDS)
    pool = (
        urllib3.HTTPSConnectionPool(found[0], port, timeout=timeout, server_hostname=host, assert_hostname=host)
        if secure
        else urllib3.HTTPConnectionPool(found[0], port, timeout=timeout)
    )
    with pool:
        return _status_is_well(pool, parts.path or "/", parts.query, parts.netloc.rpartition("@")[2])


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
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_global
