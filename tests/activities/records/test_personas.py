"""The panel rated by reference: what is asked, kept, put into the market, and refused."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
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
from gaelp.personas.endpoint import HttpEndpoint, open_endpoint
from gaelp.personas.rater import RatingsFailed, Remembered
from gaelp.personas.rating_cache import RatingCache
from gaelp.personas.ratings import RatingsMismatch
from gaelp.records.events.redis_streams import connect
from tests.support.local_runs import LocalRuns
from tests.support.rating_endpoints import (
    KEY,
    MISBEHAVIOURS,
    Behaviour,
    Served,
    completion,
    fixed,
    good,
    in_turn,
    stalls,
)

QUESTIONS = 2 * 13 * 2  # of the two people below
PEOPLE = "personas.people=[{name: Ada, about: likes coffee}, {name: Bo, about: likes tea}]"


@pytest.mark.parametrize("key", [f"{KEY}\rX", f"{KEY}\u00e9", f"{KEY}\0"])
def test_an_impossible_key_is_refused_unseen(inputs: Inputs, key: str) -> None:
    """One sentence names the variable, and what the SDK logs of it, causes included, does not hold the key."""
    failed = refusal(inputs, partial(open_endpoint, "http://127.0.0.1:1", SecretStr(key)))
    assert str(failed.value).startswith("GAELP_LLM_API_KEY holds a character that no key has")
    assert KEY not in "".join(traceback.format_exception(failed.value))


def test_an_error_of_the_http_library_is_never_chained(inputs: Inputs, serve: Callable[[Behaviour], Served]) -> None:
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


@pytest.fixture
def cache(local_runs: LocalRuns) -> Iterator[RatingCache]:
    """On the session's Redis, emptied of ratings."""
    opened = RatingCache(connect(local_runs.settings.redis_url))
    for name in opened._client.scan_iter("gaelp:rating:*"):
        opened._client.delete(name)
    yield opened
    opened.close()


def test_the_cache_keeps_answers_and_ignores_other_values(cache: RatingCache) -> None:
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
