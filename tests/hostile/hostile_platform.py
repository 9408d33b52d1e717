"""An ad platform at its worst, seeded and on a virtual clock: it errs, is late, forgets, and bills all that it may.

`Nature` says what it does and how often; by hand or against its own rules only where that is asked for. Touch this to
add a way in which a platform misbehaves.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gaelp.domain.platform_records import CampaignReport, CampaignSpec, CampaignState, CellReport, DayReport
from gaelp.platforms.protocol import DuplicateName, OutcomeUnknown, PlatformError
from tests.hostile.virtual_host import VirtualClock

LAWFUL = 2  # the most that a day may bill, in the highest daily budget of the day
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
CORRECTIONS = timedelta(hours=72)  # for so long after a day its cost may change


@dataclass(frozen=True)
class Nature:
    """How often a call goes wrong, and whether the platform breaks its rules or somebody edits by hand."""

    errors: float = 0.0  # of calls: not done, or done, or done later
    away: float = 0.0  # of calls begin a time in which nothing is answered
    forgets: float = 0.0  # of readings begin a time in which the campaign is not found
    crashes: float = 0.0  # of calls end the worker, before or after
    overbills: bool = False  # beyond what is lawful
    edits: float = 0.0  # of steps a person changes a campaign on the platform

    @property
    def lawful(self) -> bool:
        """Whether the platform keeps its rules and nobody edits by hand."""
        return not (self.overbills or self.edits)


class Crash(BaseException):
    """The worker dies here: no `except Exception` sees it."""


@dataclass
class Day:
    """One day of one campaign: what was served, and the highest budget in force while it could deliver."""

    served: int = 0
    highest_budget: int = 0
    reported: int = 0  # the most that a report has shown as billed
    delivered: timedelta = timedelta(0)  # for so long it was enabled within its lease


@dataclass
class HostileCampaign:
    """The truth about one campaign, which no reading need show."""

    state: CampaignState
    days: dict[date, Day] = field(default_factory=lambda: defaultdict(Day))
    reached: datetime = LONG_AGO
    hidden_until: datetime = LONG_AGO

    def delivers(self, now: datetime) -> bool:
        """Whether it serves at this instant."""
        return self.state.enabled and now < self.state.end_at


class HostilePlatform:
    """One account. Every call is a step at which `disturb` may let something else happen."""

    def __init__(self, clock: VirtualClock, nature: Nature, seed: int, zone: str = "UTC") -> None:
        self.clock, self.nature, self.zone = clock, nature, ZoneInfo(zone)
        self.rng = random.Random(f"platform {seed}")
        self.all: dict[str, HostileCampaign] = {}
        self.creates: dict[str, int] = defaultdict(int)  # campaigns made, by name
        self.late: list[tuple[datetime, Callable[[], None]]] = []
        self.away_until = clock.now
        self.calls = 0
        self.edits = 0  # made by hand

    # ------------------------------------------------------------ what a worker calls

    def read(self, account: str, platform_id: str) -> CampaignState | None:
        self._disturb(reading=True)
        campaign = self.all.get(platform_id)
        return None if campaign is None or self._hidden(campaign) else campaign.state

    def find(self, account: str, external_name: str) -> CampaignState | None:
        self._disturb(reading=True)
        for campaign in self.all.values():
            if campaign.state.external_name == external_name and not self._hidden(campaign):
                return campaign.state
        return None

    def campaigns(self, account: str) -> tuple[CampaignState, ...]:
        self._disturb(reading=True)
        return tuple(campaign.state for campaign in self.all.values())

    def report(self, account: str, platform_id: str, at: datetime) -> CampaignReport:
        self._disturb(reading=True)
        campaign = self.all[platform_id]
        days = tuple(self._day_report(campaign, day) for day in sorted(campaign.days) if campaign.days[day].served)
        cells = ((0, 0),)
        return CampaignReport(
            platform_id=platform_id, at=at, days=days,
            cells=CellReport(impressions=cells, clicks=cells, conversions=cells, cost_micros=cells),
        )  # fmt: skip

    def create_paused(self, spec: CampaignSpec, at: datetime) -> CampaignState:
        made: list[CampaignState] = []
        self._write(lambda: made.append(self._create(spec)))
        return made[0]

    def set_budget(self, account: str, platform_id: str, daily_budget_micros: int, at: datetime) -> None:
        self._write(lambda: self.set(platform_id, daily_budget_micros=daily_budget_micros))

    def set_delivery(self, account: str, platform_id: str, bid_micros: Any, creative_prob: Any, at: datetime) -> None:
        self._write(lambda: self.set(platform_id, bid_micros=bid_micros, creative_prob=creative_prob))

    def set_end(self, account: str, platform_id: str, end_at: datetime, at: datetime) -> None:
        self._write(lambda: self.set(platform_id, end_at=end_at))

    def enable(self, account: str, platform_id: str, at: datetime) -> None:
        self._write(lambda: self.set(platform_id, enabled=True))

    def pause(self, account: str, platform_id: str, at: datetime | None) -> None:
        self._write(lambda: self.set(platform_id, enabled=False))

    # ------------------------------------------------------------ what really happens

    def set(self, platform_id: str, **changes: Any) -> None:
        """Change a campaign now."""
        campaign = self.all[platform_id]
        self._advance(campaign)
        campaign.state = campaign.state.model_copy(update=changes)
        self._touch(campaign)

    def pass_time(self) -> None:
        """Carry out what is late and due, and deliver up to now."""
        due = sorted((each for each in self.late if each[0] <= self.clock.now), key=lambda each: each[0])
        self.late = [each for each in self.late if each[0] > self.clock.now]
        for _, call in due:
            call()
        for campaign in self.all.values():
            self._advance(campaign)

    def _create(self, spec: CampaignSpec) -> CampaignState:
        if any(c.state.external_name == spec.external_name for c in self.all.values()):
            raise DuplicateName(f"there is a campaign named {spec.external_name} already")
        state = CampaignState(
            platform_id=f"p{len(self.all)}", external_name=spec.external_name, account=spec.account, enabled=False,
            daily_budget_micros=spec.daily_budget_micros, end_at=spec.end_at, bid_micros=spec.bid_micros,
            creative_prob=spec.creative_prob,
        )  # fmt: skip
        self.all[state.platform_id] = HostileCampaign(state, reached=self.clock.now)
        self.creates[spec.external_name] += 1
        return state

    def _advance(self, campaign: HostileCampaign) -> None:
        """Deliver from where it stood to now, day by day, at a rate that may reach the limit of the day at once."""
        while campaign.reached < self.clock.now:
            day = day_of(campaign.reached, self.zone)
            until = min(begins(day + timedelta(days=1), self.zone), self.clock.now)
            if campaign.state.enabled and campaign.reached < campaign.state.end_at:
                self._touch(campaign)
                self._serve(campaign, day, min(until, campaign.state.end_at) - campaign.reached)
            campaign.reached = until

    def _serve(self, campaign: HostileCampaign, day: date, span: timedelta) -> None:
        days = campaign.days[day]
        days.delivered += span
        pace = self.rng.choice((0.5, 1.0, 2.0, 12.0)) * campaign.state.daily_budget_micros
        limit = LAWFUL * days.highest_budget
        if self.nature.overbills and self.rng.random() < 0.2:
            limit = 3 * days.highest_budget
        days.served = max(days.served, min(limit, days.served + int(pace * (span / timedelta(days=1)))))

    def _touch(self, campaign: HostileCampaign) -> None:
        if campaign.delivers(self.clock.now) or campaign.reached < min(campaign.state.end_at, self.clock.now):
            day = campaign.days[day_of(campaign.reached, self.zone)]
            day.highest_budget = max(day.highest_budget, campaign.state.daily_budget_micros)

    def _day_report(self, campaign: HostileCampaign, day: date) -> DayReport:
        """Billed runs behind what is served until the day is final."""
        truth = campaign.days[day]
        closed = begins(day + timedelta(days=1), self.zone) + CORRECTIONS < self.clock.now
        billed = truth.served if closed else int(truth.served * self.rng.choice((0.0, 0.5, 1.0)))
        truth.reported = max(truth.reported, billed)
        return DayReport(
            day=day, impressions=1, clicks=1, conversions=0, cost_micros=truth.reported, served_micros=truth.served,
            revenue_micros=10**9, final=closed, matured=closed,
        )  # fmt: skip

    # ------------------------------------------------------------ faults

    def _hidden(self, campaign: HostileCampaign) -> bool:
        if self.rng.random() < self.nature.forgets:
            campaign.hidden_until = self.clock.now + timedelta(hours=self.rng.choice((0.01, 1, 30)))
        return self.clock.now < campaign.hidden_until

    def _disturb(self, *, reading: bool = False) -> None:
        """Time passes while a call is under way; the worker may die, the platform may be away."""
        self.calls += 1
        self.clock.now += timedelta(seconds=self.rng.choice((0.05, 0.05, 4.5)))
        self.pass_time()
        if self.rng.random() < self.nature.crashes:
            raise Crash
        if self.rng.random() < self.nature.away:
            self.away_until = self.clock.now + timedelta(hours=self.rng.choice((0.002, 1, 10, 40)))
        if self.clock.now < self.away_until:
            asked = self.rng.choice((None, 5.0, 10.0**6))
            raise PlatformError("the platform is away", permanent=False, retry_after_seconds=asked)
        if reading and self.rng.random() < self.nature.errors:
            raise PlatformError("the platform did not answer a reading", permanent=False)

    def _write(self, effect: Callable[[], None]) -> None:
        self._disturb()
        if self.rng.random() >= self.nature.errors:
            effect()
            if self.rng.random() < self.nature.crashes:
                raise Crash
            return
        kind = self.rng.choice(("before", "after", "later"))
        if kind == "after":
            effect()
        elif kind == "later":
            due = self.clock.now + timedelta(seconds=self.rng.choice((1, 25, 600, 7200)))
            self.late.append((due, lambda: _carried_out(effect)))
        raise OutcomeUnknown(f"the platform failed ({kind})")


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The day that the account's clocks show."""
    return instant.astimezone(zone).date()


def begins(day: date, zone: ZoneInfo) -> datetime:
    """The first instant at which the account's clocks show the day."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def _carried_out(effect: Callable[[], None]) -> None:
    """A late call is refused as one in time would be; nobody hears of it."""
    try:
        effect()
    except PlatformError:
        return
