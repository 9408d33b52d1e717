"""Lifecycle events in one capped Redis stream. Touch this to change how long Redis holds them, or how they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import redis

from gaelp.messages.recording import LifecycleEvent
from gaelp.records.events.lifecycle_events import EventsUnavailable
from gaelp.records.events.redis_streams import LONGEST_BLOCK_MS, OnceStreams, address, connect

STREAM = "gaelp:events"
_ENTRIES = 100_000
_MARK_SECONDS = 30 * 86_400  # longer than any activity is retried


class RedisEvents:
    """Events in one capped Redis stream."""

    def __init__(self, redis_url: str) -> None:
        self._address = address(redis_url)
        self._client = connect(redis_url)
        self._streams = OnceStreams(self._client, _ENTRIES, _MARK_SECONDS)

    def publish(self, events: Sequence[LifecycleEvent]) -> int:
        """Add the events that the stream has not had; EventsUnavailable where Redis is away."""
        fields = {e.id: {"event_id": e.id, "run": e.run, "kind": e.kind, "event": e.model_dump_json()} for e in events}
        try:
            return self._streams.add(STREAM, fields)
        except (redis.RedisError, OSError) as error:
            raise _redis_away(self._address) from error

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _redis_away(where: str) -> EventsUnavailable:
    return EventsUnavailable(f"events cannot reach Redis at {where}: start it with `make dev` or set GAELP_REDIS_URL")


def read_redis(redis_url: str, subscriber: str, wait_ms: int) -> Iterator[LifecycleEvent]:
    """A consumer group of one: what was delivered and not acknowledged comes first, then what is new."""
    client = connect(redis_url)
    try:
        _make_group(client, subscriber)
        yield from _entries(client, subscriber, after="0", wait_ms=0)
        yield from _entries(client, subscriber, after=">", wait_ms=min(wait_ms, LONGEST_BLOCK_MS))
    except (redis.RedisError, OSError) as error:
        raise _redis_away(address(redis_url)) from error
    finally:
        client.close()


def _make_group(client: redis.Redis, subscriber: str) -> None:
    try:
        client.xgroup_create(STREAM, subscriber, id="0", mkstream=True)
    except redis.ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):  # Redis gives the code of an error in its text only
            raise


def _entries(client: redis.Redis, subscriber: str, after: str, wait_ms: int) -> Iterator[LifecycleEvent]:
    while True:
        streams = client.xreadgroup(subscriber, "reader", {STREAM: after}, count=100, block=wait_ms or None)
        entries = [entry for _, listed in cast("list[Any]", streams or []) for entry in listed]
        if not entries:
            return
        for identity, fields in entries:
            if fields:  # none: the stream was capped beyond it
                yield LifecycleEvent.model_validate_json(fields["event"])
            client.xack(STREAM, subscriber, identity)
