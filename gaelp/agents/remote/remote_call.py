"""One POST to somebody else's server: a total timeout, a bounded answer, nothing followed, nothing repeated.

Touch this when the way to a remote agent changes; the protocol is in remote_agent.py. Retries belong to Temporal, and
no proxy, netrc entry or cookie of this machine is used: credentials are never sent from here.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gaelp.errors import GaelpError

if TYPE_CHECKING:
    import httpx

LARGEST_ANSWER = 32 * 2**20  # bytes
_SHOWN = 120  # characters of a foreign text that an error repeats
_MAY_PASS = (408, 425, 429)  # of the 4xx those that say: later


class CallFailed(GaelpError):
    """What went wrong, as the end of a sentence about the server; `permanent`: no retry can mend it."""

    def __init__(self, what: str, *, permanent: bool = False) -> None:
        super().__init__(what)
        self.permanent = permanent


class Caller:
    """Calls from any thread. An event loop of its own bounds a whole call, dripping headers and bodies included."""

    def __init__(self) -> None:
        self._beginning = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: dict[bool, httpx.AsyncClient] = {}

    def __call__(self, url: str, body: bytes, timeout_seconds: float) -> bytes:
        """The body of the answer 200 to this JSON. Raises CallFailed."""
        call = asyncio.run_coroutine_threadsafe(self._post(url, body, timeout_seconds), self._begun())
        try:
            return call.result()
        except BaseException:
            call.cancel()
            raise

    def _begun(self) -> asyncio.AbstractEventLoop:
        with self._beginning:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="remote-agent", daemon=True).start()
            return self._loop

    async def _post(self, url: str, body: bytes, timeout_seconds: float) -> bytes:
        import httpx  # here: its import takes longer than a command line should

        try:
            _ = urlsplit(url).port  # httpx lets an impossible one through
            async with asyncio.timeout(timeout_seconds):
                async with self._client(url).stream("POST", url, content=body) as answer:
                    return _judged(answer, await _bounded(answer))
        except TimeoutError:
            slow = f"did not answer within {timeout_seconds:g} seconds: make it faster, or raise remote.timeout_seconds"
            raise CallFailed(slow) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
            raise CallFailed(f"has no valid address ({error}): correct remote.url", permanent=True) from error
        except httpx.HTTPError as error:
            absent = f"cannot be reached or broke off ({type(error).__name__}): start it, or correct remote.url"
            raise CallFailed(absent) from error

    def _client(self, url: str) -> httpx.AsyncClient:
        import httpx

        verify = not url.startswith("http://")  # reading the certificates takes 70 ms, which plain http does not need
        if verify not in self._clients:
            # Not compressed: a small body must not become a large one.
            headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
            # asyncio.timeout bounds the whole call; httpx can only bound its stages.
            self._clients[verify] = httpx.AsyncClient(verify=verify, headers=headers, timeout=None, trust_env=False)  # noqa: S113
        client = self._clients[verify]
        client.cookies.clear()
        return client


async def _bounded(answer: httpx.Response) -> bytes:
    """The raw body, never decompressed."""
    read = bytearray()
    async for chunk in answer.aiter_raw():
        read += chunk
        if len(read) > LARGEST_ANSWER:
            raise CallFailed(f"answered with more than {LARGEST_ANSWER} bytes: it must answer with the decision only")
    return bytes(read)


def _judged(answer: httpx.Response, body: bytes) -> bytes:
    status = answer.status_code
    if status == 200:
        return body
    if answer.has_redirect_location:
        place = shown(answer.headers["location"])
        raise CallFailed(
            f"redirects to {place}, and no redirect is followed: set remote.url to where it is", permanent=True
        )
    problem = f"answered with HTTP {status} ({shown(body.decode('utf-8', 'replace'))})"
    if status >= 500 or status in _MAY_PASS:
        raise CallFailed(f"{problem}: its own log says why")
    raise CallFailed(
        f"{problem}: remote.url must be the address before /act of an agent that speaks this protocol", permanent=True
    )


def shown(text: str) -> str:
    """A foreign text in quotes, shortened, and without what a terminal would obey."""
    plain = " ".join(text.split())
    return ascii(plain if len(plain) <= _SHOWN else plain[:_SHOWN] + "...")
