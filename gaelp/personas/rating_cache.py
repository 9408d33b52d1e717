"""The language model's answers, kept in Redis so that no question is asked twice. Touch this to keep them for longer.

Losing them costs new questions and no fact: the ratings that a run used are in its content store.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, cast

import redis
import structlog

from gaelp.personas.rater import Remembered

_KEPT_SECONDS = 90 * 86_400
_log = structlog.get_logger(__name__)


class RatingCache:
    """`gaelp:rating:DIGEST` -> JSON. Threads may share one; the client is closed with it."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        parts = client.get_connection_kwargs()
        self._address = f"{parts.get('host') or parts.get('path')}:{parts.get('port', 6379)}"  # without a password

    def get(self, keys: Sequence[str]) -> dict[str, Remembered]:
        """The answers that are known, in one round trip; a value that is not an answer counts as unknown."""
        if not keys:
            return {}
        try:
            values = cast("list[str | None]", self._client.mget([_key(key) for key in keys]))
        except (redis.RedisError, OSError, UnicodeDecodeError) as error:
            self._warn("read", error)
            return {}
        answers = {key: _remembered(value) for key, value in zip(keys, values, strict=True) if value is not None}
        return {key: answer for key, answer in answers.items() if answer is not None}

    def put(self, key: str, answer: Remembered) -> bool:
        """Keep one answer; False where Redis cannot be reached."""
        value = json.dumps({"probability": answer.probability, "tokens": answer.tokens, "run": answer.run})
        try:
            self._client.set(_key(key), value, ex=_KEPT_SECONDS)
        except (redis.RedisError, OSError) as error:
            self._warn("kept", error)
            return False
        return True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _warn(self, verb: str, error: Exception) -> None:
        _log.warning(f"ratings are not {verb}", redis=self._address, error=type(error).__name__)


def _key(key: str) -> str:
    return f"gaelp:rating:{key}"


def _remembered(value: str) -> Remembered | None:
    try:
        fields: dict[str, Any] = json.loads(value)
        answer = Remembered(float(fields["probability"]), int(fields["tokens"]), str(fields["run"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    plausible = math.isfinite(answer.probability) and 0 <= answer.probability <= 1 and answer.tokens >= 0
    return answer if plausible else None
