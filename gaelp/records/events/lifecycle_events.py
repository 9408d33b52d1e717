"""Lifecycle events for other systems: ordered per run, each once per id. Touch this to publish elsewhere.

Google Pub/Sub where a project is configured, a Redis stream otherwise. Publishing is at-least-once; Redis drops an id
it has, Pub/Sub cannot: a subscriber de-duplicates by the attribute `event_id`, as `read_events` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

import redis

from gaelp.errors import GaelpError
from gaelp.messages.recording import LifecycleEvent
from gaelp.records.events.redis_streams import LONGEST_BLOCK_MS, OnceStreams, address, connect

STREAM = "gaelp:events"
_ENTRIES = 100_000
_MARK_SECONDS = 30 * 86_400  # longer than any activity is retried


class EventsUnavailable(GaelpError, ConnectionError):
    """The event service does not answer: publish again later. The message names its address."""


class Events(Protocol):
    """A place where lifecycle events are published."""

    def publish(self, events: Sequence[LifecycleEvent]) -> int:
        """Publish in order; return how many were new as far as the service can tell. Raises EventsUnavailable."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def open_events(redis_url: str, pubsub_project: str) -> Events:
    """Pub/Sub where a project is named, else a Redis stream."""
    if pubsub_project:
        from gaelp.records.events.pubsub_events import PubSubEvents  # its import costs a second

        return PubSubEvents(pubsub_project)
    return RedisEvents(redis_url)


def read_events(
    redis_url: str, pubsub_project: str, subscriber: str, *, wait_ms: int = 1000
) -> Iterator[LifecycleEvent]:
    """Events new to `subscriber`, in order per run and each once, until none comes for `wait_ms`.

    An event counts as handled when the next one is asked for: a reader that dies in between sees it again. On Pub/Sub
    a subscriber gets what is published after its first call, on Redis all that the stream still holds.
    """
    if pubsub_project:
        from gaelp.records.events.pubsub_events import read_pubsub

        source = read_pubsub(pubsub_project, subscriber, wait_ms)
    else:
        source = _read_redis(redis_url, subscriber, wait_ms)
    seen: set[str] = set()
    for event in source:
        if event.id not in seen:
            seen.add(event.id)
            yield event


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


def _read_redis(redis_url: str, subscriber: str, wait_ms: int) -> Iterator[LifecycleEvent]:
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
        answer = client.xreadgroup(subscriber, "reader", {STREAM: after}, count=100, block=wait_ms or None)
        entries = [entry for _, found in cast("list[Any]", answer or []) for entry in found]
        if not entries:
            return
        for identity, fields in entries:
            if fields:  # none: the stream was capped beyond it
                yield LifecycleEvent.model_validate_json(fields["event"])
            client.xack(STREAM, subscriber, identity)
