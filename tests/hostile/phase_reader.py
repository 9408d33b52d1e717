"""What the phase of a sequence's campaigns believes of them, and signals and workflows that somebody forges.

The phase's own code notes how far campaigns are, and reads it where a signal tells it to look. Touch this when a phase
reads one more thing of its campaigns.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from temporalio.client import Client

from activities.records import campaign_looks
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict
from gaelp.messages.spending_phase import CampaignHint, CampaignStanding, SpendingState
from tests.hostile.virtual_host import DrivenCampaign
from workflows.campaigns.campaign_children import CampaignChildren
from workflows.signals import InputRefused

PHASE = "run-a/scaled"
MADE_UP_MICROS = 10**12
"""More revenue than any day of the simulation has."""


@dataclass
class HeldState:
    """The phase's state, as its workflow holds it."""

    state: SpendingState

    def update(self, **changes: Any) -> None:
        self.state = self.state.model_copy(update=changes)


@dataclass
class Handle:
    """A campaign's workflow as Temporal knows it, or one that somebody started under its id once it had ended."""

    campaign: DrivenCampaign[Any]
    forged: CampaignResult | None = None

    async def describe(self) -> Any:
        ended = self.forged is not None or self.campaign.result is not None
        parent = SimpleNamespace(workflow_id="" if self.forged else PHASE)
        info = SimpleNamespace(parent_execution=parent)
        closed = datetime(2026, 1, 1, tzinfo=UTC) if ended else None
        return SimpleNamespace(close_time=closed, raw_description=SimpleNamespace(workflow_execution_info=info))

    async def query(self, name: str, result_type: type[CampaignStanding]) -> CampaignStanding:
        if self.forged is not None:
            return CampaignStanding(campaign=self.forged.campaign, ended=self.forged.in_short())
        return self.campaign.scene.standing()


class PhaseReader:
    """Looks at campaigns as their phase does; anybody who can reach Temporal may forge a signal."""

    def __init__(self, campaigns: Mapping[str, DrivenCampaign[Any]], ledger: Ledger) -> None:
        self._campaigns, self._ledger = campaigns, ledger
        self._phase = HeldState(SpendingState(next_campaign=len(campaigns)))
        context = next(iter(campaigns.values())).began.context
        self._children = CampaignChildren(cast(Any, self._phase), context, cast(Any, None))  # it shows nobody anything

    @property
    def settled(self) -> dict[str, CampaignResult]:
        """The campaigns that the phase takes for ended, with their results: what its gate will read in the ledger."""
        ended = {self._children.name(number) for number in self._phase.state.settled}
        return {each.campaign: each for each in self._ledger.campaign_results(PHASE) if each.campaign in ended}

    @property
    def terminated(self) -> tuple[str, ...]:
        """The campaigns that the phase takes for ended without a result."""
        return tuple(self._children.name(number) for number in self._children.terminated)

    def hear(self, campaign: str, forged: CampaignResult | None = None) -> None:
        """A signal `settled` in the name of a campaign; it says nothing that is believed, and the phase looks.

        A forged workflow also reports its own result to the ledger.
        """
        if forged is not None:
            with suppress(LedgerConflict):
                self._ledger.keep_result(forged, datetime.now(UTC))
        try:
            self._children.hint_ended(CampaignHint(campaign=campaign))
        except InputRefused:
            return
        client = SimpleNamespace(get_workflow_handle=lambda name: Handle(self._campaigns[name], forged))
        # Not as one that closes: to wait for the end of a workflow that goes on would only take longer.
        look = campaign_looks._standing(cast(Client, client), campaign, PHASE, closing=False)
        standing = _at_once(look)
        if standing is not None:
            self._children.take(standing)


def invented(campaign: DrivenCampaign[Any], at: datetime) -> CampaignResult:
    """A result that nobody earned: profitable days that cost nothing."""
    plan = campaign.began.order.plan
    day = DayReport(
        day=at.date(), impressions=1, clicks=1, conversions=100, cost_micros=0, served_micros=0,
        revenue_micros=MADE_UP_MICROS, final=True, matured=True,
    )  # fmt: skip
    return CampaignResult(
        campaign=plan.campaign, index=plan.index, product=plan.product, arm=plan.arm, state=EpisodeState.SETTLED,
        days=(day,), actions=100,
    )  # fmt: skip


def _at_once(look: Coroutine[Any, Any, Any]) -> Any:
    try:
        look.send(None)
    except StopIteration as answer:
        return answer.value
    raise AssertionError("a look waited for something")
