"""Redis connections and the one write we make there: append to a capped stream, once. Touch this to use Redis more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

SOCKET_SECONDS = 5.0
LONGEST_BLOCK_MS = 2000  # a read that blocks must end before its socket times out

# The mark and the entry are one step: a crash between the two would lose the entry for ever.
_ADD_ONCE = """
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then return 0 end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', unpack(ARGV, 3))
return 1
"""


def connect(url: str) -> redis.Redis:
    """A client whose pool waits for a free connection instead of raising, and tries a broken one once more."""
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=16,
        timeout=SOCKET_SECONDS,
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=2.0,
        decode_responses=True,
        retry=Retry(NoBackoff(), 1),  # harmless: every write of ours has its id
    )
    return redis.Redis(connection_pool=pool)


def address(url: str) -> str:
    """Host and port of a Redis URL, without its password."""
    parts = urlsplit(url)
    return f"{parts.hostname or parts.path}:{parts.port or 6379}"


class OnceStreams:
    """Streams to which an entry of one id is added once, within the life of its mark."""

    def __init__(self, client: redis.Redis, entries: int, mark_seconds: int) -> None:
        self._script = client.register_script(_ADD_ONCE)
        self._client = client
        self._entries = entries
        self._seconds = mark_seconds

    def add(self, stream: str, entries: Mapping[str, Mapping[str, str]]) -> int:
        """Add the entries (id -> fields) in order, in one round trip; return how many were new."""
        pipeline = self._client.pipeline(transaction=False)
        for identity, fields in entries.items():
            flat = [part for pair in fields.items() for part in pair]
            self._script(
                keys=[f"{stream}:mark:{identity}", stream], args=[self._seconds, self._entries, *flat], client=pipeline
            )
        added: list[Any] = pipeline.execute()
        return sum(map(int, added))
