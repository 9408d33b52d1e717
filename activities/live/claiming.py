"""The ledger's leave for a call that spends: reserve, claim, call, resolve. Touch this with docs/money.md in hand.

A claim that is open from an earlier attempt is resolved by reading the platform back, never by calling again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from activities.inputs import Inputs
from activities.live.observations import campaign_clock, day_key
from gaelp.domain.ad_accounts import Account
from gaelp.domain.ids import claim_key
from gaelp.domain.platform_records import CampaignState
from gaelp.domain.spending.exposure import worst_day_micros
from gaelp.domain.spending.ledger_records import Claim, Intent, Reserve, Reserved
from gaelp.errors import GaelpError
from gaelp.ledger.ledger import Ledger
from gaelp.messages.live_campaign import CampaignInput
from gaelp.money import micros
from gaelp.platforms.protocol import OutcomeUnknown, PlatformError, ReadsCampaigns

# A little more than the total timeout of a platform's client (EmulatorPlatform: 5 seconds).
CLIENT_TOTAL_SECONDS = 6.0


class ClaimRefused(GaelpError):
    """The ledger did not grant a claim: a stop came between, or the approval is gone."""


class Claiming:
    """Reserves days and claims calls; `wait` sleeps so many seconds."""

    def __init__(self, ledger: Ledger, inputs: Inputs, wait: Callable[[float], None]) -> None:
        self._ledger = ledger
        self._inputs = inputs
        self._wait = wait

    def reserve(self, campaign: CampaignInput, account: Account, at: datetime) -> Reserved:
        """Book the worst case of the day that the campaign's tick falls on."""
        limits = self._inputs.config(campaign.config_digest).limits
        clock = campaign_clock(campaign, account)
        return self._ledger.reserve(
            Reserve(
                key=day_key(campaign, clock.day_index(campaign.tick)),
                account=campaign.account,
                run=campaign.run,
                phase=campaign.phase,
                campaign=campaign.plan.campaign,
                day=clock.day(campaign.tick),
                worst_case_micros=worst_day_micros(account.platform, campaign.daily_budget_micros),
                request_id=campaign.request_id,
                at=at,
            ),
            campaign_cap_micros=micros(limits.campaign),
            run_cap_micros=micros(limits.run),
            account_daily_limit_micros=micros(limits.daily),
        )

    def call_under_claim(
        self,
        campaign: CampaignInput,
        intent: Intent,
        at: datetime,
        done: Callable[[CampaignState], bool],
        platform: ReadsCampaigns,
        call: Callable[[], object],
    ) -> None:
        """Make one spend-affecting call under a claim; raises ClaimRefused, PlatformError."""
        key = claim_key(campaign.plan.campaign, campaign.tick, intent)
        ask = self.claim(campaign, key, intent, self.fence(campaign), at)
        claimed = self._ledger.claim(ask)
        if claimed.unknown:
            # The attempt that made the claim may still be on its way: not before its client has given up is what we
            # read the last word.
            self._wait(CLIENT_TOTAL_SECONDS)
            state = platform.find(campaign.account, campaign.plan.campaign)
            happened = state is not None and done(state)
            self._ledger.resolve(key, "done" if happened else "failed", "read back after an unknown outcome", at)
            claimed = self._ledger.claim(ask)
        if claimed.done:
            return
        if not claimed.granted:
            raise ClaimRefused(claimed.reason)
        try:
            call()
        except OutcomeUnknown as error:
            self._ledger.resolve(key, "unknown", str(error), at)
            raise
        except PlatformError as error:
            self._ledger.resolve(key, "failed", str(error), at)
            raise
        self._ledger.resolve(key, "done", "", at)

    def claim(self, campaign: CampaignInput, key: str, intent: Intent, fence: int | None, at: datetime) -> Claim:
        """What the ledger is asked; without a fence the account's own counts."""
        return Claim(
            key=key,
            account=campaign.account,
            run=campaign.run,
            campaign=campaign.plan.campaign,
            intent=intent,
            fence=fence,
            at=at,
        )

    def fence(self, campaign: CampaignInput) -> int:
        """The fence under which the campaign's money was approved."""
        return self._ledger.request(campaign.request_id).request.fence
