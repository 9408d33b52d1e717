"""Lifecycle events on a real Redis and on Google's Pub/Sub emulator: in order per run, each once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
import redis

from gaelp.messages.recording import LifecycleEvent
from gaelp.records.events.event_back_ends import open_events, read_events
from gaelp.records.events.lifecycle_events import EventPublisher, EventsUnavailable
from tests.support.giving_up import gives_up_soon
from tests.support.servers import PUBSUB_PROJECT, Server, free_port, redis_server, running

AT = datetime(2026, 3, 1, tzinfo=UTC)
Place = tuple[str, str]


def event(run: str, number: int, **detail: object) -> LifecycleEvent:
    return LifecycleEvent(id=f"{run}/step-{number}", run=run, kind="episode.settled", at=AT, detail=dict(detail))


def read(place: Place, subscriber: str, wait_ms: int = 1500) -> list[LifecycleEvent]:
    return list(read_events(*place, subscriber, wait_ms=wait_ms))


@pytest.fixture(params=["redis", "pubsub"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Where events go, new for each test: (Redis URL, Pub/Sub project)."""
    if request.param == "pubsub":
        server: Server = request.getfixturevalue("pubsub")
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", server.address)
        return "redis://127.0.0.1:1/0", f"{PUBSUB_PROJECT}-{secrets.token_hex(3)}"
    url: str = request.getfixturevalue("redis_url")
    redis.Redis.from_url(url).flushall()
    return url, ""


@pytest.fixture
def events(place: Place) -> Iterator[EventPublisher]:
    opened = open_events(*place)
    yield opened
    opened.close()


class TestEveryPlace:
    def test_events_come_in_order_and_each_once(self, place: Place, events: EventPublisher) -> None:
        """Two runs' events, published again as an activity's retry does, reach a subscriber once, in order per run."""
        read(place, "audit", wait_ms=200)  # a Pub/Sub subscription sees only what comes after it
        told = [event(run, number, note=f"ünï {number}") for number in range(20) for run in ("a", "b")]
        events.publish(told)
        events.publish(told[10:30])
        got = read(place, "audit")
        assert sorted(e.id for e in got) == sorted(e.id for e in told)
        for run in ("a", "b"):
            assert [e for e in got if e.run == run] == [e for e in told if e.run == run]

    def test_every_subscriber_gets_every_event_and_only_once(self, place: Place, events: EventPublisher) -> None:
        """Two subscribers do not take events from each other, and a second reading finds nothing new."""
        for subscriber in ("one", "two"):
            read(place, subscriber, wait_ms=200)
        events.publish([event("a", 1), event("a", 2)])
        for subscriber in ("one", "two"):
            assert [e.id for e in read(place, subscriber)] == ["a/step-1", "a/step-2"]
            assert read(place, subscriber, wait_ms=300) == []

    def test_nothing_to_publish_is_nothing(self, events: EventPublisher) -> None:
        """An empty publication is allowed."""
        assert events.publish([]) == 0


def test_redis_keeps_one_entry_however_often_it_is_published(redis_url: str) -> None:
    """On the Redis stream an id is stored once, even within one call or from another publisher."""
    redis.Redis.from_url(redis_url).flushall()
    first, second = open_events(redis_url, ""), open_events(redis_url, "")
    assert first.publish([event("a", 1), event("a", 1), event("a", 2)]) == 2
    assert second.publish([event("a", 1), event("a", 2), event("a", 3)]) == 1
    assert redis.Redis.from_url(redis_url).xlen("gaelp:events") == 3
    first.close()
    second.close()


def test_a_reader_that_dies_sees_the_event_again(redis_url: str) -> None:
    """An event that was handed out and not finished with is handed out again, before newer ones."""
    redis.Redis.from_url(redis_url).flushall()
    events = open_events(redis_url, "")
    events.publish([event("a", number) for number in range(3)])
    dying = read_events(redis_url, "", "audit")
    assert [e.id for e in islice(dying, 2)] == ["a/step-0", "a/step-1"]  # dies while it handles the second
    dying.close()  # type: ignore[attr-defined]
    assert [e.id for e in read((redis_url, ""), "audit", 200)] == ["a/step-1", "a/step-2"]
    events.close()


def test_an_absent_redis_is_named_soon() -> None:
    """Publishing without Redis raises EventsUnavailable with the address, and no password."""
    events = open_events(f"redis://:hush@127.0.0.1:{free_port()}/0", "")
    with gives_up_soon(), pytest.raises(EventsUnavailable, match=r"Redis at 127\.0\.0\.1:\d+: start it") as refusal:
        events.publish([event("a", 1)])
    assert "hush" not in str(refusal.value)


def test_events_come_through_when_redis_returns(tmp_path: Path) -> None:
    """The same publisher works again after Redis was killed and started, and what was stored is still known."""
    with running(redis_server(tmp_path)) as server:
        events = open_events(f"redis://{server.address}/0", "")
        assert events.publish([event("a", 1)]) == 1
        server.kill()
        with pytest.raises(EventsUnavailable):
            events.publish([event("a", 2)])
        server.start()
        assert events.publish([event("a", 1), event("a", 2)]) == 1
        events.close()


def test_an_absent_pubsub_is_named_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing without Pub/Sub raises EventsUnavailable with its address within ten seconds."""
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
    events = open_events("", "p")
    with gives_up_soon(), pytest.raises(EventsUnavailable, match=rf"Pub/Sub at {address}.*GAELP_PUBSUB_PROJECT"):
        events.publish([event("a", 1)])
    events.close()


def test_pubsub_messages_say_what_others_need(pubsub: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message carries event_id and kind as attributes, the run as ordering key, and the event as JSON."""
    from google.cloud import pubsub_v1

    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub.address)
    project = f"{PUBSUB_PROJECT}-{secrets.token_hex(3)}"
    read(("", project), "other", wait_ms=200)
    events = open_events("", project)
    events.publish([event("a", 1)])
    client = pubsub_v1.SubscriberClient()
    path = client.subscription_path(project, "gaelp-events-other")
    (message,) = client.pull(subscription=path, max_messages=10, timeout=10).received_messages
    assert dict(message.message.attributes) == {"event_id": "a/step-1", "kind": "episode.settled"}
    assert message.message.ordering_key == "a"
    assert LifecycleEvent.model_validate_json(message.message.data) == event("a", 1)
    client.close()
    events.close()
