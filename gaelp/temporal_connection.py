"""The connection to Temporal, on one machine or in Temporal Cloud. Touch this to connect in another way.

Without settings the line is plain, as to the server of `make dev`. A certificate (mTLS) or an API key makes it TLS: an
API key never goes over a plain line.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import Runtime
from temporalio.service import RPCError, TLSConfig

from gaelp.errors import GaelpError
from gaelp.settings import Settings
from gaelp.traces import tracing


class UnreadableCertificate(GaelpError):
    """A file that a setting names cannot be read."""

    permanent = True


async def connect(settings: Settings, patience: timedelta | None = None, runtime: Runtime | None = None) -> Client:
    """A client of the settings' server and namespace; `patience` bounds the connecting."""
    key = settings.temporal_api_key
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=pydantic_data_converter,
        tls=encryption(settings) or False,
        api_key=key.get_secret_value() if key else None,
        connect_timeout=patience or timedelta(seconds=10),
        runtime=runtime,
        interceptors=tracing(settings),
    )


async def connect_at_start(settings: Settings, seconds: float, runtime: Runtime | None = None) -> Client:
    """The same, once the server has its namespace; one that is being started is waited for so long."""
    until = time.monotonic() + seconds
    while True:
        try:
            client = await connect(settings, runtime=runtime)
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=settings.temporal_namespace)
            )
            return client
        except (RuntimeError, RPCError):
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


def encryption(settings: Settings) -> TLSConfig | None:
    """How the line is encrypted; None for a plain one. Raises UnreadableCertificate."""
    ca, certificate, key = settings.temporal_tls_ca, settings.temporal_tls_cert, settings.temporal_tls_key
    if not (settings.temporal_tls or settings.temporal_api_key or ca or certificate):
        return None
    return TLSConfig(
        server_root_ca_cert=_read("GAELP_TEMPORAL_TLS_CA", ca),
        client_cert=_read("GAELP_TEMPORAL_TLS_CERT", certificate),
        client_private_key=_read("GAELP_TEMPORAL_TLS_KEY", key),
        domain=settings.temporal_tls_server_name or None,
    )


def _read(variable: str, file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnreadableCertificate(
            f"{variable} names {file}, which cannot be read ({error.strerror}): name a PEM file of this machine"
        ) from error
