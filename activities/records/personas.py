"""RECORDS: the panel of personas rated, and put into the market. Touch this to take ratings from elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import numpy as np
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

from activities.inputs import Inputs
from gaelp.domain.config.market_sections import Personas as PersonasConfig
from gaelp.market.streams import stream
from gaelp.messages.training_run import RatedPanel, RatePanel
from gaelp.money import micros
from gaelp.personas import panel, ratings
from gaelp.personas.prompt import PROMPT_VERSION
from gaelp.personas.rater import Cache, Clock, Endpoint, Rated, RatingServices, Sleep, Tally, rate
from gaelp.personas.ratings import Ratings

OpenEndpoint = Callable[[PersonasConfig], AbstractAsyncContextManager[Endpoint]]


class Personas:
    """Asks the endpoint what the cache does not know, writes content. A retry asks only what is still unknown."""

    def __init__(
        self,
        inputs: Inputs,
        open_endpoint: OpenEndpoint,
        cache: Cache,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._inputs = inputs
        self._open_endpoint = open_endpoint
        self._cache = cache
        self._clock, self._sleep = clock, sleep

    # Synchronous, with an event loop of its own: an async activity's heartbeat works in the worker's loop only, and
    # Effects beats from a thread. An exception thrown into that loop from outside could be swallowed by a callback, so
    # a cancellation is looked for after every answer instead.
    @activity.defn(no_thread_cancel_exception=True)
    def rate_panel(self, rate_panel: RatePanel) -> RatedPanel:
        """Ratings, recorded or asked for; the market with them, and the market with them permuted.

        Raises RatingsFailed where too many failed, RatingsMismatch and StaleRecording; none of them is tried again.
        """
        config = self._inputs.config(rate_panel.config_digest)
        personas = config.personas
        if personas.source == "none":
            raise ApplicationError("personas.source is none: there is no panel to rate", non_retryable=True)
        market = self._inputs.market(rate_panel.market_digest)
        people = panel.people(personas)
        # Before the first question: a panel that does not fit the market must not cost a cent.
        unrated = np.ones((len(people), len(panel.creatives(personas))))
        ratings.apply(market, people, personas.weight, Ratings(unrated, unrated))
        found, tally, provenance = self._ratings(personas, rate_panel.run)
        swapped = ratings.permuted(found, stream(config.seed, "personas", "permuted"))
        put = self._inputs.store.put_arrays
        return RatedPanel(
            market_digest=put(ratings.apply(market, people, personas.weight, found).to_arrays()),
            permuted_market_digest=put(ratings.apply(market, people, personas.weight, swapped).to_arrays()),
            ratings_digest=put(found.arrays()),
            asked=tally.asked,
            cached=tally.cached,
            failed=tally.failed,
            tokens=tally.tokens,
            cost_micros=cost_micros(tally.tokens, personas),
            provenance=provenance,
        )

    def _ratings(self, personas: PersonasConfig, run: str) -> tuple[Ratings, Tally, str]:
        if personas.source == "recorded":
            return _recorded()
        found = asyncio.run(self._asked(personas, run))
        told = f"rated by the model {personas.model!r} at an endpoint of this run's (prompt {PROMPT_VERSION})"
        return found.ratings, found.tally, told

    async def _asked(self, personas: PersonasConfig, run: str) -> Rated:
        people, texts = panel.people(personas), panel.creatives(personas)
        async with self._open_endpoint(personas) as endpoint:
            services = RatingServices(endpoint, self._cache, self._clock, self._sleep)
            return await rate(personas, people, texts, services, run, _beat)


def cost_micros(tokens: int, personas: PersonasConfig) -> int:
    """What so many tokens cost, rounded up to a micro."""
    return -(-tokens * micros(personas.price_per_million_tokens) // 1_000_000)


def _recorded() -> tuple[Ratings, Tally, str]:
    made = panel.recorded().provenance
    return panel.recorded_ratings(), Tally(made.asked, allowed=0, failed=made.failed), made.sentence()


def _beat(tally: Tally) -> None:
    if activity.is_cancelled():
        raise CancelledError("cancelled while the panel was being rated")
    activity.heartbeat({"asked": tally.asked, "cached": tally.cached, "failed": tally.failed, "of": tally.total})
