"""An ad platform at its worst, seeded and on a virtual clock: it errs, is late, forgets, and bills all that it may.

`Nature` says what it does and how often; by hand or against its own rules only where that is asked for. Touch this to
add a way in which a platform misbehaves.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gaelp.domain.platform_records import CampaignReport, CampaignSpec, CampaignState, CellReport, DayReport
from gaelp.domain.spending.advertised_content import content_digest
from gaelp.platforms.protocol import DuplicateName, OutcomeUnknown, PlatformError
from tests.hostile.account_place import SOMEWHERE, Place
from tests.hostile.virtual_host import VirtualClock

LAWFUL = 2  # the most that a day may bill, in the highest daily budget of the day
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
SLOWEST_ANSWER = 4.5  # seconds, just within what a client waits for one call
WRITE_FAILS = {"before": "it is not made", "after": "it was made", "later": "it is made later"}
CORRECTIONS = timedelta(hours=72)  # for so long after a day its cost may change


@dataclass(frozen=True)
class Nature:
    """How often a call goes wrong, and whether the platform breaks its rules or somebody edits by hand."""

    errors: float = 0.0  # of calls: not done, or done, or done later
    away: float = 0.0  # of calls begin a time in which nothing is answered
    forgets: float = 0.0  # of readings begin a time in which the campaign is not found
    lags: float = 0.0  # of writes are read only some seconds later
    crashes: float = 0.0  # of calls end the worker, before or after
    slow: bool = False  # every answer takes as long as a client waits for one
    overbills: bool = False  # beyond what is lawful
    restores: float = 0.0  # of calls find the platform restored from a backup
    edits: float = 0.0  # of steps a person changes a campaign on the platform

    @property
    def lawful(self) -> bool:
        """Whether the platform keeps its rules and nobody edits by hand."""
        return not (self.overbills or self.edits or self.restores)

    @property
    def answers(self) -> bool:
        """Whether every call is answered, and truly."""
        return not (self.errors or self.away or self.forgets or self.lags or self.crashes or self.restores)


class Crash(BaseException):
    """The worker dies here: no `except Exception` sees it."""


@dataclass
class Day:
    """One day of one campaign: what was served, and the highest budget in force while it could deliver."""

    served: int = 0
    highest_budget: int = 0
    reported: int = 0  # what reports show as billed; it does not fall
    delivered: timedelta = timedelta(0)  # for so long it was enabled within its lease
    seen: int = 0  # the most that a report has ever shown as billed, whatever became of the platform
    seen_at: datetime = LONG_AGO  # the latest instant that a report was made for


@dataclass
class HostileCampaign:
    """The truth about one campaign, which no reading need show."""

    state: CampaignState
    days: dict[date, Day] = field(default_factory=lambda: defaultdict(Day))
    reached: datetime = LONG_AGO
    hidden_until: datetime = LONG_AGO
    shown: CampaignState | None = None  # what is read until `shown_until`, where a reading lags
    shown_until: datetime = LONG_AGO

    def delivers(self, now: datetime) -> bool:
        """Whether it serves at this instant."""
        return self.state.enabled and now < self.state.end_at


@dataclass(frozen=True)
class BudgetWrite:
    """A call that set a budget, and whether its caller was told so."""

    at: datetime  # the instant of its tick, which is one intent
    budget_micros: int
    answered: bool = False


class HostilePlatform:
    """One account. Every call is a step between whose beginning and answer `between` lets something else happen."""

    unique_names = True

    def __init__(self, clock: VirtualClock, nature: Nature, seed: int, place: Place = SOMEWHERE) -> None:
        self.clock, self.nature, self.place = clock, nature, place
        self.rng = random.Random(f"platform {seed}")
        self.all: dict[str, HostileCampaign] = {}
        self.creates: dict[str, int] = defaultdict(int)  # campaigns made, by name
        self.budgets: dict[str, list[BudgetWrite]] = defaultdict(list)  # by platform id, in the order of the calls
        self.late: list[tuple[datetime, Callable[[], None]]] = []
        self.away_until = clock.now
        self.backup: dict[str, HostileCampaign] | None = None
        self.lost: dict[str, HostileCampaign] = {}  # which a restored platform has no memory of
        self.said_less: set[str] = set()  # campaigns of which a report has said less than one before
        self.calls = 0
        self.restored_in = self.listed_in = 0  # the last call that found it restored, and the last that listed all
        self.version = 0  # of everything that a campaign may bill by
        self.met: Counter[str] = Counter()  # what has gone wrong, by kind
        self.mortal = True  # whether whoever calls may die in a call
        self.between: Callable[[], None] = lambda: None

    # ------------------------------------------------------------ what a worker calls

    def read(self, account: str, platform_id: str) -> CampaignState | None:
        self._disturb(reading=True)
        campaign = self.all.get(platform_id)
        return None if campaign is None or self._hidden(campaign) else self._shown(campaign)

    def find(self, account: str, external_name: str) -> CampaignState | None:
        self._disturb(reading=True)
        for campaign in self.all.values():
            if campaign.state.external_name == external_name and not self._hidden(campaign):
                return self._shown(campaign)
        return None

    def campaigns(self, account: str) -> tuple[CampaignState, ...]:
        self._disturb(reading=True)
        self.listed_in = self.calls
        return tuple(self._shown(campaign) for campaign in self.all.values())

    def report(self, account: str, platform_id: str, at: datetime | None) -> CampaignReport:
        self._disturb(reading=True)
        at = at or self.clock.now
        campaign = self._known(platform_id)
        days = tuple(self._day_report(campaign, day, at) for day in sorted(campaign.days) if campaign.days[day].served)
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
        self.budgets[platform_id].append(BudgetWrite(at, daily_budget_micros))
        self._write(lambda: self._write_known(platform_id, daily_budget_micros=daily_budget_micros))
        self.budgets[platform_id][-1] = BudgetWrite(at, daily_budget_micros, answered=True)

    def set_delivery(self, account: str, platform_id: str, bid_micros: Any, creative_prob: Any, at: datetime) -> None:
        self._write(lambda: self._write_known(platform_id, bid_micros=bid_micros, creative_prob=creative_prob))

    def set_end(self, account: str, platform_id: str, end_at: datetime, at: datetime) -> None:
        self._write(lambda: self._write_known(platform_id, end_at=end_at))

    def enable(self, account: str, platform_id: str, at: datetime) -> None:
        self._write(lambda: self._write_known(platform_id, enabled=True))

    def pause(self, account: str, platform_id: str, at: datetime | None) -> None:
        self._write(lambda: self._write_known(platform_id, enabled=False))

    # ------------------------------------------------------------ what really happens

    def set(self, platform_id: str, **changes: Any) -> None:
        """Change a campaign now."""
        campaign = self.all[platform_id]
        self._advance(campaign)
        campaign.state = campaign.state.model_copy(update=changes)
        self.version += 1
        self._touch(campaign)

    def back_up(self) -> None:
        """Keep everything as it is now."""
        self.backup = {
            platform_id: replace(campaign, days=defaultdict(Day, {d: replace(t) for d, t in campaign.days.items()}))
            for platform_id, campaign in self.all.items()
        }

    def restore(self) -> None:
        """Put the platform back to what was kept; what reports have shown is not unseen by it."""
        if self.backup is None:
            return
        self.met["restored from a backup"] += 1
        self.restored_in = self.calls
        before, self.all, self.backup = self.all, self.backup, None
        self.version += 1
        for platform_id, campaign in self.all.items():
            campaign.reached = before[platform_id].reached
            for day, truth in before[platform_id].days.items():
                campaign.days[day].seen, campaign.days[day].seen_at = truth.seen, truth.seen_at
        self.lost |= {platform_id: campaign for platform_id, campaign in before.items() if platform_id not in self.all}

    def _known(self, platform_id: str) -> HostileCampaign:
        if platform_id not in self.all:
            raise PlatformError(f"there is no campaign {platform_id}", permanent=False)
        return self.all[platform_id]

    def _write_known(self, platform_id: str, **changes: Any) -> None:
        campaign = self._known(platform_id)
        before = campaign.state
        self.set(platform_id, **changes)
        if self.rng.random() < self.nature.lags:
            self.met["a write is read late"] += 1
            if self.clock.now >= campaign.shown_until:
                campaign.shown = before
            campaign.shown_until = self._lagging()

    def _lagging(self) -> datetime:
        return self.clock.now + timedelta(seconds=self.rng.choice((1, 5, 30)))

    def forget_answers(self, external_name: str) -> None:
        """Whoever was told that its budget is set has died without recording it."""
        for platform_id, writes in self.budgets.items():
            if writes and self.all[platform_id].state.external_name == external_name:
                writes[-1] = replace(writes[-1], answered=False)

    def pass_time(self) -> None:
        """Carry out what is late and due, and deliver up to now."""
        due = sorted((each for each in self.late if each[0] <= self.clock.now), key=lambda each: each[0])
        self.late = [each for each in self.late if each[0] > self.clock.now]
        for _, call in due:
            call()
            self.met["a call is carried out late"] += 1
        for campaign in self.all.values():
            self._advance(campaign)

    def _create(self, spec: CampaignSpec) -> CampaignState:
        if any(c.state.external_name == spec.external_name for c in self.all.values()):
            self.met["a create is repeated"] += 1
            raise DuplicateName(f"there is a campaign named {spec.external_name} already")
        state = CampaignState(
            platform_id=f"p{len(self.all) + len(self.lost)}", external_name=spec.external_name, account=spec.account,
            enabled=False, daily_budget_micros=spec.daily_budget_micros, end_at=spec.end_at, bid_micros=spec.bid_micros,
            creative_prob=spec.creative_prob, content_digest=content_digest(spec.product, spec.creatives),
        )  # fmt: skip
        campaign = self.all[state.platform_id] = HostileCampaign(state, reached=self.clock.now)
        if self.rng.random() < self.nature.lags:
            self.met["a write is read late"] += 1
            campaign.hidden_until = self._lagging()
        self.creates[spec.external_name] += 1
        self.version += 1
        return state

    def _advance(self, campaign: HostileCampaign) -> None:
        """Deliver from where it stood to now, day by day, at a rate that may reach the limit of the day at once."""
        while campaign.reached < self.clock.now:
            day = self.place.day_of(campaign.reached)
            until = min(self.place.begins(day + timedelta(days=1)), self.clock.now)
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
            self.met["billed beyond the rules"] += days.served <= LAWFUL * days.highest_budget
        days.served = max(days.served, min(limit, days.served + int(pace * (span / timedelta(days=1)))))

    def _touch(self, campaign: HostileCampaign) -> None:
        if campaign.delivers(self.clock.now) or campaign.reached < min(campaign.state.end_at, self.clock.now):
            day = campaign.days[self.place.day_of(campaign.reached)]
            if campaign.state.daily_budget_micros > day.highest_budget:
                day.highest_budget = campaign.state.daily_budget_micros
                self.version += 1

    def _day_report(self, campaign: HostileCampaign, day: date, at: datetime) -> DayReport:
        """Billed runs behind what is served until the day is final; `at` is the instant that the report is made for."""
        truth = campaign.days[day]
        closed = self.place.begins(day + timedelta(days=1)) + CORRECTIONS < self.clock.now
        billed = truth.served if closed else int(truth.served * self.rng.choice((0.0, 0.5, 1.0)))
        truth.reported = max(truth.reported, billed)
        if truth.reported < truth.seen and at >= truth.seen_at:  # a report for an earlier instant may say less
            self.said_less.add(campaign.state.external_name)
        truth.seen, truth.seen_at = max(truth.seen, truth.reported), max(truth.seen_at, at)
        return DayReport(
            day=day, impressions=1, clicks=1, conversions=0, cost_micros=truth.reported, served_micros=truth.served,
            revenue_micros=10**9, final=closed, matured=closed,
        )  # fmt: skip

    # ------------------------------------------------------------ faults

    def _hidden(self, campaign: HostileCampaign) -> bool:
        if self.rng.random() < self.nature.forgets:
            self.met["not found"] += 1
            campaign.hidden_until = self.clock.now + timedelta(hours=self.rng.choice((0.01, 1, 30)))
        return self.clock.now < campaign.hidden_until

    def _shown(self, campaign: HostileCampaign) -> CampaignState:
        if campaign.shown is None or self.clock.now >= campaign.shown_until:
            return campaign.state
        return campaign.shown

    def dies(self) -> bool:
        """Whether the worker dies now."""
        if not self.mortal or self.rng.random() >= self.nature.crashes:
            return False
        self.met["a worker dies"] += 1
        return True

    def _disturb(self, *, reading: bool = False) -> None:
        """Time passes while a call is under way; the worker may die, the platform may be away."""
        self.calls += 1
        seconds = SLOWEST_ANSWER if self.nature.slow else self.rng.choice((0.05, 0.05, SLOWEST_ANSWER))
        self.clock.now += timedelta(seconds=seconds)
        self.pass_time()
        self.between()
        if self.dies():
            raise Crash
        if self.rng.random() < self.nature.restores:
            self.restore() if self.backup is not None else self.back_up()
        if self.rng.random() < self.nature.away:
            self.met["away"] += 1
            self.away_until = self.clock.now + timedelta(hours=self.rng.choice((0.002, 1, 10, 40)))
        if self.clock.now < self.away_until:
            asked = self.rng.choice((None, 5.0, 10.0**6))
            raise PlatformError("the platform is away", permanent=False, retry_after_seconds=asked)
        if reading and self.rng.random() < self.nature.errors:
            self.met["a reading fails"] += 1
            raise PlatformError("the platform did not answer a reading", permanent=False)

    def _write(self, effect: Callable[[], None]) -> None:
        self._disturb()
        if self.rng.random() >= self.nature.errors:
            effect()
            if self.dies():
                raise Crash
            return
        kind = self.rng.choice(("before", "after", "later"))
        self.met[f"a write fails: {WRITE_FAILS[kind]}"] += 1
        if kind == "after":
            effect()
        elif kind == "later":
            due = self.clock.now + timedelta(seconds=self.rng.choice((1, 25, 600, 7200)))
            self.late.append((due, lambda: _carried_out(effect)))
        raise OutcomeUnknown(f"the platform failed ({kind})")


def _carried_out(effect: Callable[[], None]) -> None:
    """A late call is refused as one in time would be; nobody hears of it."""
    try:
        effect()
    except PlatformError:
        return
