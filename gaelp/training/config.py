"""The training configuration: what a user may choose for a run. Touch this to add a setting; loading is elsewhere.

Money here is in whole currency units with two decimals (`daily_budget: 20.00`); `micros()` turns it into the
integer micros that everything else uses.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gaelp.training import legacy

Money = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
NAME_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


def micros(amount: Decimal) -> int:
    """Whole currency units to integer micros, exactly."""
    return int(amount * 1_000_000)


URL_PATTERN = r"^https?://[^\s@]+$"
ENVIRONMENT_PATTERN = r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+-v[0-9]+$"
CURRENCY_PATTERN = "^[A-Z]{3}$"
SHIPPED_CREATIVES = 12
"""Creatives of the market without logs; as many texts ship, for personas to rate."""


class Section(BaseModel):
    """A part of the configuration: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Economics(Section):
    """What a click and a conversion are worth."""

    conversion_action: str = Field("purchase", description="the conversion that counts")
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
        "aggregate", description="counts per cell drawn from their distributions, or every auction resolved"
    )
    auction: Literal["second-price", "first-price"] = Field("second-price", description="what a winner pays")
    segments: Count = Field(4, description="audience segments made from the log's user features")
    creatives: Annotated[int, Field(ge=1, le=10_000)] = Field(
        SHIPPED_CREATIVES, description="creatives where no log has its own"
    )
    hourly_auctions: Count = Field(
        600, le=10**9, description="mean auctions an hour over all segments, before the hourly curve"
    )
    click_rate: Annotated[float, Field(ge=1e-6, le=0.5)] | None = Field(
        None, description="mean clicks per impression; none: the log's, or 0.004 without a log"
    )
    price_median: Annotated[Money, Field(le=1_000_000)] = Field(
        Decimal("5.50"), description="median highest competing bid, per thousand impressions"
    )
    price_spread: float = Field(0.6, ge=0.01, le=3, description="standard deviation of the log of that bid")
    rivals: Count = Field(8, description="competing bidders in an auction; the highest of them bids as above", le=1000)
    reserve_price: Money = Field(Decimal("0.00"), description="no impression is sold below it, per thousand")
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
    price_per_million_tokens: Money = Field(Decimal("0.00"), description="for the cost that is reported")


class Remote(Section):
    """The agent `remote`: decisions by HTTP, POST {url}/act. Its credentials are never sent from here."""

    url: Annotated[str, Field(pattern=URL_PATTERN)] | None = Field(None, description="base address")
    heads: Annotated[
        tuple[Literal["bid_micros", "creative_prob", "spend_rate", "target"], ...], Field(min_length=1)
    ] = (
        "bid_micros",
        "creative_prob",
    )
    timeout_seconds: Positive = Field(5.0, description="an answer that takes longer fails the batch or the tick")
    cost_per_call: Money = Field(Decimal("0.00"), description="what one answer costs")
    cost_limit: Money = Field(Decimal("10.00"), description="most that an agent may cost in one batch or campaign tick")


class Simulation(Section):
    """The simulation phase."""

    rounds: Count = Field(6, description="learning rounds")
    batches_per_round: Count = Field(4, description="batches in flight (W); a round waits for them all")
    campaigns_per_batch: Count = Field(32, description="campaigns that advance together in one batch (C)")
    days: Annotated[int, Field(ge=1, le=366)] = Field(7, description="length of an episode")
    daily_budget: Annotated[Money, Field(gt=0)] = Field(Decimal("30.00"), description="budget of a simulated campaign")
    exam_batches: Count = Field(4, description="batches of one look at the exam, on fresh seeds")
    exam_looks: Count = Field(4, description="looks at the most before an inconclusive exam ends")
    failed_batches: int = Field(2, ge=0, description="batches that may be set aside before the phase fails")
    failed_episodes: int = Field(16, ge=0, description="episodes that may fail in training before the phase fails")
    average_reward: Share = Field(0.7, description="criterion 1")
    success_rate: Share = Field(0.8, description="criterion 2")
    improvement: Share = Field(0.05, description="criterion 3")
    consistency_episodes: Count = Field(50, description="criterion 4")


class Historical(Section):
    """Historical validation."""

    logs: tuple[Name, ...] = Field((), description="ingested logs, by name, in the order they are replayed")
    calibration_share: float = Field(0.5, gt=0, lt=1, description="earlier share of each log that calibrates")
    match: Share = Field(0.95, description="criterion 5")
    accuracy: Share = Field(0.85, description="criterion 6")
    correlation: Share = Field(0.8, description="criterion 7")


class LiveTest(Section):
    """The small-budget live test."""

    campaigns: Count = Field(6, description="campaigns at the most, one after another (at most 10)", le=10)
    days: Count = Field(7, description="days that one campaign runs")
    daily_cap: Annotated[Decimal, Field(ge=10, le=50, decimal_places=2)] = Field(
        Decimal("50.00"), description="hard cap on what the platform may bill on one day, in the account's currency"
    )
    drawdown_limit: Money = Field(Decimal("150.00"), description="cumulated loss at which the test stops")
    minimum_conversions: int = Field(10, ge=0, description="a campaign with fewer matured ones does not count")
    minimum_spend: Money = Field(Decimal("50.00"), description="a campaign that spent less does not count")
    streak: Count = Field(5, description="criterion 8: consecutive positive-ROI campaigns")
    roi: float = Field(0.05, description="criterion 8: ROI to be exceeded (h of the profit test)")
    budget_efficiency: Share = Field(0.8, description="criterion 9")


class Scaled(Section):
    """Scaled deployment."""

    products: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(("product-a", "product-b", "product-c"))
    daily_budget: Money = Field(Decimal("30.00"), description="platform budget a campaign starts with")
    daily_cap: Money = Field(Decimal("400.00"), description="hard cap of the portfolio on one day")
    periods: Count = Field(4, description="periods between budget decisions")
    period_days: Count = Field(3, description="settling time: days between two budget decisions")
    raise_step: float = Field(0.2, gt=0, le=0.2, description="largest raise in one decision")
    improvement: Share = Field(0.15, description="criterion 11")
    success: Share = Field(0.9, description="criterion 12")
    transfer: Share = Field(0.8, description="criterion 13")


class Limits(Section):
    """Spend limits on top of the phases' caps; the smallest one binds."""

    daily: Money = Field(Decimal("500.00"), description="per account and day, worst case")
    campaign: Money = Field(Decimal("1000.00"), description="per campaign over its life, worst case")
    run: Money = Field(Decimal("10000.00"), description="per run, billed plus open worst case")
    alerts: tuple[Share, ...] = Field((0.5, 0.8, 0.95), description="shares of each limit that raise an alert")


class Safety(Section):
    """Content and conduct."""

    forbidden_keywords: tuple[str, ...] = Field((), description="never in a creative, however it is spelled")
    minimum_quality: Share = Field(0.5, description="content quality score below which a creative is refused")


class Approval(Section):
    """Human approval of spend."""

    deadline_hours: Positive = Field(72.0, description="silence until then is a refusal")


class Clock(Section):
    """How a campaign's time relates to ours."""

    tick_hours: Literal[1, 2, 3, 4, 6, 8, 12, 24] = Field(1, description="hours between two decisions of an agent")
    time_scale: float = Field(1.0, ge=0, description="wall seconds per campaign second; 0 waits for nothing")
    start: datetime | None = Field(None, description="first campaign instant; none: the time the phase begins")


class TrainingConfiguration(Section):
    """Everything that decides what a run does. Its digest names it exactly."""

    profile: Literal["quick-test", "development", "staging", "production"] = "quick-test"
    mode: Literal["advisory", "strict"] = Field("strict", description="advisory: INCONCLUSIVE goes on, unproven")
    seed: int = Field(0, ge=0, lt=2**63, description="root of every random stream")
    agent: Name = Field("linear-thompson", description="entry point in the group gaelp.agents")
    environment: str = Field(
        "gaelp/AdMarket-v0",
        pattern=ENVIRONMENT_PATTERN,
        description="Gymnasium id of the simulated world",
    )
    incumbent: Name = Field("fixed-bid", description="the policy that acts today; reference and fallback")
    product: Name = Field("product-a", description="what the live test advertises")
    account: Name = Field("emulator", description="ad account, as its owner entered it in the ledger")
    currency: Annotated[str, Field(pattern=CURRENCY_PATTERN)] = "USD"
    economics: Economics = Economics()
    market: Market = Market()
    personas: Personas = Personas()
    remote: Remote = Remote()
    simulation: Simulation = Simulation()
    historical: Historical = Historical()
    live_test: LiveTest = LiveTest()
    scaled: Scaled = Scaled()
    limits: Limits = Limits()
    safety: Safety = Safety()
    approval: Approval = Approval()
    clock: Clock = Clock()

    @model_validator(mode="before")
    @classmethod
    def _older_form(cls, data: Any) -> Any:
        """Older callers give flat keywords: TrainingConfiguration(**DEVELOPMENT_CONFIG.to_legacy_config())."""
        if isinstance(data, dict) and not data.keys() <= cls.model_fields.keys():
            return legacy.nested(cls, data)
        return data

    def to_legacy_config(self) -> dict[str, Any]:
        """The flat form of older callers; its keys are listed in docs/configuration.md."""
        return legacy.flat(self)

    @classmethod
    def from_legacy_config(cls, flat: dict[str, Any]) -> Self:
        """The configuration of a flat form; unknown and retired keys are refused by name."""
        return cls.model_validate(flat)
