"""Live metrics on a real Redis: one entry per step, and nothing lost but the picture where Redis is away."""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from gaelp.records.events import live_metrics
from gaelp.records.events.live_metrics import LiveMetrics, LiveMetricsUnavailable
from tests.support.servers import free_port, redis_server, running


@pytest.fixture
def run() -> str:
    return f"run-{secrets.token_hex(3)}"


def test_one_entry_per_step_and_in_order(redis_url: str, run: str) -> None:
    """A step written again by a retry is there once; reading goes on after the last id; runs do not mix."""
    metrics = LiveMetrics(redis_url)
    for step in ("round-0", "round-1", "round-0"):
        assert metrics.write(run, step, {"reward": 0.5, "episodes": 4.0})
    assert metrics.write("another-run", "round-9", {})
    first, second = metrics.read(run)
    assert (first[1], first[2]) == ("round-0", {"reward": 0.5, "episodes": 4.0})
    assert metrics.read(run, after=first[0]) == [second]
    assert metrics.read(run, after=second[0]) == []
    metrics.close()


def test_a_reader_that_waits_gets_the_next_entry(redis_url: str, run: str) -> None:
    """A blocked read returns when an entry arrives, and with nothing when its time is over."""
    metrics = LiveMetrics(redis_url)
    assert metrics.read(run, block_ms=50) == []
    timer = threading.Timer(0.2, metrics.write, (run, 1, {"reward": 1.0}))
    timer.start()
    ((_, step, values),) = metrics.read(run, block_ms=2000)
    assert (step, values) == ("1", {"reward": 1.0})
    timer.join()
    metrics.close()


def test_the_stream_is_capped(redis_url: str, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run does not fill Redis."""
    monkeypatch.setattr(live_metrics, "_ENTRIES", 100)
    metrics = LiveMetrics(redis_url)
    for step in range(1000):
        metrics.write(run, step, {"x": 1.0})
    assert redis.Redis.from_url(redis_url).xlen(f"gaelp:metrics:{run}") <= 300  # trimmed by whole nodes
    assert metrics.read(run)[-1][1] == "999"
    metrics.close()


def test_without_redis_a_write_is_dropped_and_a_read_is_refused(run: str) -> None:
    """Writing returns False soon and raises nothing; reading names the address."""
    metrics = LiveMetrics(f"redis://127.0.0.1:{free_port()}/0")
    begin = datetime.now(UTC)
    assert metrics.write(run, 1, {"reward": 1.0}) is False
    with pytest.raises(LiveMetricsUnavailable, match=r"Redis at 127\.0\.0\.1:\d+"):
        metrics.read(run)
    assert datetime.now(UTC) - begin < timedelta(seconds=10)


def test_writing_goes_on_after_redis_was_killed(tmp_path: Path, run: str) -> None:
    """kill -9 of Redis costs the writes of its absence, nothing else."""
    with running(redis_server(tmp_path)) as server:
        metrics = LiveMetrics(f"redis://{server.address}/0")
        assert metrics.write(run, 1, {"x": 1.0})
        server.kill()
        assert metrics.write(run, 2, {"x": 2.0}) is False
        server.start()
        assert metrics.write(run, 3, {"x": 3.0})
        assert [step for _, step, _ in metrics.read(run)] == ["1", "3"]
        metrics.close()


def test_more_threads_than_connections_wait_their_turn(redis_url: str, run: str) -> None:
    """Forty threads share a pool of sixteen without an error."""
    metrics, wrote = LiveMetrics(redis_url), []
    threads = [
        threading.Thread(target=lambda n=n: wrote.append(metrics.write(run, n, {"x": float(n)}))) for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrote == [True] * 40 and len(metrics.read(run)) == 40
    metrics.close()
