"""Settings of the four phases. Touch this to add one; thresholds are explained in docs/gates.md."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from gaelp.domain.config.section import Count, Money, Name, Section, Share


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
    average_reward: Share = Field(0.7, description="threshold of criterion 1, average reward")
    success_rate: Share = Field(0.8, description="threshold of criterion 2, success rate")
    improvement: Share = Field(0.05, description="threshold of criterion 3, improvement")
    consistency_episodes: Count = Field(50, description="episodes of criterion 4, the announced block")
    traps: Literal["required", "gating", "all"] = Field(
        "gating", description="trap exams that are played: those required here, also those of staging, or all"
    )
    required_traps: tuple[Name, ...] = Field(
        (), description="traps that must be avoided (criterion 15), beside those of the profiles staging and production"
    )
    audit: Literal["none", "reported", "required"] = Field(
        "none", description="exploit audit (criterion 16); the profiles staging and production require it always"
    )


class Historical(Section):
    """Historical validation."""

    logs: tuple[Name, ...] = Field(
        (), description="ingested logs, by name, in the order they are replayed", max_length=20
    )
    calibration_share: float = Field(0.5, gt=0, lt=1, description="earlier share of each log that calibrates")
    match: Share = Field(0.95, description="threshold of criterion 5a, fidelity")
    accuracy: Share = Field(0.85, description="threshold of criterion 6, prediction accuracy")
    correlation: Share = Field(0.8, description="threshold of criterion 7, correlation")


class LiveTest(Section):
    """The small-budget live test."""

    campaigns: Count = Field(6, description="campaigns at the most, one after another (at most 10)", le=10)
    days: Count = Field(7, description="days that one campaign runs (at most 366)", le=366)
    daily_cap: Money = Field(
        Decimal("50.00"), description="hard cap on what the platform may bill on one day: 10 to 50 US dollars' worth"
    )
    drawdown_limit: Money = Field(Decimal("150.00"), description="cumulated loss at which the test stops")
    minimum_conversions: int = Field(10, ge=0, description="a campaign with fewer matured ones does not count")
    minimum_spend: Money = Field(Decimal("50.00"), description="a campaign that spent less does not count")
    streak: Count = Field(5, description="criterion 8: consecutive positive-ROI campaigns")
    roi: float = Field(0.05, description="criterion 8: ROI to be exceeded (h of the profit test)")
    budget_efficiency: Share = Field(0.8, description="threshold of criterion 9, budget efficiency")


class Scaled(Section):
    """Scaled deployment."""

    products: Annotated[tuple[Name, ...], Field(min_length=1, max_length=1000)] = Field(
        ("product-a", "product-b", "product-c")
    )
    daily_budget: Money = Field(Decimal("30.00"), description="platform budget a campaign starts with")
    daily_cap: Money = Field(Decimal("400.00"), description="hard cap of the portfolio on one day")
    periods: Count = Field(4, description="periods between budget decisions")
    period_days: Count = Field(3, description="settling time: days between two budget decisions")
    raise_step: float = Field(0.2, gt=0, le=0.2, description="largest raise in one decision")
    improvement: Share = Field(0.15, description="threshold of criterion 11, sustained improvement")
    success: Share = Field(0.9, description="threshold of criterion 12, multi-campaign success")
    transfer: Share = Field(0.8, description="threshold of criterion 13, transfer effectiveness; not read yet")
