"""Lifecycle events as their publishers see them: ordered per run, each with its own id.

Publishing is at-least-once. Redis drops an id that it has, Pub/Sub cannot: a subscriber drops repeated events by the
attribute `event_id`, as `read_events` of event_back_ends.py does. Touch this to change what every service does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gaelp.errors import GaelpError
from gaelp.messages.recording import LifecycleEvent


class EventsUnavailable(GaelpError, ConnectionError):
    """The event service does not answer: publish again later. The message names its address."""


class EventPublisher(Protocol):
    """A place where lifecycle events are published."""

    def publish(self, events: Sequence[LifecycleEvent]) -> int:
        """Publish in order; return how many were new as far as the service can tell. Raises EventsUnavailable."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
