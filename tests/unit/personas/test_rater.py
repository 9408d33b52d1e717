"""Every question is asked once, within limits of concurrency, pace and failures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from gaelp.domain.config.market_sections import CreativeText, Persona, Personas
from gaelp.personas import panel, rater
from gaelp.personas.answers import Answer, FailedRating
from gaelp.personas.prompt import Question
from gaelp.personas.rater import Pace, RatingServices, RatingsFailed, Remembered, Tally

ADA = Persona(name="Ada", about="44, mathematician, likes precise claims.")
PLAIN = CreativeText(headline="Good coffee", body="Clear price.")


class MemoryCache(dict[str, Remembered]):
    """A cache in memory; with `away` it is like a Redis that cannot be reached."""

    away = False
    writes = 0

    def get(self, keys: Sequence[str]) -> dict[str, Remembered]:  # type: ignore[override]
        return {} if self.away else {key: self[key] for key in keys if key in self}

    def put(self, key: str, answer: Remembered) -> bool:
        self.writes += 1
        if not self.away:
            self[key] = answer
        return not self.away


class ScriptedEndpoint:
    """An endpoint that answers one half, or raises what `script` has for the question of that number."""

    address = "http://endpoint.example:1"

    def __init__(self, script: dict[int, Exception] | None = None) -> None:
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self._script = script or {}

    async def ask(self, text: str) -> Answer:
        number = len(self.asked)
        self.asked.append(text)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if number in self._script:
            raise self._script[number]
        return Answer(0.5, 100)


class Time:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


BO = ADA.model_copy(update={"name": "Bo"})
SMALL = Personas(source="endpoint", people=(ADA, BO), creatives=(PLAIN, CreativeText(headline="Tea")))
QUESTIONS = 2 * (2 + 1) * 2


def ask(endpoint: ScriptedEndpoint, cache: MemoryCache, config: Personas = SMALL, run: str = "run-a") -> rater.Rated:
    time = Time()
    people, texts = panel.people(config), panel.creatives(config)
    services = RatingServices(endpoint, cache, time.clock, time.sleep)
    return asyncio.run(rater.rate(config, people, texts, services, run))


def test_each_pair_is_asked_once_and_then_never_again() -> None:
    """Two questions a pair and a neutral one each; a second run asks nothing and pays nothing; a retry still counts."""
    cache, first = MemoryCache(), ScriptedEndpoint()
    tally = ask(first, cache).tally
    assert len(first.asked) == len(set(first.asked)) == QUESTIONS
    assert (tally.asked, tally.cached, tally.failed, tally.tokens) == (QUESTIONS, 0, 0, 100 * QUESTIONS)
    again = ask(ScriptedEndpoint({0: AssertionError()}), cache).tally
    other = ask(ScriptedEndpoint({0: AssertionError()}), cache, run="b").tally
    assert (again.asked, again.cached, again.tokens) == (QUESTIONS, 0, 100 * QUESTIONS)
    assert (other.asked, other.cached, other.tokens) == (0, QUESTIONS, 0)


def test_what_was_answered_before_a_crash_is_not_asked_again() -> None:
    """An attempt that dies at its eighth question leaves the seven to the next one."""
    cache = MemoryCache()
    with pytest.raises(KeyError):
        ask(ScriptedEndpoint({7: KeyError("the worker dies")}), cache, SMALL.model_copy(update={"in_flight": 1}))
    second = ScriptedEndpoint()
    assert ask(second, cache).tally.asked == QUESTIONS and len(second.asked) == QUESTIONS - 7


def test_a_cache_that_is_away_costs_questions_and_nothing_else() -> None:
    """All is asked, the cache is tried to write once per worker at the most, and the ratings are there."""
    cache = MemoryCache()
    cache.away = True
    rated = ask(ScriptedEndpoint(), cache)
    assert rated.tally.asked == QUESTIONS and cache.writes <= SMALL.in_flight
    assert np.isfinite(rated.ratings.click).all()


def test_a_failed_rating_is_neutral_and_counted() -> None:
    """Failures within the limit leave neutral pairs behind and are not remembered as answers."""
    cache = MemoryCache()
    config = SMALL.model_copy(update={"failures": 0.2, "in_flight": 1})
    rated = ask(ScriptedEndpoint({2: FailedRating("HTTP 500"), 5: FailedRating("HTTP 500")}), cache, config)
    assert rated.tally.failed == 2 and len(cache) == QUESTIONS - 2
    assert rated.ratings.click[0, 0] == 1.0 and np.isnan(rated.probability[Question.CLICK][0, 0])


def test_too_many_failures_stop_at_once_with_one_clear_sentence() -> None:
    """The asking ends with the failure that breaks the limit, naming address, numbers, reason and remedy."""
    endpoint = ScriptedEndpoint({n: FailedRating("HTTP 500" if n else "no connection") for n in range(99)})
    with pytest.raises(RatingsFailed) as stopped:
        ask(endpoint, MemoryCache(), SMALL.model_copy(update={"in_flight": 1}))
    assert len(endpoint.asked) == 3
    assert str(stopped.value) == (
        "The LLM endpoint at http://endpoint.example:1 failed 3 of the 12 ratings, and personas.failures allows 2; "
        "most often (2): HTTP 500. Mend the endpoint or its address (GAELP_LLM_URL, GAELP_LLM_API_KEY), or set "
        "personas.source=recorded."
    )


def test_questions_are_in_flight_together_up_to_the_limit() -> None:
    """No more are open at once than configured, and no fewer where there is enough to ask."""
    endpoint = ScriptedEndpoint()
    ask(endpoint, MemoryCache(), SMALL.model_copy(update={"in_flight": 3}))
    assert endpoint.most_at_once == 3


def test_the_pace_is_kept() -> None:
    """Four turns at ten a second take three tenths of a second, and a pause is not made up for by a burst."""

    async def turns(time: Time) -> list[float]:
        pace, at = Pace(10.0, time.clock, time.sleep), list[float]()
        for number in range(6):
            time.now += 5.0 if number == 4 else 0.0
            await pace.turn()
            at.append(time.now)
        return at

    assert asyncio.run(turns(Time())) == pytest.approx([0.0, 0.1, 0.2, 0.3, 5.3, 5.4])


def test_progress_is_reported_after_every_answer() -> None:
    """A heartbeat can say how many questions of how many are answered."""
    counts: list[int] = []
    time = Time()
    people, texts = panel.people(SMALL), panel.creatives(SMALL)

    def progress(tally: Tally) -> None:
        counts.append(tally.asked)

    services = RatingServices(ScriptedEndpoint(), MemoryCache(), time.clock, time.sleep)
    asyncio.run(rater.rate(SMALL, people, texts, services, "r", progress))
    assert counts[0] == 0 and counts[-1] == QUESTIONS and counts == sorted(counts)
