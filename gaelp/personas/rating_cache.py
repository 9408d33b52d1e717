"""Answers in Redis, so that a pair is asked about once. Touch this to keep them elsewhere, or for longer.

Losing them costs questions and no fact: the ratings that a run used are content in its store.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, cast

import redis
import structlog

from gaelp.personas.rater import Remembered
from gaelp.records.events.redis_streams import address, connect

_KEPT_SECONDS = 90 * 86_400
_log = structlog.get_logger(__name__)


class RatingCache:
    """`gaelp:rating:DIGEST` -> JSON. Threads may share one."""

    def __init__(self, redis_url: str) -> None:
        self._address = address(redis_url)
        self._client = connect(redis_url)

    def get(self, keys: Sequence[str]) -> dict[str, Remembered]:
        """Those that are known, in one round trip; a value that is no answer is as good as none."""
        if not keys:
            return {}
        try:
            values = cast("list[str | None]", self._client.mget([_key(key) for key in keys]))
        except (redis.RedisError, OSError, UnicodeDecodeError) as error:
            self._away("read", error)
            return {}
        read = {key: _remembered(value) for key, value in zip(keys, values, strict=True) if value is not None}
        return {key: answer for key, answer in read.items() if answer is not None}

    def put(self, key: str, answer: Remembered) -> bool:
        """Keep one; False where Redis is away."""
        value = json.dumps({"probability": answer.probability, "tokens": answer.tokens, "run": answer.run})
        try:
            self._client.set(_key(key), value, ex=_KEPT_SECONDS)
        except (redis.RedisError, OSError) as error:
            self._away("kept", error)
            return False
        return True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _away(self, what: str, error: Exception) -> None:
        _log.warning("ratings are not " + what, redis=self._address, error=type(error).__name__)


def _key(key: str) -> str:
    return f"gaelp:rating:{key}"


def _remembered(value: str) -> Remembered | None:
    try:
        found: dict[str, Any] = json.loads(value)
        answer = Remembered(float(found["probability"]), int(found["tokens"]), str(found["run"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    plausible = math.isfinite(answer.probability) and 0 <= answer.probability <= 1 and answer.tokens >= 0
    return answer if plausible else None
