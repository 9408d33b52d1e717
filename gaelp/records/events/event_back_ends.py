"""Which service carries the lifecycle events: Google Pub/Sub where a project is configured, else a Redis stream.

Pub/Sub is imported when it is used, because its client takes a second to import. Touch this to publish elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from gaelp.messages.recording import LifecycleEvent
from gaelp.records.events.lifecycle_events import EventPublisher
from gaelp.records.events.redis_events import RedisEvents, read_redis


def open_events(redis_url: str, pubsub_project: str) -> EventPublisher:
    """Pub/Sub where a project is named, else a Redis stream."""
    if pubsub_project:
        from gaelp.records.events.pubsub_events import PubSubEvents

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
        source = read_redis(redis_url, subscriber, wait_ms)
    handled: set[str] = set()
    for event in source:
        if event.id not in handled:
            handled.add(event.id)
            yield event
