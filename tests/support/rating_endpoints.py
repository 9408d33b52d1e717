"""Endpoints that rate personas and misbehave in every way. Touch this to let one misbehave in another way."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gaelp.personas.endpoint import LARGEST_BODY

KEY = "sk-never-to-be-seen"
Behaviour = Callable[["Handler"], None]


@dataclass
class Served:
    """What the endpoint was asked, and how it behaves: the same way always, or by the number of the request."""

    behaviour: Behaviour
    requests: list[dict[str, Any]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    """One request; its server's behaviour answers."""

    protocol_version = "HTTP/1.1"
    server: Any

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        served: Served = self.server.served
        served.requests.append({"path": self.path, "key": self.headers["Authorization"], **body})
        try:
            served.behaviour(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def serve() -> Iterator[Callable[[Behaviour], Served]]:
    """Endpoints that behave as told, ended with the test, stalled answers included."""
    running: list[tuple[ThreadingHTTPServer, Served]] = []

    def start(behaviour: Behaviour) -> Served:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        served = Served(behaviour, url=f"http://127.0.0.1:{server.server_address[1]}")
        server.served = served  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append((server, served))
        return served

    yield start
    for server, served in running:
        served.over.set()
        server.shutdown()
        server.server_close()


def completion(yes: float = -0.4) -> bytes:
    logprobs = {"top_logprobs": [{" yes": yes, " no": -1.2, " Well": -5.0}]}
    return json.dumps({"choices": [{"logprobs": logprobs}], "usage": {"total_tokens": 120}}).encode()


def good(handler: Handler) -> None:
    """Well-behaved, with a taste: creatives whose text is long are liked."""
    prompt = handler.server.served.requests[-1]["prompt"]
    handler.answer(completion(-0.1 - (len(prompt) % 7) / 5))


def stalls(handler: Handler) -> None:
    handler.server.served.over.wait(60)


def drips(handler: Handler) -> None:
    """Alive, and never done: a read timeout between two bytes does not see it."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not handler.server.served.over.wait(0.01):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def huge(handler: Handler) -> None:
    handler.answer(b" " * (LARGEST_BODY + 1) + completion())


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(10**12))
    handler.end_headers()
    while True:
        handler.wfile.write(b" " * 65536)


def hangs_up(handler: Handler) -> None:
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf of")


def fixed(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    return lambda handler: handler.answer(body, status, **headers)


def in_turn(*behaviours: Behaviour, then: Behaviour = good) -> Behaviour:
    numbers = iter(behaviours)
    return lambda handler: next(numbers, then)(handler)


NAN = b'{"choices": [{"logprobs": {"top_logprobs": [{"yes": NaN, "no": NaN}]}}]}'
BOMB = gzip.compress(b" " * 5_000_000)
MISBEHAVIOURS: dict[str, tuple[Behaviour, str]] = {
    "500": (fixed(b"{}", 500), "HTTP 500"),
    "401 that repeats the key": (fixed(KEY.encode(), 401), "HTTP 401"),
    "redirect": (fixed(b"", 302, Location="http://127.0.0.1:1/v1/completions"), "HTTP 302"),
    "HTML": (fixed(b"<html>Service is busy</html>"), "not JSON"),
    "nonsense": (fixed(json.dumps({"choices": [{"text": "banana"}]}).encode()), "without token probabilities"),
    "NaN": (fixed(NAN), "outside"),
    "huge": (huge, "more than"),
    "endless": (endless, "more than"),
    "compressed": (fixed(BOMB, Content_Encoding="gzip"), "not JSON"),
    "hangs up": (hangs_up, "connection"),
    "stalls": (stalls, "within 0.3 seconds"),
    "drips": (drips, "within 0.3 seconds"),
    "429 for ever": (fixed(b"", 429, Retry_After="0"), "HTTP 429"),
    "429 for hours": (fixed(b"", 429, Retry_After="9999"), "within 0.3 seconds"),
    "503 until a date": (fixed(b"", 503, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"), "HTTP 503"),
}
