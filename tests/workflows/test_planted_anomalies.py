"""Anomalies planted in the emulator's hidden world, through a whole phase: noticed, acted upon, told, and restored.

One portfolio of six campaigns for all tests: four in whose world something changes, and two in whose nothing does. The
phase waits at the end of a period for the campaigns that monitoring has paused, so that a person comes in time.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from temporalio.testing import WorkflowEnvironment

from gaelp.domain.ids import campaign_id
from gaelp.domain.monitoring.anomalies import AnomalyGrade, WatchedMetric
from gaelp.domain.monitoring.ladder import BY_CONVERSIONS, LadderStep, StepTaken
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import CampaignState, DayReport
from gaelp.evidence.profit import maturing_days
from gaelp.market.auctions import price_curves
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.parameters import MarketParameters
from gaelp.messages.phase import PhaseResult
from gaelp.platforms.emulator.settings_timeline import InForce, from_us
from gaelp.records.logs.stored_logs import load_bandit
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support.emulator_accounts import open_emulator_account
from tests.support.local_runs import LOG, LocalRuns
from tests.support.single_phase import begin
from tests.support.webhooks import receiving
from tests.workflows.conftest import serving
from workflows.campaigns import campaign_life

pytestmark = pytest.mark.asyncio(loop_scope="session")
RUN = "planted"
START = date(2026, 1, 16)
PERIOD, PERIODS = 14, 3
FIRST = START + timedelta(days=16)  # day of the change; a month begins with it, whose limit lets every day bill twice
MENDED = START + timedelta(days=2 * PERIOD)
MATURED_DAYS = 5  # within which a change must be noticed
BUDGET = 30_000_000
CHANGES = (
    f"scaled.periods={PERIODS}",
    f"scaled.period_days={PERIOD}",
    "scaled.products=['product-a', 'shoes', 'hats']",
    f"clock.start={START}T00:00:00Z",
    "agent=pid-pacing",
    "live_test.drawdown_limit=100000",  # what is seen here is done by monitoring and not by a stop-loss
)


@dataclass(frozen=True)
class Planted:
    """What is planted in a campaign, the metric by which it is told, and the steps that must be taken."""

    index: int
    what: dict[str, Any]
    metric: WatchedMetric
    steps: tuple[LadderStep, ...]

    @property
    def name(self) -> str:
        return campaign_id(RUN, Phase.SCALED, self.index)


HELD, CUT = (LadderStep.HOLD,), (LadderStep.HOLD, LadderStep.CUT)
PAUSED = (*CUT, LadderStep.PAUSE)
UNTIL = {"until_day": str(MENDED)}
CLICKS = Planted(0, {"click_rate": 0.5}, WatchedMetric.CTR, PAUSED)
COST = Planted(1, {"conversion_rate": 0.5}, WatchedMetric.CPA, PAUSED)
TAG = Planted(2, {"silent_tag": True, **UNTIL}, WatchedMetric.CONVERSIONS_PER_CLICK, HELD)
SPEND = Planted(3, {"pace": 2.0, **UNTIL}, WatchedMetric.SPEND, CUT)
ALL = (CLICKS, COST, TAG, SPEND)
QUIET = (4, 5)
CAMPAIGNS = len(ALL) + len(QUIET)
each_planted = pytest.mark.parametrize("planted", ALL, ids=["ctr halves", "cpa doubles", "tag dies", "spend doubles"])


@dataclass
class Seen:
    """The portfolio as it was found when it waited for a person, and as it ended."""

    waiting: dict[str, CampaignState]
    steps: dict[str, list[StepTaken]]
    messages: list[dict[str, str]]
    undone: dict[str, str] = field(default_factory=dict)  # what `undo` said
    settings: dict[str, list[tuple[datetime, InForce]]] = field(default_factory=dict)  # as the platform has kept them
    days: dict[str, tuple[DayReport, ...]] = field(default_factory=dict)
    steps_after: dict[str, list[StepTaken]] = field(default_factory=dict)
    result: PhaseResult | None = None


def _market(local_runs: LocalRuns) -> MarketParameters:
    """The log's market with many clicks and conversions, in which any bid of these agents spends its budget."""
    warehouse = open_warehouse(local_runs.settings.warehouse)
    plain = calibrate([load_bandit(warehouse, LOG)], local_runs.config())
    warehouse.close()
    segments = len(plain.ctr)
    return replace(
        plain,
        ctr=np.full_like(plain.ctr, 0.02),
        cvr=np.full_like(plain.cvr, 0.1),
        prices=price_curves.lognormal(np.full(segments, 700_000.0), np.full(segments, 0.6)),
        hourly=np.ones(168),
        auctions_per_hour=np.full(segments, 6000.0 / segments),
        order_value_micros=25_000_000,
    )


async def _approved(environment: WorkflowEnvironment, local_runs: LocalRuns) -> Any:
    open_emulator_account(local_runs.settings, RUN, "Ada", local_runs.key, _market(local_runs))
    for planted in ALL:
        plan = {"account": RUN, "campaign": planted.name, "first_day": str(FIRST), **planted.what}
        local_runs.control("POST", "/changes", json=plan)
    handle = await begin(environment, local_runs, RUN, *CHANGES, phase=Phase.SCALED, account=RUN)
    await local_runs.approve(environment.client, RUN, (Phase.SCALED,))
    return handle


async def _at_rest(local_runs: LocalRuns) -> None:
    """Wait until each campaign has come to the end of the second period or is paused by monitoring."""
    with local_runs.ledger() as ledger:
        while True:
            reached = {each.campaign for each in ledger.days_reached(f"{RUN}/scaled") if each.day >= 2 * PERIOD}
            stopped = {each.campaign for each in ledger.steps_of_run(RUN) if each.step is LadderStep.PAUSE}
            if len(reached | stopped) == CAMPAIGNS:
                enabled = {each.external_name for each in local_runs.on_platform(RUN, RUN) if each.enabled}
                if not enabled & (stopped - reached):
                    return
            await asyncio.sleep(0.5)


def _steps(local_runs: LocalRuns) -> dict[str, list[StepTaken]]:
    with local_runs.ledger() as ledger:
        steps = ledger.steps_of_run(RUN)
    return {name: [each for each in steps if each.campaign == name] for name in map(_name, range(CAMPAIGNS))}


def _name(index: int) -> str:
    return campaign_id(RUN, Phase.SCALED, index)


def _settings(local_runs: LocalRuns) -> dict[str, list[tuple[datetime, InForce]]]:
    """Every write that the emulator has kept, from its own file."""
    file = sqlite3.connect(f"file:{local_runs.stack.home / 'emulator.db'}?mode=ro", uri=True)
    rows = file.execute(
        "SELECT external_name, at_us, settings FROM changes JOIN campaigns ON campaign = id WHERE account = ? "
        "ORDER BY campaign, sequence",
        (RUN,),
    ).fetchall()
    file.close()
    kept: dict[str, list[tuple[datetime, InForce]]] = {}
    for name, at_us, settings in rows:
        kept.setdefault(name, []).append((from_us(at_us), InForce.model_validate_json(settings)))
    return kept


def _notify(local_runs: LocalRuns, addresses: str) -> None:
    looked = local_runs.starter("notify", "--once", environment={"GAELP_NOTIFICATIONS": addresses})
    assert looked.code == 0, looked.output


async def _restore(local_runs: LocalRuns, steps: dict[str, list[StepTaken]]) -> dict[str, str]:
    """A person undoes the first step of each campaign that is held back, and with it every later one."""
    said = {}
    firsts = [next(iter(_changing(steps[planted.name])), None) for planted in ALL]
    for step in filter(None, firsts):
        words = ("undo", RUN, step.key, "--by", "Ada", "--reason", "a known change")
        ran = await asyncio.to_thread(local_runs.starter, *words)
        assert ran.code == 0, ran.output
        said[step.campaign] = ran.out
    return said


@pytest.fixture(scope="module")
async def seen(
    environment: WorkflowEnvironment, local_runs: LocalRuns, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Seen]:
    """The portfolio from the approval to its end; in between a person is told of what waits, and answers."""
    addresses = tmp_path_factory.mktemp("people") / "addresses.yaml"
    with pytest.MonkeyPatch.context() as patch, receiving() as people:
        patch.setattr(campaign_life, "WATCH_WITHOUT_TIME", timedelta(seconds=2))
        async with serving(environment.client, local_runs):
            handle = await _approved(environment, local_runs)
            addresses.write_text(f"{RUN}: ['json://127.0.0.1:{people.port}/']\n")
            addresses.chmod(0o600)
            await asyncio.to_thread(_notify, local_runs, str(addresses))
            await asyncio.wait_for(_at_rest(local_runs), 300)
            await asyncio.to_thread(_notify, local_runs, str(addresses))
            waiting = {each.external_name: each for each in local_runs.on_platform(RUN, RUN)}
            found = Seen(waiting, _steps(local_runs), list(people.bodies))
            found.undone = await _restore(local_runs, found.steps)
            found.result = await handle.result()
        found.steps_after, found.settings = _steps(local_runs), _settings(local_runs)
        with local_runs.ledger() as ledger:
            found.days = {each.campaign: each.days for each in ledger.campaign_results(f"{RUN}/scaled")}
        yield found


def _changing(steps: Sequence[StepTaken]) -> list[StepTaken]:
    return [each for each in steps if each.step is not LadderStep.NOTE]


def _latest(planted: Planted) -> date:
    """The day at whose beginning five days of the change have matured."""
    waits = maturing_days(1.0, 7) if planted.metric in BY_CONVERSIONS else 0
    return FIRST + timedelta(days=MATURED_DAYS + waits)


def _written(seen: Seen, planted: Planted, since: date, until: date = date.max) -> list[InForce]:
    """What the platform was told on these days."""
    return [settings for at, settings in seen.settings[planted.name] if since <= at.date() < until]


@each_planted
async def test_it_is_noticed_within_five_matured_days_and_not_before(seen: Seen, planted: Planted) -> None:
    """With 25 conversions a day and more, the campaign is held by the metric that changed, and was not before."""
    before = [day.conversions for day in seen.days[planted.name] if day.day < FIRST]
    assert len(before) == (FIRST - START).days and min(before) >= 25
    hold = next(iter(_changing(seen.steps[planted.name])), None)
    assert hold is not None and hold.step is LadderStep.HOLD and FIRST < hold.day <= _latest(planted)
    why = next(each for each in hold.evidence if each.metric is planted.metric)
    assert why.grade is AnomalyGrade.ACT and abs((why.since - FIRST).days) <= 1


@each_planted
async def test_the_ladder_acts_on_the_platform(seen: Seen, planted: Planted) -> None:
    """Held, cut to a tenth and paused, step by step, seen in the emulator; where the tag died, held and frozen only.

    A doubled spend is cut at least: what follows a cut hangs on how much evidence days of a tenth bring.
    """
    steps, found = _changing(seen.steps[planted.name]), seen.waiting[planted.name]
    lowered = {each.day for each in steps if each.step is not LadderStep.HOLD}
    told = [anomaly for each in seen.steps_after[planted.name] for anomaly in each.evidence]
    assert not [each for each in told if each.metric is WatchedMetric.SPEND and each.since in lowered]  # by the ladder
    taken = tuple(each.step for each in steps)
    assert taken in ((CUT, PAUSED) if planted is SPEND else (planted.steps,))
    if planted is not TAG:
        assert found.enabled is (LadderStep.PAUSE not in taken)
        assert found.daily_budget_micros == steps[0].before.daily_budget_micros // 10
        return
    frozen = _written(seen, planted, steps[0].day, MENDED)
    assert len(frozen) > MATURED_DAYS and len({(each.bid_micros, each.creative_prob) for each in frozen}) == 1
    moving = _written(seen, planted, START, steps[0].day)
    assert len({each.bid_micros for each in moving}) > 10


@each_planted
async def test_people_are_told_by_a_webhook(seen: Seen, planted: Planted) -> None:
    """Each step that changed something is in the message, with the verb that undoes it; a hold waits for a person."""
    (message,) = seen.messages
    steps = _changing(seen.steps[planted.name])
    assert steps
    for step in steps:
        (line,) = [each for each in message["message"].splitlines() if f"undo {RUN} {step.key} " in each]
        assert line.startswith("waits for you: " if step.step is LadderStep.HOLD else "alarm: ")


@each_planted
async def test_a_person_restores_it(seen: Seen, planted: Planted) -> None:
    """After `undo` the platform has its budget and its enabled state again, bids move, and no step is taken anew."""
    steps = seen.steps_after[planted.name]
    assert len(_changing(steps)) == len(_changing(seen.steps[planted.name])) > 0
    assert {each.undone_by for each in _changing(steps)} == {"Ada"}
    assert "may have again what it had before" in seen.undone[planted.name]
    last = max(each.day for each in _changing(steps))
    since = last if planted in (CLICKS, COST) else MENDED
    after = [each for each in _written(seen, planted, since) if each.enabled]
    assert min(each.daily_budget_micros for each in after) >= BUDGET
    assert planted is not TAG or len({each.bid_micros for each in after}) > 5
    assert len(seen.days[planted.name]) == PERIOD * PERIODS
    week = [day for day in seen.days[planted.name] if timedelta(0) < day.day - since <= timedelta(days=7)]
    assert len(week) == 7 and all(day.cost_micros > BUDGET / 4 for day in week)


@pytest.mark.parametrize("index", QUIET)
async def test_nothing_is_done_to_a_quiet_campaign(seen: Seen, index: int) -> None:
    """Neither the agent's nor the incumbent's: one note in its 42 days at the most, and it delivers on each of them."""
    name = _name(index)
    assert _changing(seen.steps_after[name]) == [] and len(seen.steps_after[name]) <= 1
    assert len(seen.days[name]) == PERIOD * PERIODS and all(day.cost_micros > 0 for day in seen.days[name])
    lines = [each for body in seen.messages for each in body["message"].splitlines() if name in each]
    assert all(each.startswith("note: ") for each in lines)


async def test_nothing_is_billed_above_what_was_signed(seen: Seen, local_runs: LocalRuns) -> None:
    """No day and no campaign, doubled pace included; nothing is left over, and the phase came to its gate."""
    with local_runs.ledger() as ledger:
        (request,) = {each.request_id for each in ledger.reservations(RUN, RUN)}
        signed = ledger.approved_campaigns(ledger.request(request).request.campaigns_digest)
        assert ledger.violations(RUN) == ()
    billed = {each["state"]["external_name"]: each for each in local_runs.control("GET", "/campaigns")}
    for campaign in signed:
        truth, ceiling = billed[campaign.campaign], campaign.ceiling
        assert truth["highest_day_micros"] <= ceiling.worst_day_micros
        assert truth["cost_micros"] <= ceiling.worst_total_micros
    assert max(each.cost_micros for each in seen.days[SPEND.name]) > 1.9 * BUDGET
    assert local_runs.leftovers(RUN, RUN) == []
    assert seen.result is not None and seen.result.gate is not None
