"""Settings of the simulated market and its audience. Touch this to add one."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from gaelp.domain.config.section import Count, Money, Positive, Price, Section, Share

SHIPPED_CREATIVES = 12
"""Creatives of the market without logs; as many texts ship, for personas to rate."""

MOST_SEGMENTS = 1000  # each has a bid of its own, and messages carry them


class Economics(Section):
    """What a click and a conversion are worth."""

    conversion_action: str = Field("purchase", description="the conversion that counts; not read yet")
    conversion_rate: Share = Field(
        0.06, description="attributed conversions per click, mean over creatives and segments"
    )
    order_value: Money = Field(Decimal("25.00"), description="mean value of an order")
    margin: Share = Field(0.4, description="share of the order value that is contribution before ad cost")
    refund_rate: Share = Field(0.0, description="share of conversions refunded later")
    target_cpa: Money = Field(Decimal("10.00"), description="the most a conversion may cost")
    attribution_window_days: Count = Field(7, description="days after a click in which a conversion counts as its own")
    lag_days: Positive = Field(1.0, description="mean days from click to conversion (exponential)")


class Market(Section):
    """The simulated market where no log says otherwise. What is 0, 1 or none by default is switched off."""

    resolution: Literal["aggregate", "per-auction"] = Field(
        "aggregate",
        description="counts per cell drawn from their distributions, or every auction resolved; where the "
        "budget binds, aggregate wins are within 1 % in the mean and 10 % in their spread, which is at most a third "
        "too large where own campaigns bid together",
    )
    auction: Literal["second-price", "first-price"] = Field("second-price", description="what a winner pays")
    segments: Count = Field(4, description="audience segments made from the log's user features", le=MOST_SEGMENTS)
    creatives: Annotated[int, Field(ge=1, le=10_000)] = Field(
        SHIPPED_CREATIVES, description="creatives where no log has its own"
    )
    hourly_auctions: Count = Field(
        600, le=10**9, description="mean auctions an hour over all segments, before the hourly curve"
    )
    click_rate: Annotated[float, Field(ge=1e-6, le=0.5)] | None = Field(
        None, description="mean clicks per impression; none: the log's, or 0.004 without a log"
    )
    price_median: Annotated[Price, Field(le=1_000_000)] = Field(
        Decimal("5.50"),
        description="median highest competing bid, per thousand impressions; a market log's prices are put to it",
    )
    price_spread: float = Field(
        0.6, ge=0.01, le=3, description="standard deviation of the log of that bid; a market log has its own"
    )
    rivals: Count = Field(
        8,
        le=1000,
        description="competing bidders in an auction, the highest of whom bids as above; only per-auction reads it",
    )
    reserve_price: Price = Field(Decimal("0.00"), description="no impression is sold below it, per thousand")
    creative_spread: Annotated[float, Field(gt=0, le=10)] = Field(
        0.4, description="standard deviation of log CTR between creatives, at the least"
    )
    day_shock: float = Field(0.1, ge=0, le=1, description="standard deviation of the common log shock of a day")
    season: float = Field(0.0, ge=0, lt=1, description="amplitude of the seasonal wave in conversions and prices")
    season_days: Count = Field(28, description="days of one wave")
    drift: float = Field(0.0, ge=0, le=1, description="standard deviation of log CTR's random walk, per day")
    change: float = Field(0.0, ge=-3, le=3, description="sudden change of the log price level")
    change_chance: Share = Field(0.0, description="chance that an episode has such a change, on a random day")
    audience: int = Field(0, ge=0, le=10**10, description="people that a campaign can reach; 0: without end")
    fatigue: Share = Field(0.0, description="share of the click tendency lost with each earlier view of a creative")
    frequency_cap: int = Field(0, ge=0, le=100, description="impressions per person and day at the most; 0: no cap")
    own_campaigns: Count = Field(1, description="campaigns of ours that share an audience and bid against each other")
    organic_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="share of attributed conversions that would have come without the ad"
    )
    order_spread: float = Field(0.5, ge=0, le=3, description="standard deviation of the log of an order's value")
    reporting_lag_hours: int = Field(0, ge=0, description="hours until counts and cost are reported")
    over_delivery: float = Field(1.0, ge=1, le=2, description="most that a day may bill, in daily budgets")
    bidding: Literal["manual", "target-cpa", "target-roas"] = Field(
        "manual", description="who bids: the agent, or the platform towards the agent's target"
    )
    learning_conversions: Count = Field(50, description="conversions until the platform's own bidding has learned")


class Persona(Section):
    """One kind of person in the simulated audience."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    about: Annotated[str, Field(min_length=1, max_length=500)]  # who they are and what they respond to
    online: tuple[Annotated[int, Field(ge=0, le=23)], ...] = Field((), description="hours of the day; none: all")
    share: Positive = Field(1.0, description="weight of this kind of person in the audience")
    segment: Annotated[int, Field(ge=0)] | None = Field(None, description="audience segment; none: spread evenly")


class CreativeText(Section):
    """What a creative says, for personas to rate."""

    headline: Annotated[str, Field(min_length=1, max_length=200)]
    body: Annotated[str, Field(max_length=1000)] = ""


class Personas(Section):
    """The audience as a panel of personas whose ratings set relative click and conversion tendencies."""

    source: Literal["none", "recorded", "endpoint"] = Field(
        "none", description="no personas, the recorded panel that ships, or ask an OpenAI-compatible endpoint"
    )
    weight: Share = Field(0.5, description="exponent of the ratings; 0: they say nothing, 1: they are taken whole")
    people: Annotated[tuple[Persona, ...], Field(min_length=1)] | None = Field(
        None, description="the panel; none: the one that ships"
    )
    creatives: Annotated[tuple[CreativeText, ...], Field(min_length=2)] | None = Field(
        None, description="texts of the market's creatives, in their order; none: the ones that ship"
    )
    model: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        "gemma-3-270m", description="as the endpoint names it"
    )
    token_probabilities: bool = Field(True, description="ask for P(yes) and P(no); false: read the answer's text")
    in_flight: Annotated[int, Field(ge=1, le=64)] = Field(4, description="questions asked at once")
    requests_per_second: Positive = Field(50.0, description="most questions a second")
    timeout_seconds: Positive = Field(20.0, description="an answer that takes longer is a failed rating")
    failures: Share = Field(0.2, description="share of ratings that may fail before the run stops")
    price_per_million_tokens: Price = Field(Decimal("0.00"), description="for the cost that is reported")
