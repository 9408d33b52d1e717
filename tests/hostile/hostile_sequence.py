"""One sequence: two campaigns under the real activities, rules and ledger, and a hostile platform, from one seed.

After every step the invariants are checked. Touch this to let something else fall between two steps, or to check more.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from activities.live.campaigns import Campaigns
from activities.live.observations import Observations
from gaelp.configuration import loading
from gaelp.domain.ad_accounts import Account, AccountKind, Approver
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_records import CampaignPlan, DayReached
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import Reservation
from gaelp.messages.live_campaign import CampaignOrder, CampaignProgress, LiveCampaignInput
from gaelp.messages.run_context import RunContext
from gaelp.messages.spending_phase import Proceed
from tests.hostile.direct_calls import DirectCalls
from tests.hostile.dying_ledger import DyingLedger
from tests.hostile.hostile_approval import approve
from tests.hostile.hostile_platform import LAWFUL, HostileCampaign, HostilePlatform, Nature
from tests.hostile.virtual_host import DrivenCampaign, VirtualClock, VirtualHost

START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS, TICK_HOURS, MATURING = 7, 12, 120
UNIT = 1_000_000
ACCOUNT, RUN = "acme", "run-a"
KEY = signatures.new_key()
MOST_STEPS = 20_000
LONGEST_STEP = timedelta(hours=2)
EARLIEST_STOP = 60  # steps: a sequence that a person stops at once shows nothing
# Files in memory where there is such a folder: a ledger's transactions wait for the disk otherwise.
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass
class Found:
    """What one sequence did."""

    seed: int
    nature: Nature
    steps: int = 0
    missed_ticks: int = 0
    ended: list[str] = field(default_factory=list)


class KeptContent:
    """Arrays in memory, in the place of the content store."""

    def __init__(self) -> None:
        self._arrays: list[dict[str, Any]] = []

    def put_arrays(self, arrays: dict[str, Any]) -> str:
        self._arrays.append(arrays)
        return str(len(self._arrays) - 1)

    def get_arrays(self, digest: str) -> dict[str, Any]:
        return self._arrays[int(digest)]


@cache
def inputs() -> Any:
    """The configuration, and a market of one segment and two creatives."""
    config = loading.load(
        "quick-test", environment={}, overrides=["limits.campaign=100000", "limits.run=1000000", "limits.daily=100000"]
    )
    market = SimpleNamespace(
        ctr=np.full((1, 2), 0.01), segment_features=np.zeros((1, 1), np.float32),
        candidate_features=np.zeros((2, 1), np.float32),
    )  # fmt: skip
    return SimpleNamespace(config=lambda _: config, market=lambda _: market, store=KeptContent())


def nature_of(seed: int) -> Nature:
    """Half of the sequences have a lawful platform and no hand that edits."""
    rng = random.Random(f"nature {seed}")
    often = rng.choice((0.01, 0.05, 0.2))
    return Nature(
        errors=rng.choice((0.0, often)),
        away=rng.choice((0.0, often / 20)),
        forgets=rng.choice((0.0, 0.0, often / 50)),
        crashes=rng.choice((0.0, often)),
        overbills=seed % 4 == 3,
        edits=0.02 if seed % 4 >= 2 else 0.0,
    )


@contextmanager
def opened_ledger() -> Iterator[DyingLedger]:
    """A copy of a ledger with one account and one approver."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        shutil.copy(_template(), f"{folder}/ledger.db")
        ledger = DyingLedger.open(f"sqlite:///{folder}/ledger.db")
        assert isinstance(ledger, DyingLedger), "it opens its own kind"
        try:
            yield ledger
        finally:
            ledger.close()


@cache
def _template() -> str:
    file = f"{tempfile.mkdtemp(dir=FOLDER)}/ledger.db"
    ledger = Ledger.open(f"sqlite:///{file}")
    ledger.put_account(
        Account(
            account=ACCOUNT, kind=AccountKind.EMULATOR, platform="emulator", currency="USD",
            daily_cap_micros=1000 * UNIT, total_cap_micros=100_000 * UNIT,
        )
    )  # fmt: skip
    ledger.put_approver(
        Approver(
            account=ACCOUNT, key_id=KEY.key_id, name="Ada", public_key=KEY.public_key, limit_micros=10**12, demo=True
        )
    )
    ledger.register_run(RUN, ACCOUNT, START)
    ledger.close()
    return file


def planned(index: int) -> LiveCampaignInput:
    """One of the two campaigns, as its phase starts it: three days, and then the phase lets it go on to the end."""
    plan = CampaignPlan(
        index=index, campaign=f"{RUN}/scaled/campaign-{index:02d}", product="product-a", arm="candidate",
        agent="fixed-bid", daily_budget_micros=25 * UNIT, days=DAYS, start=START,
    )  # fmt: skip
    context = RunContext(
        run=RUN, phase=Phase.SCALED, config_digest="d" * 64, market_digest="m" * 64, account=ACCOUNT,
        agent="fixed-bid", checkpoint_digest="c" * 64,
    )  # fmt: skip
    order = CampaignOrder(
        plan=plan, phase_workflow=f"{RUN}/scaled", request_id=f"{RUN}/scaled#1", tick_hours=TICK_HOURS, time_scale=1,
        maturing_hours=MATURING,
    )  # fmt: skip
    progress = CampaignProgress(start=START, until_day=3, daily_budget_micros=25 * UNIT)
    return LiveCampaignInput(context=context, order=order, progress=progress)


class Sequence:
    """One sequence under way."""

    def __init__(self, seed: int, ledger: DyingLedger, nature: Nature | None = None) -> None:
        """Every fifth sequence has a third campaign that somebody started by hand: nobody has signed it."""
        self.nature = nature or nature_of(seed)
        self.rng = random.Random(f"steps {seed}")
        self.clock = VirtualClock(START)
        self.ledger = ledger
        self.platform = HostilePlatform(self.clock, self.nature, seed)
        self.found = Found(seed, self.nature)
        self.campaigns: dict[str, DrivenCampaign[DirectCalls]] = {}
        self._booked: tuple[Reservation, ...] = ()
        starts = [planned(index) for index in range(2)]
        approve(ledger, KEY, starts, START)
        self._approved = {began.name for began in starts}
        if seed % 5 == 0:
            starts.append(planned(2))
        self._unwanted_since: dict[str, datetime] = {}
        self.hands: Callable[[Sequence], None] | None = None  # what people do instead, where a test says so
        for began in starts:
            self.campaigns[began.name] = self._driven(began)
        ledger.dies = lambda: self.platform.rng.random() < self.nature.crashes

    def _driven(self, began: LiveCampaignInput) -> DrivenCampaign[DirectCalls]:
        activities = Campaigns(self.ledger, inputs(), lambda _: self.platform, self._sleep)
        observations = Observations(self.ledger, inputs(), lambda _: self.platform, self._sleep)
        calls = DirectCalls(activities, observations, inputs(), lambda: self.clock.now, self._permit, self.stop)
        return DrivenCampaign(began, calls, VirtualHost(self.clock, lambda: self.rng.random() < 0.2))

    def _sleep(self, seconds: float) -> None:
        self.clock.now += timedelta(seconds=seconds)
        self.platform.pass_time()

    def _permit(self, reached: DayReached) -> None:
        budget = int(reached.daily_budget_micros * self.rng.choice((0.5, 1.0, 1.4)))
        proceed = Proceed(until_day=DAYS, daily_budget_micros=budget)
        self.campaigns[reached.campaign].update(proceed=proceed)

    # ------------------------------------------------------------ the steps

    def run(self) -> Found:
        """To the end of both campaigns; raises Broken."""
        while not all(campaign.result for campaign in self.campaigns.values()):
            if self.found.steps > MOST_STEPS:
                raise Broken(f"it does not end: {[c.host.pages[-2:] for c in self.campaigns.values()]}")
            self.found.steps += 1
            self._step()
            self.platform.pass_time()
            self._between()
            self.check()
        self._check_end()
        self.found.steps += self.platform.calls
        results = [campaign.result for campaign in self.campaigns.values() if campaign.result]
        self.found.missed_ticks = sum(result.missed_ticks for result in results)
        self.found.ended = [str(result.state) for result in results]
        return self.found

    def _step(self) -> None:
        ready = [campaign for campaign in self.campaigns.values() if campaign.can_go_on()]
        if ready:
            self.rng.choice(ready).step()
            return
        wakes = [wake for campaign in self.campaigns.values() if (wake := campaign.wakes())]
        wakes += [due for due, _ in self.platform.late]
        if not wakes:
            for campaign in self.campaigns.values():  # only a person lets them go on
                campaign.update(paused=False)
            return
        self.clock.now = max(self.clock.now, min(*wakes, self.clock.now + LONGEST_STEP))

    def _between(self) -> None:
        """What people do between two steps."""
        if self.hands is not None:
            self.hands(self)
            return
        chance = self.rng.random()
        campaign = self.rng.choice(list(self.campaigns.values()))
        if chance < 0.004:
            campaign.update(paused=True)
        elif chance < 0.012:
            campaign.update(paused=False)
        elif self.found.steps < EARLIEST_STOP:
            pass
        elif chance < 0.0125:
            campaign.update(stopped="stopped by a person")
        elif chance < 0.0128:
            self.stop("a person stops the account")
        if self.rng.random() < self.nature.edits and self.platform.all:
            self._edit(self.rng.choice(list(self.platform.all.values())))

    def stop(self, reason: str) -> None:
        """What every stop does first; its pauses are the campaigns' own, as their signals say."""
        self.ledger.raise_fence(ACCOUNT, reason, "Ada", self.clock.now)
        for campaign in self.campaigns.values():
            campaign.update(stopped=reason)

    def _edit(self, campaign: HostileCampaign) -> None:
        state = campaign.state
        change: dict[str, Any] = self.rng.choice(
            (
                {"enabled": not state.enabled},
                {"enabled": True, "daily_budget_micros": 10 * state.daily_budget_micros},
                {"daily_budget_micros": state.daily_budget_micros // 2},
                {"end_at": state.end_at + timedelta(days=2)},
                {"external_name": f"{state.external_name} (renamed)"},
            )
        )
        self.platform.set(state.platform_id, **change)

    # ------------------------------------------------------------ the invariants

    def check(self) -> None:
        """What must hold after every step while the platform keeps its rules and nobody edits by hand."""
        if self.ledger.changed:
            self._booked, self.ledger.changed = self.ledger.reservations(ACCOUNT), False
            self._settled_below_nothing_seen()
            if self.found.steps % 10 == 0:  # a total that is wrong stays wrong
                self._totals_are_sums()
        for name, campaign in self.campaigns.items():
            self._unwanted_is_paused(name, campaign)
        names = [name for name, made in self.platform.creates.items() if made > 1]
        if not self.nature.lawful:
            return
        # Where somebody renames a campaign before its create is known, a second one is made; it stays paused.
        self._require(not names, f"made twice: {names}")
        days = {(r.campaign, r.day): r for r in self._booked}
        for campaign in self.platform.all.values():
            self._billable_is_counted(campaign, days)

    def _totals_are_sums(self) -> None:
        self._require(not (wrong := self.ledger.differing_totals(ACCOUNT)), "; ".join(wrong))

    def _settled_below_nothing_seen(self) -> None:
        for reservation in self._booked:
            self._require(reservation.campaign in self._approved, f"{reservation.key} is reserved and was never signed")
            if reservation.final_micros is not None:
                low = (
                    f"{reservation.key} is settled at {reservation.final_micros}, {reservation.billed_micros} was seen"
                )
                self._require(reservation.final_micros >= reservation.billed_micros, low)

    def _billable_is_counted(self, campaign: HostileCampaign, days: dict[tuple[str, date], Reservation]) -> None:
        """What was served, and what may still be served with the settings in force, is counted for its own day."""
        state = campaign.state
        worst = {day: truth.served for day, truth in campaign.days.items()}
        day = self.clock.now.date()
        while campaign.delivers(self.clock.now) and _begins(day) < state.end_at:
            highest = max(campaign.days[day].highest_budget if day in campaign.days else 0, state.daily_budget_micros)
            worst[day] = max(worst.get(day, 0), LAWFUL * highest)
            day += timedelta(days=1)
        for day, micros in worst.items():
            reservation = days.get((state.external_name, day))
            counted = 0 if reservation is None else reservation.counted_micros
            self._require(
                micros <= counted,
                f"{state.external_name} can bill {micros} on {day} and the ledger counts {counted}",
            )
        if campaign.delivers(self.clock.now):
            today = days.get((state.external_name, self.clock.now.date()))
            open_today = today is not None and today.state != "settled"
            self._require(open_today, f"{state.external_name} is enabled without an open reservation")

    def _unwanted_is_paused(self, name: str, campaign: DrivenCampaign[DirectCalls]) -> None:
        """What is read as enabled, while it is paused or its days are over, is paused before it is read again.

        Where everything is in reach, that takes no longer than a tick.
        """
        heard = campaign.calls.heard
        if len(heard) > 1 and heard[-2].unwanted:
            self._require(heard[-1].pause, f"{name} was read as enabled while it must be paused, and was not paused")
        del heard[:-2]
        resting = campaign.state.paused or campaign.state.stage is EpisodeState.MATURING
        delivers = any(c.delivers(self.clock.now) for c in self.platform.all.values() if c.state.external_name == name)
        if not (resting and delivers) or self.nature.away or self.nature.forgets:
            self._unwanted_since.pop(name, None)
            return
        since = self._unwanted_since.setdefault(name, self.clock.now)
        late = self.clock.now - since > timedelta(hours=TICK_HOURS + 2)
        self._require(not late, f"{name} delivers since {since:%m-%d %H:%M} although it must be paused")

    def _check_end(self) -> None:
        """Nothing is left enabled, what was reported is counted, and no outage is anybody's failure."""
        self._totals_are_sums()
        for name, driven in self.campaigns.items():
            failed = driven.result is not None and driven.result.state is EpisodeState.FAILED
            self._require(not failed or bool(driven.state.interruption), f"{name} failed, and it says not by whom")
            outage_only = self.nature == Nature(away=self.nature.away)
            self._require(not (failed and outage_only), f"{name} failed because the platform was away")
        counted = {(r.campaign, r.day): r for r in self.ledger.reservations(ACCOUNT)}
        for campaign in self.platform.all.values():
            name = campaign.state.external_name.split(" (")[0]
            known = campaign.reached >= campaign.hidden_until and campaign.state.external_name == name
            if self.nature.lawful and known and not self.platform.late:
                self._require(not campaign.delivers(self.clock.now), f"{name} is left enabled")
            for day, truth in campaign.days.items():
                reservation = counted.get((name, day))
                enough = reservation is not None and reservation.counted_micros >= truth.reported
                self._require(enough or not truth.reported, f"{name} was seen to bill {truth.reported} on {day}")
                if reservation is not None and truth.reported > reservation.worst_case_micros:
                    told = any(v.campaign == name for v in self.ledger.violations(RUN))
                    stopped = self.ledger.fence(ACCOUNT) > 0
                    self._require(told and stopped, f"{name} billed too much on {day}, and nobody was told")

    def _require(self, holds: bool, sentence: str) -> None:
        if not holds:
            raise Broken(
                f"seed {self.found.seed}, step {self.found.steps}, {self.clock.now:%m-%d %H:%M:%S}: {sentence}"
            )


def _begins(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def run_sequence(seed: int, nature: Nature | None = None, before: Callable[[Sequence], None] | None = None) -> Found:
    """One sequence from its seed; raises Broken. `before` may change it first."""
    with opened_ledger() as ledger:
        sequence = Sequence(seed, ledger, nature)
        if before is not None:
            before(sequence)
        return sequence.run()
