"""LIVE: books a day's worst case in the ledger, and makes a call that may spend under a claim of the ledger's.

A claim that is open from an earlier attempt is resolved by reading the platform back, never by calling again. Touch
this with docs/money.md in hand.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from activities.inputs import Inputs
from activities.live.observations import campaign_clock, day_key
from gaelp.domain.ad_accounts import Account
from gaelp.domain.ids import claim_key
from gaelp.domain.platform_records import CampaignState, Creative
from gaelp.domain.spending.advertised_content import content_digest, creatives_of
from gaelp.domain.spending.billing_rules import worst_day_micros
from gaelp.domain.spending.ledger_records import Claim, Intent, Reserve, Reserved
from gaelp.errors import GaelpError
from gaelp.ledger.ledger import Ledger
from gaelp.messages.live_campaign import LiveCampaignInput
from gaelp.money import micros
from gaelp.platforms.protocol import OutcomeUnknown, PlatformError, ReadsCampaigns

# A little more than the longest total timeout of a platform's client (gaelp/platforms/emulator/client.py: 5 seconds).
CLIENT_TOTAL_SECONDS = 6.0


class ClaimRefused(GaelpError):
    """The ledger did not grant a claim: a stop came between, or the approval is gone."""


class Claiming:
    """Reserves days and claims calls; `wait` sleeps so many seconds."""

    def __init__(self, ledger: Ledger, inputs: Inputs, wait: Callable[[float], None]) -> None:
        self._ledger = ledger
        self._inputs = inputs
        self._wait = wait

    def reserve(self, campaign: LiveCampaignInput, account: Account, at: datetime) -> Reserved:
        """Book the worst case of the day that the campaign's tick falls on."""
        limits = self._inputs.config(campaign.context.config_digest).limits
        clock = campaign_clock(campaign, account)
        plan = campaign.order.plan
        return self._ledger.reserve(
            Reserve(
                key=day_key(campaign, clock.day_index(campaign.progress.tick)),
                account=campaign.context.account,
                run=campaign.context.run,
                phase=campaign.context.phase,
                campaign=campaign.name,
                day=clock.day(campaign.progress.tick),
                worst_case_micros=worst_day_micros(account.platform, campaign.progress.daily_budget_micros),
                request_id=campaign.order.request_id,
                agent=plan.agent,
                arm=plan.arm,
                checkpoint_digest=campaign.context.checkpoint_digest,
                config_digest=campaign.context.config_digest,
                content_digest=content_digest(plan.product, self.creatives(campaign)),
                at=at,
            ),
            campaign_cap_micros=micros(limits.campaign),
            run_cap_micros=micros(limits.run),
            account_daily_limit_micros=micros(limits.daily),
        )

    def creatives(self, campaign: LiveCampaignInput) -> tuple[Creative, ...]:
        """What the campaign advertises: the reservation asks with its digest, and the launch creates it."""
        candidates = self._inputs.market(campaign.context.market_digest).ctr.shape[1]
        return creatives_of(campaign.order.plan.product, candidates)

    def call_under_claim(
        self,
        campaign: LiveCampaignInput,
        intent: Intent,
        at: datetime,
        done: Callable[[CampaignState], bool],
        platform: ReadsCampaigns,
        call: Callable[[], object],
    ) -> None:
        """Make one spend-affecting call under a claim; raises ClaimRefused, PlatformError."""
        # A campaign is created once, on whichever tick that succeeds: a second key would allow a second create.
        tick = 0 if intent is Intent.CREATE else campaign.progress.tick
        key = claim_key(campaign.name, tick, intent)
        claim = self.claim(campaign, key, intent, self.fence(campaign), at)
        claimed = self._ledger.claim(claim)
        if claimed.unknown:
            # The attempt that made the claim may still be on its way: not before its client has given up is what we
            # read the last word.
            self._wait(CLIENT_TOTAL_SECONDS)
            state = platform.find(campaign.context.account, campaign.name)
            happened = state is not None and done(state)
            outcome = "done" if happened else "failed"
            known = state.platform_id if state is not None else ""
            self._ledger.resolve(key, outcome, "read back after an unknown outcome", at, known)
            claimed = self._ledger.claim(claim)
        if claimed.done:
            return
        if not claimed.granted:
            raise ClaimRefused(claimed.reason)
        try:
            answer = call()
        except OutcomeUnknown as error:
            self._ledger.resolve(key, "unknown", str(error), at)
            raise
        except PlatformError as error:
            self._ledger.resolve(key, "failed", str(error), at)
            raise
        # A stop must be able to pause the campaign while the platform cannot be read.
        self._ledger.resolve(key, "done", "", at, answer.platform_id if isinstance(answer, CampaignState) else "")

    def claim(self, campaign: LiveCampaignInput, key: str, intent: Intent, fence: int | None, at: datetime) -> Claim:
        """What the ledger is asked; without a fence the account's own counts."""
        return Claim(
            key=key,
            account=campaign.context.account,
            run=campaign.context.run,
            campaign=campaign.name,
            intent=intent,
            fence=fence,
            at=at,
        )

    def void(self, campaign: LiveCampaignInput) -> bool:
        """Whether a stop came since the approval, of the account or of the run."""
        run = self._ledger.run(campaign.context.run)
        stopped = run is not None and run.stopped_at is not None
        return stopped or self._ledger.fence(campaign.context.account) != self.fence(campaign)

    def fence(self, campaign: LiveCampaignInput) -> int:
        """The fence under which the campaign's money was approved."""
        return self._ledger.request(campaign.order.request_id).request.fence
