"""The client of an OpenAI-compatible endpoint: one question is one HTTP call within one timeout.

A call is tried a second time only where the endpoint says when (Retry-After). Address and key come from the process's
settings; neither the key nor anything that the endpoint wrote ever leaves this module. Touch this when an endpoint
needs other fields.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from gaelp.domain.config.market_sections import Personas
from gaelp.personas.answers import Answer, FailedRating, read
from gaelp.personas.prompt import Style
from gaelp.personas.rater import RatingsFailed, Sleep, style

LARGEST_BODY = 1_000_000  # bytes; an answer of one token is a thousandth of it
BUSY = (429, 503)


class HttpEndpoint:
    """`ask` over one client. `url` is the server's base address; `/v1` at its end may be there or not."""

    def __init__(self, client: httpx.AsyncClient, url: str, config: Personas, sleep: Sleep = asyncio.sleep) -> None:
        self._client, self._sleep = client, sleep
        self._base = url.rstrip("/").removesuffix("/v1")
        self._style, self._model, self._seconds = style(config), config.model, config.timeout_seconds

    @property
    def address(self) -> str:
        """Scheme, host and port: whatever else an address may hold could be a secret."""
        return address(self._base)

    async def ask(self, text: str) -> Answer:
        """The answer, within the timeout from the first byte sent to the last one read; FailedRating."""
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._post(text, patient=True)
        # `from None`: what httpx says may quote the address or a header, and the whole chain ends up in a log.
        except (TimeoutError, httpx.TimeoutException):
            raise FailedRating(f"no answer within {self._seconds:g} seconds (personas.timeout_seconds)") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise FailedRating("no connection, or a broken one") from None
        return read(body, self._style)

    async def _post(self, text: str, *, patient: bool) -> bytes:
        path, question = _request(text, self._style)
        payload = {"model": self._model, "temperature": 0, **question}
        async with self._client.stream("POST", f"{self._base}{path}", json=payload) as response:
            if response.status_code == 200:
                return await _bounded(response)
            wait = response.headers.get("retry-after", "")
        if not (patient and response.status_code in BUSY and wait.isascii() and wait.isdigit()):
            raise FailedRating(f"HTTP {response.status_code}")
        await self._sleep(min(float(wait[:6]), self._seconds))  # the total timeout goes on
        return await self._post(text, patient=False)


@asynccontextmanager
async def open_endpoint(url: str, api_key: SecretStr | None, config: Personas) -> AsyncIterator[HttpEndpoint]:
    """An endpoint with connections of its own, closed with the block. Raises RatingsFailed where the key cannot be."""
    headers = {"Accept-Encoding": "identity"}  # a small compressed answer may be a large one
    if key := _key(api_key):
        headers["Authorization"] = f"Bearer {key}"
    client = httpx.AsyncClient(
        headers=headers,
        timeout=config.timeout_seconds,
        limits=httpx.Limits(max_connections=config.in_flight),
        verify=urlsplit(url).scheme == "https",
        follow_redirects=False,  # the key is meant for this address
        trust_env=False,  # a proxy of the environment must not see the key
    )
    async with client:
        yield HttpEndpoint(client, url, config)


def _key(api_key: SecretStr | None) -> str:
    """The key without the line end that reading it from a file leaves; empty where there is none."""
    key = api_key.get_secret_value().strip() if api_key is not None else ""
    if not (key.isascii() and key.isprintable()):
        raise RatingsFailed("GAELP_LLM_API_KEY holds a character that no key has: only printable ASCII can be sent.")
    return key


def address(url: str) -> str:
    """An address as people may see it."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def _request(text: str, how: Style) -> tuple[str, dict[str, Any]]:
    if how is Style.TOKENS:
        return "/v1/completions", {"prompt": text, "max_tokens": 1, "logprobs": 10}
    return "/v1/chat/completions", {"messages": [{"role": "user", "content": text}], "max_tokens": 8}


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise FailedRating(f"an answer of more than {LARGEST_BODY} bytes")
    return bytes(body)
