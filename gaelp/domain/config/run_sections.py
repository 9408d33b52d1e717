"""Settings of the run as a whole: remote agent, limits, safety, approval, clock. Touch this to add one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from gaelp.domain.config.section import URL_PATTERN, Money, Positive, Price, Section, Share


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
    cost_per_call: Price = Field(Decimal("0.00"), description="what one answer costs")
    cost_limit: Money = Field(Decimal("10.00"), description="most that an agent may cost in one batch or campaign tick")


class Limits(Section):
    """Spend limits on top of the phases' caps; the smallest one binds."""

    daily: Money = Field(Decimal("500.00"), description="per account and day, worst case")
    campaign: Money = Field(Decimal("1000.00"), description="per campaign over its life, worst case")
    run: Money = Field(Decimal("10000.00"), description="per run, billed plus open worst case")
    alerts: tuple[Share, ...] = Field((0.5, 0.8, 0.95), description="shares of each limit that raise an alert")


class Safety(Section):
    """Content and conduct."""

    forbidden_keywords: tuple[str, ...] = Field((), description="never in a creative, however it is spelled")
    landing_page: Annotated[str, Field(pattern=URL_PATTERN)] | None = Field(
        None, description="address of the page that the ads lead to, to be watched in live campaigns"
    )
    minimum_quality: Share = Field(0.5, description="quality score below which a creative is refused; not read yet")


class Approval(Section):
    """Human approval of spend."""

    deadline_hours: Positive = Field(72.0, description="silence until then is a refusal")


class Clock(Section):
    """How a campaign's time relates to ours."""

    tick_hours: Literal[1, 2, 3, 4, 6, 8, 12, 24] = Field(1, description="hours between two decisions of an agent")
    time_scale: float = Field(1.0, ge=0, description="wall seconds per campaign second; 0 waits for nothing")
    start: datetime | None = Field(None, description="first campaign instant; none: the time the phase begins")
