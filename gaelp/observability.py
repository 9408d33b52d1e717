"""Logging: one structured line per event, pretty on a terminal and JSON otherwise, with secrets taken out.

Touch this to change what a log line carries. Programs call `configure` once, at their start. Standard logging goes
through the same formatter, so that workflow code may use `workflow.logger` (structlog inside a workflow hangs it).
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gaelp.errors import masked

REDACTED = "[redacted]"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_SECRET_WORDS = frozenset(
    {
        "authorization",
        "credential",
        "credentials",
        "key",
        "passphrase",
        "password",
        "pem",
        "secret",
        "signature",
        "token",
    }
)
_PUBLIC_KEYS = frozenset({"public_key", "key_id", "idempotency_key"})
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_IN_TEXT = (
    re.compile(r"(?i)\b(bearer\s+)[^\s'\",;]+"),
    re.compile(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----()"),
)


def configure(level: str = "INFO", *, stream: TextIO | None = None, pretty: bool | None = None) -> None:
    """Set up structlog and standard logging on `stream` (stderr). `pretty` None: whether it is a terminal.

    Raises ValueError for a level that is not one of LEVELS.
    """
    if level.upper() not in LEVELS:
        raise ValueError(f"log level {level!r} is unknown: set GAELP_LOG_LEVEL to one of {', '.join(LEVELS)}")
    target = stream if stream is not None else sys.stderr
    human = target.isatty() if pretty is None else pretty
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(_formatter(shared, human))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # One line per HTTP request says nothing that a failed one would not say louder.
    logging.getLogger("httpx").setLevel(logging.WARNING)


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A structlog processor: values under secret names, at any depth, and secrets inside text are replaced."""
    return {name: _clean(name, value) for name, value in event.items()}


def _formatter(shared: list[Processor], human: bool) -> logging.Formatter:
    # Plain tracebacks: a pretty one shows local variables, and with them secrets.
    ending: Processor = (
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        if human
        else structlog.processors.JSONRenderer(default=str)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact,
            ending,
        ],
    )


def _clean(name: str, value: Any) -> Any:
    if _is_secret(name):
        return REDACTED
    if isinstance(value, Mapping):
        return {key: _clean(str(key), each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean("", each) for each in value]
    if isinstance(value, str):
        for pattern in _IN_TEXT:
            value = pattern.sub(rf"\g<1>{REDACTED}", value)
        value = masked(value, REDACTED)
    return value


def _is_secret(name: str) -> bool:
    words = {word.lower() for word in _WORDS.findall(name)}
    return name not in _PUBLIC_KEYS and bool(words & _SECRET_WORDS)
