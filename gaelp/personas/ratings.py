"""Turns answers into relative tendencies, and these into a changed market. Touch this to change what a rating does.

The level of every rate stays what calibration measured. Ratings decide only which persona prefers which creative, and
only with the weight that the configuration gives them.

A rating is the odds ratio of yes between a creative and a neutral advertisement, exp(logit p - logit p0), clipped to
[1/4, 4]; 1 is neutral, and so is a pair that was not rated. Dividing by the persona's own answer to an advertisement
that says nothing removes the model's habit of saying yes. Where clicks are rare the odds ratio is the ratio of rates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gaelp.arrays import F8
from gaelp.domain.config.market_sections import Persona
from gaelp.errors import GaelpError
from gaelp.market.parameters import MarketParameters
from gaelp.personas.prompt import Question

LARGEST = 4.0  # no answer makes a creative more than four times, or less than a quarter, as good as a neutral one
CERTAIN = 0.999  # probabilities are held this far from 0 and 1 before their odds are taken
OFFLINE = 0.1  # share of a persona's traffic that comes evenly over the day, whatever her hours
MOST_CTR = 0.5  # as in calibration


class RatingsMismatch(GaelpError, ValueError):
    """Ratings or personas do not fit the market; the message says how to mend it."""

    permanent = True


@dataclass(frozen=True)
class Ratings:
    """Relative tendencies f8[P, K] to click and, having clicked, to buy; 1 is neutral."""

    click: F8
    convert: F8

    def arrays(self) -> dict[str, F8]:
        """For the content store."""
        return {Question.CLICK.value: self.click, Question.CONVERT.value: self.convert}


def rated(probability: Mapping[Question, F8], neutral: Mapping[Question, F8]) -> Ratings:
    """Ratings from the answers to both questions."""
    click, convert = (relative(probability[question], neutral[question]) for question in Question)
    return Ratings(click, convert)


def relative(probability: F8, neutral: F8) -> F8:
    """Ratings f8[P, K] from P(yes) f8[P, K] of the creatives and f8[P] of the neutral advertisement; NaN is no answer.

    A persona without an answer to the neutral one is compared with the median answer of the others to it.
    """
    known = neutral[np.isfinite(neutral)]
    base = np.where(np.isfinite(neutral), neutral, np.median(known) if len(known) else 0.5)
    log_ratio = _logit(probability) - _logit(base)[:, None]
    clipped = np.clip(log_ratio, -np.log(LARGEST), np.log(LARGEST))
    return np.where(np.isfinite(probability), np.exp(clipped), 1.0)


def _logit(probability: F8) -> F8:
    inside = np.clip(probability, 1 - CERTAIN, CERTAIN)
    return np.asarray(np.log(inside / (1 - inside)))


def apply(market: MarketParameters, people: Sequence[Persona], weight: float, ratings: Ratings) -> MarketParameters:
    """The market with personas in it: ctr, cvr f8[S, K] and hourly f8[168] change, everything else stays.

    r[s, k] is the share-weighted mean rating over the personas of segment s, over its mean across creatives; then
    ctr'[s, k] = ctr[s, k] * r[s, k]**weight, scaled so that the segment's mean CTR is what it was; cvr likewise with
    the ratings of buying. The hourly curve: see `leaning`. Raises RatingsMismatch.
    """
    segments, candidates = market.ctr.shape
    _check(segments, candidates, people, ratings)
    belongs = memberships(people, segments)
    ctr = _weighted(market.ctr, belongs @ ratings.click, weight)
    cvr = _weighted(market.cvr, belongs @ ratings.convert, weight)
    hourly = market.hourly * leaning(people)[np.arange(168) % 24] ** weight
    return replace(
        market, ctr=np.minimum(ctr, MOST_CTR), cvr=np.minimum(cvr, 1.0), hourly=np.asarray(hourly / hourly.mean())
    )


def memberships(people: Sequence[Persona], segments: int) -> F8:
    """Weights f8[S, P] whose rows sum to 1: the share of each persona within each segment.

    Personas without a segment of their own are assigned to the segments in turn, so each gets an even part of them. A
    segment without personas has the taste of the whole panel.
    """
    weights = np.zeros((segments, len(people)))
    assigned = 0
    for column, persona in enumerate(people):
        segment = persona.segment if persona.segment is not None else assigned % segments
        assigned += persona.segment is None
        weights[segment, column] = persona.share
    weights[weights.sum(axis=1) == 0] = [persona.share for persona in people]
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def leaning(people: Sequence[Persona]) -> F8:
    """Factor f8[24] of mean 1 on the traffic of each hour of the day.

    A persona of share w with h hours online brings w * (OFFLINE / 24 + (1 - OFFLINE) * [online] / h) to each hour.
    """
    hours = np.zeros(24)
    for persona in people:
        online = np.isin(np.arange(24), persona.online) if persona.online else np.ones(24, bool)
        hours += persona.share * (OFFLINE / 24 + (1 - OFFLINE) * online / online.sum())
    return np.asarray(hours / hours.mean())


def permuted(ratings: Ratings, rng: np.random.Generator) -> Ratings:
    """The same ratings on other creatives: one random permutation for each persona, the same for both questions.

    Every persona keeps how picky she is; which creative she likes, and what personas have in common, is lost.
    """
    order = rng.permuted(np.broadcast_to(np.arange(ratings.click.shape[1]), ratings.click.shape), axis=1)
    return Ratings(np.take_along_axis(ratings.click, order, axis=1), np.take_along_axis(ratings.convert, order, axis=1))


def spread(ratings: F8) -> float:
    """Standard deviation of the log ratings over creatives, mean over personas."""
    return float(np.log(ratings).std(axis=1).mean())


def consensus(ratings: F8) -> float:
    """Share of the log ratings' variance over creatives that personas have in common; near 1 / P where nothing is."""
    centred = np.log(ratings) - np.log(ratings).mean(axis=1, keepdims=True)
    whole = float((centred**2).mean())
    return float((centred.mean(axis=0) ** 2).mean()) / whole if whole > 0 else 0.0


def _weighted(rate: F8, taste: F8, weight: float) -> F8:
    changed = rate * (taste / taste.mean(axis=1, keepdims=True)) ** weight
    return np.asarray(changed * rate.mean(axis=1, keepdims=True) / changed.mean(axis=1, keepdims=True))


def _check(segments: int, candidates: int, people: Sequence[Persona], ratings: Ratings) -> None:
    for persona in people:
        if persona.segment is not None and persona.segment >= segments:
            raise RatingsMismatch(
                f"persona {persona.name!r} is of segment {persona.segment}, but the market has {segments} "
                f"(0 to {segments - 1}): change its segment in personas.people, or leave it out."
            )
    wanted = (len(people), candidates)
    if ratings.click.shape != wanted or ratings.convert.shape != wanted:
        texts = ratings.click.shape[1]
        raise RatingsMismatch(
            f"the market has {candidates} creatives and {len(people)} personas, and there are ratings of {texts} texts "
            f"by {ratings.click.shape[0]} personas: give personas.creatives one text for each creative in their order, "
            "with personas.source=endpoint, or set personas.source=none."
        )
