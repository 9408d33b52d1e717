"""Traces by OpenTelemetry: one from a command through workflows to activities. Off unless GAELP_TRACES_URL is set.

A span has the names and ids of workflows and activities, and errors with their stack traces; no message is in it.
Touch this to send traces in another way.
"""

from __future__ import annotations

import atexit
from functools import cache
from typing import TYPE_CHECKING

from temporalio.client import Interceptor

from gaelp.errors import GaelpError
from gaelp.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

FLUSH_MILLISECONDS = 3000  # that a program waits at its end for spans to be taken
SEND_SECONDS = 2


class NoTracing(GaelpError):
    """Traces are asked for, and what sends them is not installed."""

    permanent = True


def tracing(settings: Settings) -> list[Interceptor]:
    """What a client, and each worker of it, is wrapped with; nothing without an address. Raises NoTracing."""
    return [interceptor(_sending(settings.traces_url))] if settings.traces_url else []


def interceptor(provider: TracerProvider) -> Interceptor:
    """Makes spans of starts, signals, workflows and activities, and passes the trace on from one to the other."""
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return TracingInterceptor(provider.get_tracer("gaelp"))


def collecting(exporter: SpanExporter) -> TracerProvider:
    """Hands spans to `exporter` in the background."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "gaelp"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def flush(settings: Settings) -> None:
    """Wait until what was recorded is sent, a few seconds at the most."""
    if settings.traces_url:
        _sending(settings.traces_url).force_flush(FLUSH_MILLISECONDS)


@cache
def _sending(url: str) -> TracerProvider:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise NoTracing(
            "GAELP_TRACES_URL is set, and what sends traces is not installed: pip install 'gaelp[traces]', or unset it"
        ) from error
    provider = collecting(OTLPSpanExporter(endpoint=url, timeout=SEND_SECONDS))
    atexit.register(provider.force_flush, FLUSH_MILLISECONDS)
    return provider
