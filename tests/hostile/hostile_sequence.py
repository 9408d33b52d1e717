"""One sequence: campaigns under the real activities, rules and ledger, and a hostile platform, from one seed.

Anything may fall between two steps: a step is a call of the platform, a change of the ledger or a turn of a campaign.
Touch this to let something else fall there.
"""

from __future__ import annotations

import atexit
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from activities.live.campaigns import Campaigns
from activities.live.observations import Observations
from activities.live.reaping import Reaping
from gaelp.configuration import loading
from gaelp.domain.ad_accounts import Account, AccountKind, Approver
from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_clock import AccountCalendar
from gaelp.domain.spending.campaign_records import CampaignPlan, CampaignResult, DayReached
from gaelp.domain.spending.ledger_records import Intent
from gaelp.ledger import signatures
from gaelp.ledger.account_stop import StopOrder, WallClock, stop_account
from gaelp.ledger.ledger import Ledger
from gaelp.messages.live_campaign import CampaignOrder, CampaignProgress, LiveCampaignInput
from gaelp.messages.reaper import Reap
from gaelp.messages.run_context import RunContext
from gaelp.messages.spending_phase import Proceed
from tests.hostile.account_place import SOMEWHERE, Place
from tests.hostile.direct_calls import AttemptNumbers, DirectCalls
from tests.hostile.dying_ledger import DyingLedger
from tests.hostile.hostile_approval import approve
from tests.hostile.hostile_platform import Crash, HostileCampaign, HostilePlatform, Nature
from tests.hostile.invariants import ACCOUNT, RUN, Broken, Invariant, Invariants
from tests.hostile.phase_reader import PHASE, PhaseReader, invented
from tests.hostile.virtual_background import on_virtual_clock
from tests.hostile.virtual_host import DrivenCampaign, VirtualClock, VirtualHost

START = SOMEWHERE.start
DAYS, MATURING = 7, 96
UNIT = 1_000_000
KEY = signatures.new_key()
STEPS = ("scaled.daily_budget=25", "scaled.period_days=3", "scaled.raise_step=0.2")
MOST_TURNS = 20_000
FEWEST_STEPS = 200
LONGEST_STEP = timedelta(hours=2)
EARLIEST_STOP = 160  # steps: a sequence that a person stops at once shows nothing
MOST_ASKED_STOPS = 2  # by campaigns of one sequence
MOST = 10**15  # micros that a hand gives: a budget of a thousand million units
MOST_LAST_LOOKS = 20
REAPER_INTERVAL = timedelta(seconds=30)
# Files in memory where there is such a folder: a ledger's transactions wait for the disk otherwise.
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None


@dataclass
class Found:
    """What one sequence did."""

    seed: int
    nature: Nature
    steps: int = 0
    missed_ticks: int = 0
    longest_stop: float = 0.0  # seconds
    ended: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)  # what went wrong, by kind


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
        "quick-test",
        environment={},
        overrides=["limits.campaign=100000", "limits.run=1000000", "limits.daily=100000", *STEPS],
    )
    market = SimpleNamespace(
        ctr=np.full((1, 2), 0.01), cvr=np.full((1, 2), 0.05), auctions_per_hour=np.full(1, 100.0),
        segment_features=np.zeros((1, 1), np.float32), candidate_features=np.zeros((2, 1), np.float32),
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
        lags=rng.choice((0.0, 0.0, often)),
        crashes=rng.choice((0.0, often / 4)),
        slow=rng.random() < 0.1,
        overbills=seed % 4 == 3,
        restores=0.01 if seed % 8 == 6 else 0.0,
        edits=0.02 if seed % 4 >= 2 else 0.0,
    )


def tick_hours_of(seed: int) -> int:
    """Most campaigns decide once a day and some every twelve hours: the same troubles, fewer steps."""
    return 12 if seed % 10 == 0 else 24


class Books:
    """One ledger file of this process, put back before each sequence to an account with an approved request."""

    def __init__(self, place: Place) -> None:
        folder = tempfile.mkdtemp(dir=FOLDER)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self._template, self._file = f"{folder}/template.db", f"{folder}/ledger.db"
        with closing(Ledger.open(f"sqlite:///{self._template}")) as ledger:
            _fill(ledger, place)

    def fresh(self) -> DyingLedger:
        """The ledger as it was when the request was approved."""
        with closing(sqlite3.connect(self._template)) as template, closing(sqlite3.connect(self._file)) as file:
            template.backup(file)
        ledger = DyingLedger.open(f"sqlite:///{self._file}")
        assert isinstance(ledger, DyingLedger), "it opens its own kind"
        return ledger


def _fill(ledger: Ledger, place: Place) -> None:
    ledger.put_account(
        Account(
            account=ACCOUNT, kind=AccountKind.EMULATOR, platform="emulator", currency="USD", timezone=place.zone,
            daily_cap_micros=1000 * UNIT, total_cap_micros=100_000 * UNIT,
        )
    )  # fmt: skip
    ledger.put_approver(
        Approver(
            account=ACCOUNT, key_id=KEY.key_id, name="Ada", public_key=KEY.public_key, limit_micros=10**12, demo=True
        )
    )
    ledger.register_run(RUN, ACCOUNT, place.start)
    approve(ledger, KEY, signed(place), place.first_day, place.start)


@cache
def books(place: Place) -> Books:
    """This process's ledger file for the place."""
    return Books(place)


@cache
def attempt_numbers() -> AttemptNumbers:
    """This process's Temporal context."""
    return AttemptNumbers()


def planned(index: int, place: Place = SOMEWHERE, tick_hours: int = 24) -> LiveCampaignInput:
    """One campaign, as its phase starts it: three days, and then the phase lets it go on to the end."""
    plan = CampaignPlan(
        index=index, campaign=f"{PHASE}/campaign-{index:02d}", product="product-a", arm="candidate",
        agent="fixed-bid", daily_budget_micros=25 * UNIT, days=DAYS, start=place.start,
        day_minutes=AccountCalendar(place.zone).day_minutes(place.first_day, DAYS),
    )  # fmt: skip
    context = RunContext(
        run=RUN, phase=Phase.SCALED, config_digest="d" * 64, market_digest="m" * 64, account=ACCOUNT,
        agent="fixed-bid", checkpoint_digest="c" * 64,
    )  # fmt: skip
    order = CampaignOrder(
        plan=plan, phase_workflow=PHASE, request_id=f"{PHASE}#1", tick_hours=tick_hours, time_scale=1,
        maturing_hours=MATURING,
    )  # fmt: skip
    progress = CampaignProgress(
        start=place.start, day_minutes=plan.day_minutes, until_day=3, daily_budget_micros=25 * UNIT
    )
    return LiveCampaignInput(context=context, order=order, progress=progress)


def signed(place: Place) -> list[LiveCampaignInput]:
    """The two campaigns that a person approved."""
    return [planned(index, place) for index in range(2)]


class Sequence:
    """One sequence under way."""

    def __init__(
        self, seed: int, ledger: DyingLedger, nature: Nature | None, place: Place, tick_hours: int | None = None
    ) -> None:
        """Every fifth sequence has a third campaign that somebody started by hand: nobody has signed it."""
        self.nature = nature or nature_of(seed)
        self.rng = random.Random(f"steps {seed}")
        self.clock = VirtualClock(place.start)
        self.ledger = ledger
        self.platform = HostilePlatform(self.clock, self.nature, seed, place)
        self.found = Found(seed, self.nature, met=self.platform.met)
        tick_hours = tick_hours or tick_hours_of(seed)
        self.tick = timedelta(hours=tick_hours)
        self.campaigns: dict[str, DrivenCampaign[DirectCalls]] = {}
        self.reaps = self.forges = True
        self.hands: Callable[[Sequence], None] | None = None  # what people do instead, where a test says so
        starts = [planned(index, place, tick_hours) for index in range(3 if seed % 5 == 0 else 2)]
        for began in starts:
            self.campaigns[began.name] = self._driven(began)
        self.phase = PhaseReader(self.campaigns, ledger)
        names = [began.name for began in signed(place)]
        self.invariants = Invariants(ledger, self.platform, self.campaigns, self.phase, names)
        self._reaper = Reaping(ledger, lambda _: self.platform)
        self._next_look = place.start
        self._turns = self._asked = 0
        self._ended: set[str] = set()
        self._others_act = False  # between two steps: what they do is no step of its own
        self._forged: list[CampaignResult] = []
        self.platform.between = ledger.between = self._between
        ledger.dies, ledger.unrecorded = self.platform.dies, self._forget_answer

    def _driven(self, began: LiveCampaignInput) -> DrivenCampaign[DirectCalls]:
        activities = Campaigns(self.ledger, inputs(), lambda _: self.platform, self._sleep)
        observations = Observations(self.ledger, inputs(), lambda _: self.platform, self._sleep)
        numbers = attempt_numbers()
        permits, stops = self._permit, self._stop_of_campaign
        calls = DirectCalls(activities, observations, inputs(), numbers, permits, stops, self._keep)
        return DrivenCampaign(began, calls, VirtualHost(self.clock, lambda: self.rng.random() < 0.2))

    def _forget_answer(self, claim: str) -> None:
        if claim.endswith(f"/{Intent.BUDGET}"):
            self.platform.forget_answers(claim.split("/tick-")[0])

    def _sleep(self, seconds: float) -> None:
        self.clock.now += timedelta(seconds=seconds)
        self.platform.pass_time()

    def _keep(self, result: CampaignResult) -> None:
        self.ledger.keep_result(result, self.clock.now)

    def _permit(self, reached: DayReached) -> None:
        forged = (1.4,) if self.forges else ()  # within what was signed, and more than one step
        budget = int(reached.daily_budget_micros * self.rng.choice((0.5, 1.0, 1.0, 1.2, 1.2, *forged)))
        proceed = Proceed(until_day=DAYS, daily_budget_micros=budget)
        self.campaigns[reached.campaign].update(proceed=proceed)

    # ------------------------------------------------------------ the steps

    def run(self) -> Found:
        """To the end of all campaigns; raises Broken."""
        try:
            while not all(campaign.result for campaign in self.campaigns.values()):
                self._turns += 1
                if self._turns > MOST_TURNS:
                    raise Broken(Invariant.LEFT, f"no end: {[c.host.pages[-2:] for c in self.campaigns.values()]}")
                self._turn()
                self.platform.pass_time()
                self._between()
                self.invariants.after_turn(self.tick)
                self._hear_endings()
            self._go_on_without_campaigns()
            self.invariants.of_phase(self._forged)
            self.invariants.at_end()
        except Broken as broken:
            place = f"seed {self.found.seed}, step {self.steps}, {self.clock.now:%m-%d %H:%M:%S}"
            raise Broken(broken.invariant, f"{place}: {broken.what}") from broken
        results = [campaign.result for campaign in self.campaigns.values() if campaign.result]
        self.found.steps = self.steps
        self.found.missed_ticks = sum(result.missed_ticks for result in results)
        self.found.ended = [str(result.state) for result in results]
        return self.found

    def _go_on_without_campaigns(self) -> None:
        """Where all ended early, people and the reaper go on until the sequence is long enough and can be read.

        What was still enabled when the platform went away is for the reaper to pause as soon as it is back.
        """
        while self.steps < FEWEST_STEPS or self.clock.now < self.platform.away_until:
            self._turns += 1
            self.clock.now += LONGEST_STEP
            self.platform.pass_time()
            self._between()
        self._look_at_last()

    def _look_at_last(self) -> None:
        """The reaper looks for ever: what a worker read and died of before it was written down, a later look reads."""
        if not self.reaps or self.nature.lawful:
            return
        self._others_act, self.platform.mortal = True, False
        for _ in range(MOST_LAST_LOOKS):
            self.clock.now = max(self.clock.now, self.platform.away_until) + REAPER_INTERVAL
            self.platform.pass_time()
            with on_virtual_clock(self.clock):
                looked = self._reaper.reap(Reap(at=self.clock.now))
            if not looked.trouble:
                return

    @property
    def steps(self) -> int:
        """Turns of campaigns, calls of the platform and changes of the ledger so far."""
        return self._turns + self.platform.calls + self.ledger.changes

    def _turn(self) -> None:
        ready = [campaign for campaign in self.campaigns.values() if campaign.can_go_on()]
        if ready:
            self.rng.choice(ready).step()
            return
        wakes = [wake for campaign in self.campaigns.values() if (wake := campaign.wakes())]
        wakes += [due for due, _ in self.platform.late]
        if self.reaps and self.invariants.uncovered():
            wakes.append(self._next_look)
        if not wakes:
            for campaign in self.campaigns.values():  # only a person lets them go on
                campaign.update(paused=False)
            return
        self.clock.now = max(self.clock.now, min(*wakes, self.clock.now + LONGEST_STEP))

    def _hear_endings(self) -> None:
        for name, campaign in self.campaigns.items():
            if campaign.result is not None and name not in self._ended:
                self._ended.add(name)
                if self.rng.random() < 0.1:
                    self._forge(name)
                self.phase.hear(name)

    # ------------------------------------------------------------ between two steps

    def _between(self) -> None:
        """What people and the reaper do between two steps; the invariants hold before and after."""
        if self._others_act:
            return
        self._others_act = True
        try:
            self.invariants.after_step()
            self._people() if self.hands is None else self.hands(self)
            self._reap_where_due()
            self.invariants.after_step()
        finally:
            self._others_act = False

    def _people(self) -> None:
        chance = self.rng.random()
        if chance < 0.012:
            campaign = self.rng.choice(list(self.campaigns.values()))
            campaign.update(paused=chance < 0.004)
            self.platform.met["paused or resumed by a person"] += 1
        elif chance < 0.016:
            self._forge(self.rng.choice(sorted(self.campaigns)))
        elif chance < 0.0165 and self.steps > EARLIEST_STOP:
            self.rng.choice(list(self.campaigns.values())).update(stopped="stopped by a person")
            self.platform.met["a campaign is stopped"] += 1
        elif chance < 0.017 and self.steps > EARLIEST_STOP:
            self.stop("a person stops the account")
        if self.rng.random() < self.nature.edits and self.platform.all:
            self._edit(self.rng.choice(list(self.platform.all.values())))

    def stop(self, reason: str) -> None:
        """The stop of the account, by its own code on the virtual clock; the campaigns hear of it by their signals."""
        self.platform.met["the account is stopped"] += 1
        before, self._others_act, self.platform.mortal = self._others_act, True, False
        begun, enabled = self.clock.now, [c for c in self.platform.all.values() if c.state.enabled]
        paused_at = self._watch_pauses({c.state.platform_id: c.state.external_name for c in enabled})
        try:
            with on_virtual_clock(self.clock):
                clock = WallClock(now=lambda: self.clock.now, wait=self._sleep)
                report = stop_account(self.ledger, self.platform, StopOrder(ACCOUNT, reason, "Ada"), clock)
        finally:
            self._others_act, self.platform.mortal = before, True
            del self.platform.pause  # type: ignore[attr-defined]
        self.found.longest_stop = max(self.found.longest_stop, (self.clock.now - begun).total_seconds())
        self.invariants.after_stop(report, begun, paused_at)
        for campaign in self.campaigns.values():
            campaign.update(stopped=campaign.state.stopped or reason)

    def _stop_of_campaign(self, reason: str) -> None:
        """Campaigns ask for the stop of their account at every tick that shows them why; here some suffice."""
        self._asked += 1
        if self._asked <= MOST_ASKED_STOPS:
            self.stop(reason)

    def _watch_pauses(self, enabled: dict[str, str]) -> dict[str, datetime]:
        """When each enabled campaign is first paused, by name; never where the stop sends no pause."""
        paused_at = dict.fromkeys(enabled.values(), datetime.max.replace(tzinfo=UTC))
        pause = self.platform.pause

        def watched(account: str, platform_id: str, at: datetime | None) -> None:
            pause(account, platform_id, at)
            if platform_id in enabled:
                paused_at[enabled[platform_id]] = min(paused_at[enabled[platform_id]], self.clock.now)

        self.platform.pause = watched  # type: ignore[method-assign]
        return paused_at

    def _reap_where_due(self) -> None:
        """A look of the reaper where something is for it to find, and now and then where nothing is."""
        if not self.reaps or self.clock.now < self._next_look:
            return
        uncovered, raised = self.invariants.uncovered(), self.invariants.raised()
        if not (uncovered or raised) and self.rng.random() > 0.01:
            return
        self._next_look = self.clock.now + REAPER_INTERVAL
        try:
            with on_virtual_clock(self.clock):
                reaped = self._reaper.reap(Reap(at=self.clock.now))
        except Crash:
            return
        self.platform.met["paused by the reaper"] += len(reaped.paused)
        self.invariants.after_reaper(reaped, uncovered, raised)

    def _forge(self, name: str) -> None:
        """A signal in the name of a campaign that runs, or a workflow under the id of one that has ended."""
        self.platform.met["a forged ending"] += 1
        campaign = self.campaigns[name]
        result = invented(campaign, self.clock.now)
        self._forged.append(result)
        self.phase.hear(name, result if campaign.result is not None else None)
        self.invariants.of_phase([result])

    def _edit(self, campaign: HostileCampaign) -> None:
        state = campaign.state
        kind, change = self.rng.choice(
            (
                ("enabled or paused", {"enabled": not state.enabled}),
                (
                    "ten times the budget",
                    {"enabled": True, "daily_budget_micros": min(10 * state.daily_budget_micros, MOST)},
                ),
                ("half the budget", {"daily_budget_micros": state.daily_budget_micros // 2}),
                ("a later end", {"end_at": state.end_at + timedelta(days=2)}),
                ("renamed", {"external_name": f"{state.external_name} (renamed)"}),
            )
        )
        self.platform.met[f"edited by hand: {kind}"] += 1
        self.platform.set(state.platform_id, **change)


def run_sequence(
    seed: int,
    nature: Nature | None = None,
    before: Callable[[Sequence], None] | None = None,
    place: Place = SOMEWHERE,
    tick_hours: int | None = None,
) -> Found:
    """One sequence from its seed; raises Broken. `before` may change it first."""
    ledger = books(place).fresh()
    try:
        sequence = Sequence(seed, ledger, nature, place, tick_hours)
        if before is not None:
            before(sequence)
        return attempt_numbers().temporal.run(sequence.run)
    finally:
        ledger.close()
