"""Lifecycle events through Google Pub/Sub, by the official client.

The ordering key is the run. PUBSUB_EMULATOR_HOST makes the client speak to Google's emulator, without credentials.
The emulator does not redeliver the successors of an event that was refused, so a reader here never refuses one. Touch
this to change topic, ordering or subscriptions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from google.api_core import exceptions as api
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud import pubsub_v1

from gaelp.messages.recording import LifecycleEvent
from gaelp.records.events.lifecycle_events import EventsUnavailable

TOPIC = "gaelp-events"
_TIMEOUT = 5.0  # seconds of one call
_RETRY = Retry(
    predicate=lambda error: isinstance(error, api.ServiceUnavailable | api.InternalServerError | api.Aborted),
    initial=0.1,
    maximum=1.0,
    timeout=_TIMEOUT,
)
_AWAY = (api.GoogleAPICallError, api.RetryError, GoogleAuthError, FutureTimeout, OSError)


class PubSubEvents:
    """Events on one topic, made if absent."""

    def __init__(self, project: str) -> None:
        options = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
        self._client = pubsub_v1.PublisherClient(publisher_options=options)
        self._topic = self._client.topic_path(project, TOPIC)
        self._made = False

    def publish(self, events: Sequence[LifecycleEvent]) -> int:
        """Send in order per run, and wait until the service has them all."""
        try:
            if not self._made:
                _make_topic(self._client, self._topic)
                self._made = True
            sent = [(event, self._send(event)) for event in events]
            for _, future in sent:
                future.result(timeout=4 * _TIMEOUT)
        except _AWAY as error:
            for run in {event.run for event in events}:
                self._client.resume_publish(self._topic, run)  # a failed key stays closed otherwise
            raise _away(error) from error
        return len(sent)

    def _send(self, event: LifecycleEvent) -> Any:
        data = event.model_dump_json().encode()
        marks = {"event_id": event.id, "kind": event.kind}
        return self._client.publish(self._topic, data, ordering_key=event.run, retry=_RETRY, timeout=_TIMEOUT, **marks)

    def close(self) -> None:
        """Stop the publisher's threads and close the channel."""
        self._client.stop()
        self._client.transport.close()


def _make_topic(client: Any, topic: str) -> None:
    try:
        client.create_topic(name=topic, retry=_RETRY, timeout=_TIMEOUT)
    except api.AlreadyExists:
        return


def _away(error: BaseException) -> EventsUnavailable:
    where = os.environ.get("PUBSUB_EMULATOR_HOST", "pubsub.googleapis.com")
    return EventsUnavailable(
        f"events cannot reach Pub/Sub at {where} ({type(error).__name__}): check that it runs and that we may publish, "
        "or unset GAELP_PUBSUB_PROJECT to use Redis"
    )


def read_pubsub(project: str, subscriber: str, wait_ms: int) -> Iterator[LifecycleEvent]:
    """Messages of the subscription `gaelp-events-SUBSCRIBER` (made if absent), until none comes for `wait_ms`."""
    publisher, client = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    path = client.subscription_path(project, f"{TOPIC}-{subscriber}")
    try:
        _make_topic(publisher, publisher.topic_path(project, TOPIC))
        _make_subscription(client, path, publisher.topic_path(project, TOPIC))
        while messages := _pulled(client, path, wait_ms / 1000):
            for message in messages:
                yield LifecycleEvent.model_validate_json(message.message.data)
                client.acknowledge(subscription=path, ack_ids=[message.ack_id], retry=_RETRY, timeout=_TIMEOUT)
    except _AWAY as error:
        raise _away(error) from error
    finally:
        client.close()
        publisher.transport.close()


def _make_subscription(client: Any, path: str, topic: str) -> None:
    subscription = {"name": path, "topic": topic, "enable_message_ordering": True, "ack_deadline_seconds": 60}
    try:
        client.create_subscription(request=subscription, retry=_RETRY, timeout=_TIMEOUT)
    except api.AlreadyExists:
        return


def _pulled(client: Any, path: str, seconds: float) -> Sequence[Any]:
    try:
        response = client.pull(subscription=path, max_messages=100, retry=None, timeout=seconds)
    except api.DeadlineExceeded:
        return ()
    return list(response.received_messages)
