"""Asks all questions of a panel, each once, within limits of concurrency, of pace and of failures.

Clock and sleep are arguments, endpoint and cache are protocols: nothing here knows a network. Touch this to change
which questions are asked, what a failure costs, or when the asking stops.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from gaelp.arrays import F8
from gaelp.domain.config.market_sections import CreativeText, Persona, Personas
from gaelp.errors import GaelpError
from gaelp.personas import prompt, ratings
from gaelp.personas.answers import Answer, FailedRating
from gaelp.personas.prompt import NEUTRAL, Question, Style
from gaelp.personas.ratings import Ratings

Sleep = Callable[[float], Awaitable[None]]
Clock = Callable[[], float]


class RatingsFailed(GaelpError, RuntimeError):
    """More ratings failed than the configuration allows, or no question can be sent; the text has reason and remedy."""

    permanent = True


@dataclass(frozen=True)
class Remembered:
    """An answer in a cache: the probability of yes, the tokens that it cost, and the run that asked."""

    probability: float
    tokens: int
    run: str


class Cache(Protocol):
    """Answers by key. An answer that is lost is asked for again."""

    def get(self, keys: Sequence[str]) -> dict[str, Remembered]:
        """The answers that are known; none where the cache cannot be reached."""
        ...

    def put(self, key: str, answer: Remembered) -> bool:
        """Keep one answer; False where the cache cannot be reached."""
        ...


class Endpoint(Protocol):
    """Where questions are asked."""

    @property
    def address(self) -> str:
        """Where it is, without credentials."""
        ...

    async def ask(self, text: str) -> Answer:
        """The answer to one question. Raises FailedRating."""
        ...


@dataclass(frozen=True)
class Item:
    """One question: persona and creative by index, -1 for the neutral advertisement."""

    persona: int
    creative: int
    question: Question
    text: str
    key: str


@dataclass
class Tally:
    """How many questions were answered, and at what cost. `asked` counts the run's own, in an earlier attempt too."""

    total: int
    allowed: int
    asked: int = 0
    cached: int = 0
    failed: int = 0
    tokens: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, answer: Remembered, run: str) -> None:
        """Count an answer of the endpoint, or one from the cache."""
        ours = answer.run == run
        self.asked += ours
        self.cached += not ours
        self.tokens += answer.tokens if ours else 0


@dataclass(frozen=True)
class Rated:
    """Ratings f8[P, K], the probabilities that they were made from (NaN: no answer), and the tally of the asking."""

    ratings: Ratings
    probability: Mapping[Question, F8]  # [P, K]
    neutral: Mapping[Question, F8]  # [P]
    tally: Tally


@dataclass(frozen=True)
class RatingServices:
    """What the asking needs of the world around it."""

    endpoint: Endpoint
    cache: Cache
    clock: Clock
    sleep: Sleep = asyncio.sleep


class Pace:
    """Spaces the callers of `turn` evenly, at most so many a second."""

    def __init__(self, per_second: float, clock: Clock, sleep: Sleep) -> None:
        self._gap, self._clock, self._sleep = 1.0 / per_second, clock, sleep
        self._next = clock()

    async def turn(self) -> None:
        """Return when the caller may go on."""
        now = self._clock()
        mine = max(self._next, now)
        self._next = mine + self._gap
        if mine > now:
            await self._sleep(mine - now)


def style(config: Personas) -> Style:
    """How this configuration has its answers read."""
    return Style.TOKENS if config.token_probabilities else Style.TEXT


def items(config: Personas, people: Sequence[Persona], texts: Sequence[CreativeText]) -> Iterator[Item]:
    """Every question, persona by persona, the neutral advertisement first."""
    how = style(config)
    for row, persona in enumerate(people):
        for column, creative in enumerate((NEUTRAL, *texts), start=-1):
            for question in Question:
                named = prompt.key(persona, creative, question, how, config.model)
                digest = hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()
                yield Item(row, column, question, prompt.render(persona, creative, question, how), digest)


async def rate(
    config: Personas,
    people: Sequence[Persona],
    texts: Sequence[CreativeText],
    services: RatingServices,
    run: str,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Rated:
    """The ratings of a panel; the endpoint is asked only what the cache does not know.

    `progress` is called before the first question and after every answer. Raises RatingsFailed as soon as more
    questions have failed than the configuration allows.
    """
    wanted = list(items(config, people, texts))
    tally = Tally(len(wanted), int(config.failures * len(wanted)))
    known = await asyncio.to_thread(services.cache.get, [item.key for item in wanted])
    for item in wanted:
        if item.key in known:
            tally.count(known[item.key], run)
    probabilities = {item: known[item.key].probability for item in wanted if item.key in known}
    missing = iter([item for item in wanted if item not in probabilities])
    pace = Pace(config.requests_per_second, services.clock, services.sleep)
    asking = _Asking(services, run, pace, tally, probabilities, progress)
    progress(tally)
    await _together([asking.work(missing) for _ in range(config.in_flight)])
    return _rated(probabilities, len(people), len(texts), tally)


@dataclass
class _Asking:
    """The state that all workers of one panel share; each takes the next question from one iterator."""

    services: RatingServices
    run: str
    pace: Pace
    tally: Tally
    probabilities: dict[Item, float]
    progress: Callable[[Tally], None]
    cache_answers: bool = True

    async def work(self, missing: Iterator[Item]) -> None:
        for item in missing:
            await self.pace.turn()
            try:
                answer = await self.services.endpoint.ask(item.text)
            except FailedRating as error:
                self._failed(str(error))
            else:
                await self._answered(item, Remembered(answer.probability, answer.tokens, self.run))
            self.progress(self.tally)

    async def _answered(self, item: Item, answer: Remembered) -> None:
        self.probabilities[item] = answer.probability
        self.tally.count(answer, self.run)
        if self.cache_answers:  # a cache that could not be reached once is not waited for a second time
            self.cache_answers = await asyncio.to_thread(self.services.cache.put, item.key, answer)

    def _failed(self, reason: str) -> None:
        tally = self.tally
        tally.failed += 1
        tally.reasons[reason] += 1
        if tally.failed > tally.allowed:
            (commonest, times), *_ = tally.reasons.most_common(1)
            raise RatingsFailed(
                f"The LLM endpoint at {self.services.endpoint.address} failed {tally.failed} of the {tally.total} "
                f"ratings, and personas.failures allows {tally.allowed}; most often ({times}): {commonest}. Mend the "
                "endpoint or its address (GAELP_LLM_URL, GAELP_LLM_API_KEY), or set personas.source=recorded."
            )


async def _together(work: Sequence[Awaitable[None]]) -> None:
    """Run all of them; where one raises the others are cancelled, so that a failure waits for no call."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _rated(probabilities: Mapping[Item, float], people: int, texts: int, tally: Tally) -> Rated:
    tables = {question: np.full((people, texts + 1), np.nan) for question in Question}
    for item, probability in probabilities.items():
        tables[item.question][item.persona, item.creative + 1] = probability
    answers = {question: table[:, 1:] for question, table in tables.items()}
    neutral = {question: table[:, 0] for question, table in tables.items()}
    return Rated(ratings.rated(answers, neutral), answers, neutral, tally)
