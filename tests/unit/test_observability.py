"""Log lines: JSON where there is no terminal, standard logging alike, and no secret in either."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from gaelp.observability import REDACTED, configure, redact


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Logging is global: leave it as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_structlog_and_logging_give_the_same_json_lines() -> None:
    """workflow.logger is standard logging; its lines look like structlog's, with their extra fields."""
    stream = io.StringIO()
    configure("INFO", stream=stream)
    structlog.get_logger("gaelp.worker").info("started %s", "a", run="a")
    logging.getLogger("temporalio.workflow").warning("phase %s ended", "simulation", extra={"run": "a"})
    logging.getLogger("quiet").debug("unseen")
    first, second = _lines(stream)
    assert (first["event"], first["run"], first["level"], first["logger"]) == ("started a", "a", "info", "gaelp.worker")
    assert (second["event"], second["run"], second["level"]) == ("phase simulation ended", "a", "warning")
    assert first["timestamp"].endswith("Z")


@pytest.mark.parametrize("pretty", [False, True])
def test_no_secret_reaches_a_line(pretty: bool) -> None:
    """Values under secret names at any depth, bearer tokens, passwords in URLs and tracebacks are taken out."""
    stream = io.StringIO()
    configure("DEBUG", stream=stream, pretty=pretty)
    log = structlog.get_logger()
    log.info("a", emulator_token="hush1", nested={"apiKey": "hush2", "list": [{"clientSecret": "hush3"}]})
    logging.getLogger("http").error("sent Bearer hush4", extra={"signature": "hush5"})
    log.info("redis://user:hush6@host/0")
    log.info("-----BEGIN PRIVATE KEY-----\nhush7\n-----END PRIVATE KEY-----")
    try:
        raise RuntimeError("Bearer hush8")
    except RuntimeError:
        log.exception("failed")
    assert "hush" not in stream.getvalue()
    assert stream.getvalue().count(REDACTED) == 9  # a traceback shows the last one twice


def test_what_is_public_stays() -> None:
    """Words that only look like secrets, and public keys, are not taken out."""
    event = {"key_id": "ab", "public_key": "cd", "keyword": "shoes", "tokenizer": "x", "event": "monkey"}
    assert redact(None, "", dict(event)) == event


def test_an_unknown_level_is_refused() -> None:
    """A misspelled level is a sentence that names the variable."""
    with pytest.raises(ValueError, match="GAELP_LOG_LEVEL"):
        configure("LOUD")
