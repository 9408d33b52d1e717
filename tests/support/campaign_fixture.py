"""An approved campaign on the real emulator beside a ledger of its own, and a platform that fails where a test says so.

Touch this when activity tests need another fault that the emulator itself cannot make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from temporalio.testing import ActivityEnvironment

from activities.inputs import Inputs
from activities.live.campaigns import Campaigns
from activities.live.observations import Observations
from activities.made_for import marked
from gaelp.configuration import loading
from gaelp.domain.billing.billing_rules import exposure_line
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.ids import campaign_id
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import CampaignState
from gaelp.domain.spending.advertised_content import content_digest, creatives_of
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign
from gaelp.domain.spending.campaign_records import CampaignPlan
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.messages.live_campaign import (
    Applied,
    Apply,
    CampaignOrder,
    CampaignProgress,
    LaunchCampaign,
    Launched,
    LiveCampaignInput,
    Observe,
    Observed,
    PauseAndSettle,
    Paused,
)
from gaelp.messages.run_context import RunContext
from gaelp.platforms.emulator.client import EmulatorPlatform
from tests.support.emulators import make_spec

UNIT = 1_000_000
START = datetime(2026, 1, 5, tzinfo=UTC)
RUN = "run-a"
REQUEST = f"{RUN}/live-test#1"
MUTATING = ("create_paused", "set_budget", "set_delivery", "set_end", "enable", "pause")


class Crash(BaseException):
    """The worker dies here: no `except Exception` and no rollback sees it."""


def crash() -> None:
    """What a test has a platform call do, to end the worker."""
    raise Crash


class FaultyPlatform:
    """The emulator's own client; records what reached it, and lets a test act before or after one call, once."""

    def __init__(self, platform: EmulatorPlatform) -> None:
        self.real = platform
        self.calls: list[str] = []
        self.before: dict[str, Callable[[], object]] = {}
        self.after: dict[str, Callable[[], object]] = {}
        self.changed: dict[str, Callable[[Any], Any]] = {}  # by verb: what is returned instead
        self.unique_names = True

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.real, name)

        def call(*arguments: Any) -> Any:
            self.before.pop(name, lambda: None)()
            result = real(*arguments)
            if name in MUTATING:
                self.calls.append(name)
            self.after.pop(name, lambda: None)()
            return self.changed.get(name, lambda same: same)(result)

        return call


@dataclass
class CampaignFixture:
    """One approved campaign and the activities that run it."""

    ledger: Ledger
    inputs: Inputs
    platform: FaultyPlatform
    campaigns: Campaigns
    observations: Observations
    campaign: LiveCampaignInput
    waits: list[float] = field(default_factory=list)  # seconds that Campaigns waited, had it really waited
    temporal: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    def __post_init__(self) -> None:
        self.temporal.info = replace(self.temporal.info, workflow_id=self.campaign.name)

    def retrying(self) -> None:
        """From here on activities run as second attempts."""
        self.temporal.info = replace(self.temporal.info, attempt=2)

    @property
    def account(self) -> str:
        """The campaign's account."""
        return self.campaign.context.account

    def at(self, hours: float = 0) -> datetime:
        """The campaign's instant after so many hours."""
        return START + timedelta(hours=hours)

    def on_tick(self, tick: int, **changes: Any) -> LiveCampaignInput:
        """The campaign as its workflow passes it at a tick (a day, unless tick_hours is among the changes)."""
        order = self.campaign.order
        if "tick_hours" in changes:
            order = order.model_copy(update={"tick_hours": changes.pop("tick_hours")})
        progress = self.campaign.progress.model_copy(update={"tick": tick, **changes})
        return self.campaign.model_copy(update={"order": order, "progress": progress})

    def launch(self) -> Launched:
        """The activity of that name."""
        return self.temporal.run(self.campaigns.launch, LaunchCampaign(campaign=self.campaign, at=self.campaign.at()))

    def decide(self, bid: int = 5 * UNIT) -> str:
        """A decision's digest: one bid for every segment, the first creative most of the time; for no tick yet."""
        segments, candidates = self.inputs.market(self.campaign.context.market_digest).ctr.shape
        shares = np.full((1, segments, candidates), 0.5 / (candidates - 1))
        shares[:, :, 0] = 0.5
        return self.inputs.store.put_arrays(
            {"bid_micros": np.full((1, segments), bid, np.int64), "creative_prob": shares}
        )

    def decided(self, campaign: LiveCampaignInput, decision: str = "") -> str:
        """The digest of the same decision, or of the usual one, as made for the campaign's tick."""
        arrays = self.inputs.store.get_arrays(decision or self.decide())
        return self.inputs.store.put_arrays(marked(arrays, campaign, campaign.progress.memory_digest))

    def apply(self, tick: int = 0, decision: str = "", **changes: Any) -> Applied:
        """The activity of that name, at the tick's instant."""
        campaign = self.on_tick(tick, **changes)
        at = campaign.at()
        asked = Apply(campaign=campaign, decision_digest=self.decided(campaign, decision), at=at)
        return self.temporal.run(self.campaigns.apply, asked)

    def settle(self, hours: float = 24, *, final: bool = False) -> Paused:
        """The activity pause_and_settle."""
        asked = PauseAndSettle(campaign=self.campaign, at=self.at(hours), reason="the test says so", final=final)
        return self.temporal.run(self.campaigns.pause_and_settle, asked)

    def observe(self, hours: float = 24, **changes: Any) -> Observed:
        """The activity of that name."""
        campaign = self.on_tick(int(hours) // 24, **changes)
        return self.temporal.run(self.observations.observe, Observe(campaign=campaign, at=self.at(hours)))

    def found(self) -> CampaignState | None:
        """The campaign as the platform has it."""
        return self.platform.real.find(self.account, self.campaign.name)

    def running(self) -> CampaignState:
        """Launch, apply once, and return what the platform then has."""
        assert self.launch().launched
        assert self.apply().applied
        self.platform.calls.clear()
        found = self.found()
        assert found is not None and found.enabled
        return found

    def stop(self) -> None:
        """What every stop does first."""
        self.ledger.raise_fence(self.account, "the test says so", "Ada", self.at())

    def kinds(self, *kinds: str) -> list[str]:
        """The journal's entries of those kinds, oldest first."""
        return [entry.kind for entry in self.ledger.journal(limit=10_000) if entry.kind in kinds]


def another_campaign(fixture: CampaignFixture, name: str) -> CampaignState:
    """A campaign that is not made by the fixture, paused."""
    segments, candidates = fixture.inputs.market(fixture.campaign.context.market_digest).ctr.shape
    spec = make_spec(name, fixture.account)
    creatives = tuple(spec.creatives[0].model_copy(update={"id": f"item-{k}"}) for k in range(candidates))
    shares = ((1.0 / candidates,) * candidates,) * segments
    fitted = {"segments": segments, "creatives": creatives, "bid_micros": (0,) * segments, "creative_prob": shares}
    return fixture.platform.real.create_paused(
        spec.model_copy(update={**fitted, "end_at": fixture.at(48)}), fixture.at()
    )


def approved(
    ledger: Ledger, key: signatures.NewKey, campaign: LiveCampaignInput, candidates: int, **changes: Any
) -> ApprovalRequest:
    """A request for one campaign, 50 units a day and 1000 in all, opened and approved."""
    plan, context = campaign.order.plan, campaign.context
    budget = changes.get("daily_cap_micros", 50 * UNIT) // 2  # the ceiling: what the daily cap has room for
    line = exposure_line(plan.campaign, "emulator", max(budget, plan.daily_budget_micros), plan.days, "USD")
    listed = ApprovedCampaign(
        ceiling=line, agent=plan.agent, product=plan.product, arm=plan.arm,
        content_digest=content_digest(plan.product, creatives_of(plan.product, candidates)),
        first_day=START.date(), last_day=START.date() + timedelta(days=plan.days - 1),
    )  # fmt: skip
    values = {
        "request_id": REQUEST,
        "nonce": f"{context.account} {changes}",
        "account": context.account,
        "run": RUN,
        "phase": Phase.LIVE_TEST,
        "purpose": "spend",
        "currency": "USD",
        "daily_cap_micros": 50 * UNIT,
        "total_cap_micros": 1000 * UNIT,
        "agent": "fixed-bid",
        "checkpoint_digest": "c" * 64,
        "config_digest": context.config_digest,
        "market_digest": context.market_digest,
        "evidence_digest": "e" * 64,
        "exposure_digest": "f" * 64,
        "campaigns_digest": ledger.keep_campaigns([listed]),
        "campaign_count": 1,
        "fence": 0,
        "expires_at": START + timedelta(days=60),
    }
    request = ApprovalRequest.model_validate({**values, **changes})
    ledger.open_request(request, "the table", START)
    payload = signatures.sign(key.pem, request, "approve").model_dump()
    outcome = ledger.decide(request.request_id, f"{request.request_id} approved", payload, START)
    assert outcome.accepted, outcome.reason
    return request


def planned(account: str, config: TrainingConfiguration, market_digest: str) -> LiveCampaignInput:
    """A campaign of three days at 25 units a day, as its phase starts it."""
    plan = CampaignPlan(
        index=0, campaign=campaign_id(RUN, Phase.LIVE_TEST, 0), product="product-a", arm="candidate",
        agent="fixed-bid", daily_budget_micros=25 * UNIT, days=3, start=START,
    )  # fmt: skip
    context = RunContext(
        run=RUN, phase=Phase.LIVE_TEST, config_digest=loading.digest(config), market_digest=market_digest,
        account=account, agent="fixed-bid", checkpoint_digest="c" * 64,
    )  # fmt: skip
    order = CampaignOrder(
        plan=plan, phase_workflow=f"{RUN}/live-test", request_id=REQUEST, tick_hours=24, time_scale=0,
        maturing_hours=240,
    )  # fmt: skip
    progress = CampaignProgress(start=START, until_day=3, daily_budget_micros=25 * UNIT)
    return LiveCampaignInput(context=context, order=order, progress=progress)
