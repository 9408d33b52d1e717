"""A phase that only looks at one campaign which an earlier run of it has started and which says that it has ended.

It is a module of its own because the sandbox imports a workflow's module again.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from gaelp.domain.phases import Phase
    from gaelp.messages.run_context import RunContext
    from gaelp.messages.spending_phase import CampaignHint, SpendingState
    from workflows.campaigns.campaign_children import LOOK_AGAIN, CampaignChildren


class _Held:
    def __init__(self) -> None:
        self.state = SpendingState(next_campaign=1)

    def update(self, **changes: Any) -> None:
        self.state = self.state.model_copy(update=changes)


async def _show_nothing() -> None: ...


@workflow.defn
class LookingPhase:
    """Looks until the campaign is settled, for a second less than until the next ordinary look."""

    @workflow.run
    async def run(self) -> float:
        """Seconds until it knew that the campaign had settled, or until it gave up."""
        digests = dict.fromkeys(("config_digest", "market_digest", "checkpoint_digest"), "c" * 64)
        context = RunContext(run="looking", phase=Phase.SCALED, account="looking", agent="fixed-bid", **digests)
        children = CampaignChildren(cast(Any, _Held()), context, _show_nothing)
        children.hint_ended(CampaignHint(campaign=children.name(0)))
        began = workflow.now()
        looking = children.look_until(lambda: not children.unsettled())
        try:
            await asyncio.wait_for(looking, LOOK_AGAIN.total_seconds() - 1)
        except TimeoutError:
            pass
        return (workflow.now() - began).total_seconds()
