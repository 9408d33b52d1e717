"""The emulator's requests and responses over HTTP.

Campaign specs, states and reports travel as the records of gaelp/domain/platform_records.py. Touch this with client.py
and server.py in view.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from gaelp.domain.platform_records import CampaignSpec, CampaignState, Creative

Budget = Annotated[int, Field(gt=0, lt=10**15)]
Bids = tuple[Annotated[int, Field(ge=0, lt=10**12)], ...]
SHARE_TOLERANCE = 1e-6


def _distributions(rows: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
    for index, row in enumerate(rows):
        if any(not 0 <= share <= 1 for share in row) or abs(sum(row) - 1) > SHARE_TOLERANCE:
            raise ValueError(f"the creative shares of segment {index} are not shares that sum to 1")
    return rows


Shares = Annotated[tuple[tuple[float, ...], ...], AfterValidator(_distributions)]


class Wire(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Create(Wire):
    """Create a campaign, paused."""

    spec: CampaignSpec
    at: AwareDatetime

    @model_validator(mode="after")
    def _sound(self) -> Create:
        spec = self.spec
        SetBudget(daily_budget_micros=spec.daily_budget_micros, at=self.at)
        SetDelivery(bid_micros=spec.bid_micros, creative_prob=spec.creative_prob, at=self.at)
        SetEnd(end_at=spec.end_at, at=self.at)
        return self


class SetStatus(Wire):
    """Enable or pause; `at` none: at whatever instant the campaign has reached (pause only)."""

    enabled: bool
    at: AwareDatetime | None


class SetBudget(Wire):
    """Absolute daily budget."""

    daily_budget_micros: Budget
    at: AwareDatetime


class SetDelivery(Wire):
    """Absolute bids per segment and creative shares per segment."""

    bid_micros: Bids
    creative_prob: Shares
    at: AwareDatetime


class SetEnd(Wire):
    """Absolute end time: delivery stops then by itself."""

    end_at: AwareDatetime
    at: AwareDatetime


class Advance(Wire):
    """Push every campaign forward, as if time had passed."""

    at: AwareDatetime


class ConversionFactor(Wire):
    """Conversion rates of every product, times this, from each campaign's instant on."""

    factor: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Payment(Wire):
    """Whether the account can no longer be charged: a card that has expired, an invoice that is overdue."""

    failed: bool


class QuotaUse(Wire):
    """How many calls of an account were made, and how many its quota refused."""

    made: int
    refused: int


class Rename(Wire):
    """Give a campaign another name, as a person may in a platform's own pages."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


class EditCreatives(Wire):
    """Give a campaign other ads, as many as it has: a person may in a platform's own pages."""

    creatives: tuple[Creative, ...]


class Truth(Wire):
    """What really happened in a campaign by the instant it has reached, whatever has been reported."""

    state: CampaignState
    reached: AwareDatetime
    hours: int
    impressions: int
    clicks: int
    conversions: int  # that the clicks so far will ever have
    cost_micros: int
    highest_day_micros: int
    writes: int


class ErrorBody(Wire):
    """The body of every error, whatever its HTTP status."""

    code: str
    message: str
