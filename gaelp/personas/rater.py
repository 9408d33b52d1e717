"""All questions of a panel, each asked once: so many at once, so many a second, up to a limit of failures.

Touch this to change what is asked, what a failure costs, or when the asking stops. Clock and sleep are arguments, the
endpoint and the cache protocols: nothing here knows a network.
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
    """More failed than the configuration allows, or nobody can be asked; one sentence with the reason and remedy."""

    permanent = True


@dataclass(frozen=True)
class Remembered:
    """An answer in a cache: what it was, what it cost, and the run that asked."""

    probability: float
    tokens: int
    run: str


class Cache(Protocol):
    """Answers by key. Whatever is lost is asked again."""

    def get(self, keys: Sequence[str]) -> dict[str, Remembered]:
        """Those that are known; none where the cache is away."""
        ...

    def put(self, key: str, answer: Remembered) -> bool:
        """Keep one; False where the cache is away."""
        ...


class Endpoint(Protocol):
    """What answers."""

    @property
    def address(self) -> str:
        """Where it is, without credentials."""
        ...

    async def ask(self, text: str) -> Answer:
        """One answer; FailedRating."""
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
    """How the asking goes. `asked` counts the answers that this run asked for, in an earlier attempt too."""

    total: int
    allowed: int
    asked: int = 0
    cached: int = 0
    failed: int = 0
    tokens: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, answer: Remembered, run: str) -> None:
        """An answer that was just given, or one from the cache."""
        ours = answer.run == run
        self.asked += ours
        self.cached += not ours
        self.tokens += answer.tokens if ours else 0


@dataclass(frozen=True)
class Rated:
    """Ratings f8[P, K], the probabilities behind them (NaN: no answer), and how they were come by."""

    ratings: Ratings
    probability: Mapping[Question, F8]  # [P, K]
    neutral: Mapping[Question, F8]  # [P]
    tally: Tally


class Pace:
    """Lets at most so many through a second, evenly spaced."""

    def __init__(self, per_second: float, clock: Clock, sleep: Sleep) -> None:
        self._gap, self._clock, self._sleep = 1.0 / per_second, clock, sleep
        self._next = clock()

    async def turn(self) -> None:
        """Return when it is one's turn."""
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
    endpoint: Endpoint,
    cache: Cache,
    run: str,
    *,
    clock: Clock,
    sleep: Sleep = asyncio.sleep,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Rated:
    """Ask what the cache does not know. RatingsFailed as soon as the limit of failures cannot be kept any more."""
    wanted = list(items(config, people, texts))
    tally = Tally(len(wanted), int(config.failures * len(wanted)))
    known = await asyncio.to_thread(cache.get, [item.key for item in wanted])
    for item in wanted:
        if item.key in known:
            tally.count(known[item.key], run)
    found = {item: known[item.key].probability for item in wanted if item.key in known}
    missing = iter([item for item in wanted if item not in found])
    asking = _Asking(endpoint, cache, run, Pace(config.requests_per_second, clock, sleep), tally, found, progress)
    progress(tally)
    await _together([asking.work(missing) for _ in range(config.in_flight)])
    return _rated(found, len(people), len(texts), tally)


@dataclass
class _Asking:
    """One worker's turn after another; several share the iterator of what is missing."""

    endpoint: Endpoint
    cache: Cache
    run: str
    pace: Pace
    tally: Tally
    found: dict[Item, float]
    progress: Callable[[Tally], None]
    remembers: bool = True

    async def work(self, missing: Iterator[Item]) -> None:
        for item in missing:
            await self.pace.turn()
            try:
                answer = await self.endpoint.ask(item.text)
            except FailedRating as error:
                self._failed(str(error))
            else:
                await self._answered(item, Remembered(answer.probability, answer.tokens, self.run))
            self.progress(self.tally)

    async def _answered(self, item: Item, answer: Remembered) -> None:
        self.found[item] = answer.probability
        self.tally.count(answer, self.run)
        if self.remembers:  # a cache that is away once is not waited for a second time
            self.remembers = await asyncio.to_thread(self.cache.put, item.key, answer)

    def _failed(self, reason: str) -> None:
        tally = self.tally
        tally.failed += 1
        tally.reasons[reason] += 1
        if tally.failed > tally.allowed:
            (commonest, times), *_ = tally.reasons.most_common(1)
            raise RatingsFailed(
                f"The LLM endpoint at {self.endpoint.address} failed {tally.failed} of the {tally.total} ratings, and "
                f"personas.failures allows {tally.allowed}; most often ({times}): {commonest}. Mend the endpoint or "
                "its address (GAELP_LLM_URL, GAELP_LLM_API_KEY), or set personas.source=recorded."
            )


async def _together(work: Sequence[Awaitable[None]]) -> None:
    """All of them; where one raises the others are cancelled, so that nobody waits for what stalls."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _rated(found: Mapping[Item, float], people: int, texts: int, tally: Tally) -> Rated:
    whole = {question: np.full((people, texts + 1), np.nan) for question in Question}
    for item, probability in found.items():
        whole[item.question][item.persona, item.creative + 1] = probability
    answers = {question: table[:, 1:] for question, table in whole.items()}
    neutral = {question: table[:, 0] for question, table in whole.items()}
    return Rated(ratings.rated(answers, neutral), answers, neutral, tally)
