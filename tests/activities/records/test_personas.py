"""The panel rated over real HTTP by an endpoint that misbehaves in every way, and put into the market by reference."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import json
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import numpy as np
import pytest
from pydantic import SecretStr
from temporalio.exceptions import CancelledError
from temporalio.testing import ActivityEnvironment

from activities.inputs import Inputs
from activities.records.personas import Personas, cost_micros
from gaelp.configuration import loading
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.market_sections import Personas as PersonasConfig
from gaelp.market.calibration.calibrate import calibrate
from gaelp.messages.training_run import RatedPanel, RatePanel
from gaelp.personas.answers import FailedRating
from gaelp.personas.endpoint import LARGEST_BODY, HttpEndpoint, address, open_endpoint
from gaelp.personas.rater import RatingsFailed, Remembered
from gaelp.personas.rating_cache import RatingCache
from gaelp.personas.ratings import RatingsMismatch
from gaelp.records.events.redis_streams import connect
from tests.support.local_runs import House

KEY = "sk-never-to-be-seen"
QUESTIONS = 2 * 13 * 2  # of the two people below
PEOPLE = "personas.people=[{name: Ada, about: likes coffee}, {name: Bo, about: likes tea}]"
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


# ---------------------------------------------------------------- behaviours


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


def one(url: str, key: str | None = KEY, **changes: Any) -> float:
    """One question asked over HTTP."""
    config = PersonasConfig(source="endpoint", **{"timeout_seconds": 20.0, **changes})

    async def ask() -> float:
        async with open_endpoint(url, SecretStr(key) if key else None, config) as endpoint:
            return (await endpoint.ask("a prompt")).probability

    return asyncio.run(ask())


# ---------------------------------------------------------------- the endpoint


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_misbehaviour_costs_the_rating_and_says_why(serve: Callable[[Behaviour], Served], name: str) -> None:
    """Every way of answering badly ends in a failed rating, in bounded time and memory, with a reason of our own."""
    behaviour, reason = MISBEHAVIOURS[name]
    short = {"timeout_seconds": 0.3} if "0.3" in reason else {}
    with pytest.raises(FailedRating, match=reason) as failed:
        one(serve(behaviour).url, **short)
    assert KEY not in str(failed.value) and "busy" not in str(failed.value)


def test_nobody_at_the_address_costs_the_rating() -> None:
    """A refused connection is a failed rating like any other."""
    with pytest.raises(FailedRating, match="no connection"):
        one("http://127.0.0.1:1")


def test_one_call_in_the_openai_form(serve: Callable[[Behaviour], Served]) -> None:
    """Token probabilities ask completions for one token, texts ask chat; the key is a bearer's; `/v1` may be there."""
    served = serve(fixed(completion()))
    one(f"{served.url}/v1/", model="m")
    (asked,) = served.requests
    assert asked == {
        "path": "/v1/completions", "key": f"Bearer {KEY}", "model": "m", "temperature": 0, "prompt": "a prompt",
        "max_tokens": 1, "logprobs": 10,
    }  # fmt: skip
    chat = serve(fixed(b'{"choices": [{"message": {"content": "7"}}]}'))
    assert one(chat.url, None, token_probabilities=False) == pytest.approx(7.5 / 11)
    assert chat.requests[0]["path"] == "/v1/chat/completions" and chat.requests[0]["key"] is None
    assert chat.requests[0]["messages"] == [{"role": "user", "content": "a prompt"}]


def test_a_key_is_sent_without_the_line_end_of_its_file(serve: Callable[[Behaviour], Served]) -> None:
    """White space around a key is no part of it; nothing but white space is no key."""
    served = serve(fixed(completion()))
    for key in (f" {KEY}\r\n", "\n"):
        one(served.url, key)
    assert [request["key"] for request in served.requests] == [f"Bearer {KEY}", None]


@pytest.mark.parametrize("key", [f"{KEY}\rX", f"{KEY}\u00e9", f"{KEY}\0"])
def test_an_impossible_key_is_refused_unseen(inputs: Inputs, key: str) -> None:
    """One sentence names the variable, and what the SDK logs of it, causes included, does not hold the key."""
    failed = refusal(inputs, partial(open_endpoint, "http://127.0.0.1:1", SecretStr(key)))
    assert str(failed.value).startswith("GAELP_LLM_API_KEY holds a character that no key has")
    assert KEY not in "".join(traceback.format_exception(failed.value))


def test_what_the_http_library_says_of_a_header_is_never_chained(
    inputs: Inputs, serve: Callable[[Behaviour], Served]
) -> None:
    """Its errors quote the header that they refuse; no cause or context of the activity's failure does."""
    url = serve(fixed(completion())).url

    @asynccontextmanager
    async def careless(config: PersonasConfig) -> AsyncIterator[HttpEndpoint]:
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}\r"}) as client:
            yield HttpEndpoint(client, url, config)

    failed = refusal(inputs, careless)
    assert "no connection, or a broken one" in str(failed.value)
    assert KEY not in "".join(traceback.format_exception(failed.value))


def refusal(inputs: Inputs, opening: Any) -> pytest.ExceptionInfo[RatingsFailed]:
    """Why the activity cannot rate a panel at such an endpoint; nothing is known in Redis."""
    config = loading.load("quick-test", environment={}, overrides=["historical.logs=[]", "personas.source=endpoint"])
    store = inputs.store
    message = RatePanel(
        run="run-a",
        config_digest=store.put_document(loading.canonical(config)),
        market_digest=store.put_arrays(calibrate([], config).to_arrays()),
    )
    activities = Personas(inputs, opening, RatingCache(connect("redis://127.0.0.1:1/0")))
    with pytest.raises(RatingsFailed) as failed:
        ActivityEnvironment().run(activities.rate_panel, message)
    assert failed.value.permanent
    return failed


def test_a_busy_endpoint_is_asked_once_more_when_it_says(serve: Callable[[Behaviour], Served]) -> None:
    """Retry-After is honoured once."""
    served = serve(in_turn(fixed(b"", 429, Retry_After="0"), then=fixed(completion())))
    assert 0 < one(served.url) < 1 and len(served.requests) == 2


def test_an_address_is_shown_without_what_could_be_secret() -> None:
    """Credentials, path and query of an address are for nobody's eyes."""
    assert address("https://user:pass@llm.example:444/v1/x?key=1") == "https://llm.example:444"
    assert address("http://[::1]:80") == "http://[::1]:80"


# ---------------------------------------------------------------- the cache


@pytest.fixture
def cache(house: House) -> Iterator[RatingCache]:
    """On the session's Redis, emptied of ratings."""
    opened = RatingCache(connect(house.settings.redis_url))
    for name in opened._client.scan_iter("gaelp:rating:*"):
        opened._client.delete(name)
    yield opened
    opened.close()


def test_the_cache_keeps_answers_and_believes_no_rubbish(cache: RatingCache) -> None:
    """What was put is there, for a while; a value that is no answer is none; without Redis there is nothing."""
    answer = Remembered(0.25, 90, "run-a")
    assert cache.put("k", answer) and cache.get(["k", "other"]) == {"k": answer}
    for rubbish in (
        "",
        "{}",
        "[1]",
        '{"probability": 7, "tokens": 1, "run": "x"}',
        '{"probability": NaN, "tokens": 1}',
    ):
        cache._client.set("gaelp:rating:k", rubbish)
        assert cache.get(["k"]) == {}
    away = RatingCache(connect("redis://127.0.0.1:1/0"))
    assert away.get(["k"]) == {} and not away.put("k", answer)


# ---------------------------------------------------------------- the activity


@dataclass
class Panel:
    """The activity, its content store and a calibrated market in it."""

    inputs: Inputs
    cache: RatingCache

    def config(self, *changes: str) -> TrainingConfiguration:
        overrides = ["historical.logs=[]", "personas.source=endpoint", "personas.requests_per_second=100000", *changes]
        return loading.load("quick-test", environment={}, overrides=overrides)

    def market(self, config: TrainingConfiguration) -> str:
        return self.inputs.store.put_arrays(calibrate([], config).to_arrays())

    def rate(
        self,
        served: Served | None,
        *changes: str,
        run: str = "run-a",
        beats: list[Any] | None = None,
        cancel: bool = False,
    ) -> RatedPanel:
        config = self.config(*changes)
        digest = self.inputs.store.put_document(loading.canonical(config))
        url = served.url if served else "http://127.0.0.1:1"
        activities = Personas(self.inputs, partial(open_endpoint, url, SecretStr(KEY)), self.cache)
        environment = ActivityEnvironment()
        if beats is not None:
            environment.on_heartbeat = lambda *details: beats.append(details)
        if cancel:
            environment.cancel()
        message = RatePanel(run=run, config_digest=digest, market_digest=self.market(config))
        found = environment.run(activities.rate_panel, message)
        assert isinstance(found, RatedPanel)
        return found


@pytest.fixture
def rated(inputs: Inputs, cache: RatingCache) -> Panel:
    return Panel(inputs, cache)


def test_the_panel_is_rated_and_put_into_the_market(rated: Panel, serve: Callable[[Behaviour], Served]) -> None:
    """Every question once; a market with tastes, another with them permuted; the level is calibration's; cost told."""
    served, beats = serve(good), list[Any]()
    found = rated.rate(served, PEOPLE, "personas.price_per_million_tokens=2.50", beats=beats)
    assert (found.asked, found.cached, found.failed, found.tokens) == (QUESTIONS, 0, 0, 120 * QUESTIONS)
    assert found.cost_micros == 120 * QUESTIONS * 2.5
    assert len(served.requests) == len({request["prompt"] for request in served.requests}) == QUESTIONS
    arrays = rated.inputs.store.get_arrays
    before, after = arrays(rated.market(rated.config())), arrays(found.market_digest)
    swapped, ratings = arrays(found.permuted_market_digest), arrays(found.ratings_digest)
    assert ratings["click"].shape == ratings["convert"].shape == (2, 12)
    for market in (after, swapped):
        np.testing.assert_allclose(market["ctr"].mean(axis=1), before["ctr"].mean(axis=1))
        assert not np.allclose(market["ctr"], before["ctr"])
    assert not np.allclose(after["ctr"], swapped["ctr"])
    assert beats[-1][0]["asked"] == QUESTIONS


def test_a_second_run_asks_nothing_and_gets_the_same_market(rated: Panel, serve: Callable[[Behaviour], Served]) -> None:
    """Ratings are cached by what was asked, not by run, and equal answers give equal digests."""
    first = rated.rate(serve(good), PEOPLE)
    second = rated.rate(None, PEOPLE, run="run-b")
    assert (second.asked, second.cached, second.tokens, second.cost_micros) == (0, first.asked, 0, 0)
    assert (second.market_digest, second.permuted_market_digest) == (first.market_digest, first.permuted_market_digest)


def test_an_attempt_after_a_crash_asks_only_what_is_missing(rated: Panel, serve: Callable[[Behaviour], Served]) -> None:
    """A worker that dies in the middle, or an endpoint that went away there, costs no question twice."""
    broken = in_turn(*[good] * 20, then=fixed(b"", 500))
    with pytest.raises(RatingsFailed):
        rated.rate(serve(broken), PEOPLE, "personas.in_flight=1", "personas.failures=0")
    served = serve(good)
    found = rated.rate(served, PEOPLE)
    assert len(served.requests) == QUESTIONS - 20 and (found.asked, found.cached) == (QUESTIONS, 0)


def test_some_misbehaviour_costs_those_ratings_and_not_the_run(
    rated: Panel, serve: Callable[[Behaviour], Served]
) -> None:
    """Ten failures of seven kinds among 52: each is a neutral pair, counted; the market is whole and finite."""
    kinds = [MISBEHAVIOURS[name][0] for name in ("500", "HTML", "nonsense", "NaN", "huge", "hangs up", "stalls")]
    served = serve(in_turn(good, good, *kinds, *kinds[:3]))
    found = rated.rate(served, PEOPLE, "personas.timeout_seconds=0.5", "personas.failures=0.2")
    assert found.failed == 10 and found.asked == 42
    market, ratings = (rated.inputs.store.get_arrays(d) for d in (found.market_digest, found.ratings_digest))
    assert all(np.isfinite(market[name]).all() for name in ("ctr", "cvr", "hourly"))
    assert ((ratings["click"] == 1.0).sum() + (ratings["convert"] == 1.0).sum()) >= 6


def test_an_endpoint_that_stalls_for_ever_stops_the_run_early(
    rated: Panel, serve: Callable[[Behaviour], Served]
) -> None:
    """As soon as the limit cannot be kept the activity fails for good, in one sentence and without the key."""
    served = serve(stalls)
    with pytest.raises(RatingsFailed) as stopped:
        rated.rate(served, "personas.timeout_seconds=0.2", "personas.in_flight=8", "personas.failures=0.02")
    error = stopped.value
    assert error.permanent and f"endpoint at {served.url} failed 13 of the 624 ratings" in str(error)
    assert "no answer within 0.2 seconds" in str(error) and KEY not in str(error)
    assert len(served.requests) <= 13 + 8


def test_a_cancelled_rating_ends_at_the_next_answer(rated: Panel, serve: Callable[[Behaviour], Served]) -> None:
    """A run that is stopped asks no further, whatever is still unknown."""
    served = serve(good)
    with pytest.raises(CancelledError):
        rated.rate(served, "personas.in_flight=1", cancel=True)
    assert len(served.requests) <= 1


def test_its_heartbeats_may_come_from_a_thread() -> None:
    """Effects beats for every activity from a thread, which an async activity's heartbeat does not survive."""
    assert not inspect.iscoroutinefunction(Personas.rate_panel)


def test_an_endpoint_that_is_not_there_is_one_sentence(rated: Panel) -> None:
    """The commonest mistake, a wrong address, names the address and the variable."""
    with pytest.raises(RatingsFailed, match=r"http://127\.0\.0\.1:1 failed.*no connection.*GAELP_LLM_URL"):
        rated.rate(None)


def test_recorded_ratings_need_no_endpoint(rated: Panel) -> None:
    """The panel that ships asks nothing, costs nothing, and says where its ratings come from."""
    found = rated.rate(None, "personas.source=recorded")
    assert (found.asked, found.cached, found.tokens, found.cost_micros) == (0, 0, 0, 0)
    assert found.provenance.startswith("recorded 2026-") and "never evidence" in found.provenance


def test_texts_that_do_not_fit_the_market_are_refused_before_any_question(
    rated: Panel, serve: Callable[[Behaviour], Served]
) -> None:
    """A panel for another market costs nothing and names the remedy."""
    served = serve(good)
    two = "personas.creatives=[{headline: a}, {headline: b}]"  # of the two items of a log; the market here has twelve
    with pytest.raises(RatingsMismatch, match=r"12 creatives.*2 texts.*personas\.creatives") as refused:
        rated.rate(served, "historical.logs=[of-two-items]", two)
    assert refused.value.permanent and not served.requests


def test_a_price_is_rounded_up() -> None:
    """The cost of one token is never nothing where tokens have a price."""
    assert cost_micros(1, PersonasConfig.model_validate({"price_per_million_tokens": "0.01"})) == 1
    assert cost_micros(1_000_000, PersonasConfig.model_validate({"price_per_million_tokens": "0.15"})) == 150_000
