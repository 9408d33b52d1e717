"""Live metrics of a run: a Redis stream that `watch` reads.

Nothing is decided from them: without Redis there is no live picture, and no fact is lost. Touch this to show something
else while a run goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import redis
import structlog

from gaelp.errors import GaelpError
from gaelp.records.events.redis_streams import LONGEST_BLOCK_MS, OnceStreams, address, connect

_ENTRIES = 10_000  # kept of a run, about
_MARK_SECONDS = 30 * 86_400
_log = structlog.get_logger(__name__)


class LiveMetricsUnavailable(GaelpError, ConnectionError):
    """Redis does not answer a reader; the message names its address."""


class LiveMetrics:
    """Metrics by run and step. Threads may share one."""

    def __init__(self, redis_url: str) -> None:
        self._address = address(redis_url)
        self._client = connect(redis_url)
        self._streams = OnceStreams(self._client, _ENTRIES, _MARK_SECONDS)

    def write(self, run: str, step: int | str, metrics: Mapping[str, float]) -> bool:
        """Add one entry per (run, step), however often it is called; False where Redis is away and it was dropped."""
        try:
            self._streams.add(_stream(run), {str(step): {"step": str(step), "metrics": json.dumps(dict(metrics))}})
        except (redis.RedisError, OSError) as error:
            _log.warning("live metrics dropped", run=run, step=step, redis=self._address, error=type(error).__name__)
            return False
        return True

    def read(self, run: str, after: str = "0", block_ms: int = 0) -> list[tuple[str, str, dict[str, float]]]:
        """(id, step, metrics) of the entries after id `after`, oldest first.

        Waits up to `block_ms` (at most 2 seconds a call; 0: not at all) for a first one. Raises LiveMetricsUnavailable.
        """
        block = min(block_ms, LONGEST_BLOCK_MS) or None
        try:
            streams = cast("list[Any]", self._client.xread({_stream(run): after}, count=1000, block=block) or [])
        except (redis.RedisError, OSError) as error:
            raise LiveMetricsUnavailable(
                f"Redis at {self._address} does not answer: start it with `make dev`"
            ) from error
        return [
            (entry, fields["step"], json.loads(fields["metrics"]))
            for _, entries in streams
            for entry, fields in entries
        ]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _stream(run: str) -> str:
    return f"gaelp:metrics:{run}"
