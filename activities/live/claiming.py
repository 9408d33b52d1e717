"""LIVE: books a day's worst case in the ledger, and makes a call that may spend under a claim of the ledger's.

A claim that is open from an earlier attempt is resolved by reading the platform back, never by calling again. Touch
this with docs/money.md in hand.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from activities.inputs import Inputs
from activities.live.campaign_days import campaign_clock, day_key
from activities.live.locating import Locating
from gaelp.domain.ad_accounts import Account
from gaelp.domain.billing.billing_rules import worst_day_micros
from gaelp.domain.ids import claim_key
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import CampaignSpec, CampaignState, Creative
from gaelp.domain.spending.advertised_content import content_digest, creatives_of
from gaelp.domain.spending.campaign_clock import instant_refusal
from gaelp.domain.spending.ledger_records import Claim, Intent, Reserve, Reserved
from gaelp.errors import GaelpError
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.rules.reservation_rules import RaiseStep
from gaelp.messages.live_campaign import LiveCampaignInput
from gaelp.money import micros
from gaelp.platforms.protocol import CALL_SECONDS, DuplicateName, OutcomeUnknown, PlatformError, ReadsCampaigns

# A little longer than one call may take, so that an earlier attempt of it has ended.
CLIENT_TOTAL_SECONDS = CALL_SECONDS + 1.0


KEPT_REQUESTS = 64


class ClaimRefused(GaelpError):
    """The ledger did not grant a claim: a stop came between, or the approval is gone."""


class NotNow(GaelpError):
    """The call was asked for as of another day than today, or of a campaign that rests; the next tick decides anew."""


def wall_clock() -> datetime:
    """The instant of now, by this machine."""
    return datetime.now(UTC)


class Claiming:
    """Reserves days and claims calls; `wait` sleeps so many seconds, and `now` is the wall clock."""

    def __init__(
        self,
        ledger: Ledger,
        inputs: Inputs,
        locating: Locating,
        wait: Callable[[float], None],
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._inputs = inputs
        self._locating = locating
        self._wait = wait
        self._now = now
        self._fence = lru_cache(maxsize=KEPT_REQUESTS)(self._fence_of)  # a request never changes

    def reserve(
        self, campaign: LiveCampaignInput, account: Account, at: datetime, in_force_micros: int = 0
    ) -> Reserved:
        """Book the worst case of the day that the campaign's tick falls on; raises NotNow.

        `in_force_micros` is the daily budget that the platform has until it is written anew: where it is the higher
        one the day may be billed by it, because a platform goes by the highest budget of a day.
        """
        if refused := instant_refusal(account, at, self._now()):
            raise NotNow(refused)
        limits = self._inputs.config(campaign.context.config_digest).limits
        clock = campaign_clock(campaign, account)
        day, plan = clock.day(campaign.progress.tick), campaign.order.plan
        return self._ledger.reserve(
            Reserve(
                key=day_key(campaign, clock.index_of(day)),
                account=campaign.context.account,
                run=campaign.context.run,
                phase=campaign.context.phase,
                campaign=campaign.name,
                day=day,
                worst_case_micros=worst_day_micros(
                    account.platform, max(campaign.progress.daily_budget_micros, in_force_micros), account.currency
                ),
                request_id=campaign.order.request_id,
                agent=plan.agent,
                arm=plan.arm,
                checkpoint_digest=campaign.context.checkpoint_digest,
                config_digest=campaign.context.config_digest,
                market_digest=campaign.context.market_digest,
                content_digest=content_digest(plan.product, self.creatives(campaign)),
                at=at,
            ),
            campaign_cap_micros=micros(limits.campaign),
            run_cap_micros=micros(limits.run),
            account_daily_limit_micros=micros(limits.daily),
            step=self._step(campaign, account),
            alerts=limits.alerts,
        )

    def _step(self, campaign: LiveCampaignInput, account: Account) -> RaiseStep | None:
        """How the campaign may rise; none in a live test, which was signed for the budget that it starts with."""
        if campaign.context.phase is not Phase.SCALED:
            return None
        scaled = self._inputs.config(campaign.context.config_digest).scaled
        first = worst_day_micros(account.platform, micros(scaled.daily_budget), account.currency)
        return RaiseStep(first, scaled.raise_step, scaled.period_days)

    def creatives(self, campaign: LiveCampaignInput) -> tuple[Creative, ...]:
        """What the campaign advertises: the reservation asks with its digest, and the launch creates it."""
        candidates = self._inputs.market(campaign.context.market_digest).ctr.shape[1]
        return creatives_of(campaign.order.plan.product, candidates)

    def create_once(
        self,
        campaign: LiveCampaignInput,
        at: datetime,
        platform: ReadsCampaigns,
        spec: CampaignSpec,
        create: Callable[[], CampaignState],
    ) -> None:
        """Create the campaign under a claim of its own; raises ClaimRefused, PlatformError.

        An outcome that is not known stays so until the campaign is read back. The call is repeated only where it can
        make no second campaign; a create that is refused as a duplicate is taken up.
        """
        key = claim_key(campaign.name, 0, Intent.CREATE)  # on whichever tick it succeeds, it is created once
        claim = self.claim(campaign, key, Intent.CREATE, self.fence(campaign), at)
        claimed = self._ledger.claim(claim)
        repeated = claimed.unknown
        if repeated:
            self._wait(CLIENT_TOTAL_SECONDS)
            state = self._locating.find(platform, campaign)
            if state is not None:
                self._ledger.resolve(key, "done", "read back after an unknown outcome", at, state.platform_id)
                return
            if not self._locating.may_repeat_create(platform, campaign, spec):
                raise ClaimRefused(self._locating.record_unknown(campaign, at))
            claimed = self._ledger.claim(claim.model_copy(update={"repeats": True}))
        if claimed.done:
            return
        if not claimed.granted:
            raise ClaimRefused(claimed.reason)
        try:
            state = self._created(campaign, platform, create)
        except PlatformError as error:
            surely_failed = not repeated and not isinstance(error, OutcomeUnknown)
            self._ledger.resolve(key, "failed" if surely_failed else "unknown", str(error), at)
            raise
        # With its id on the platform, so that a stop can pause the campaign while the platform cannot be read.
        self._ledger.resolve(key, "done", "", at, state.platform_id)

    def _created(
        self, campaign: LiveCampaignInput, platform: ReadsCampaigns, create: Callable[[], CampaignState]
    ) -> CampaignState:
        try:
            return create()
        except (
            DuplicateName
        ):  # an answer that was lost, or was given twice: it is read, and launched only where it is what we asked for
            return self._locating.read_back(platform, campaign)

    def call_under_claim(
        self,
        campaign: LiveCampaignInput,
        intent: Intent,
        at: datetime,
        done: Callable[[CampaignState], bool],
        platform: ReadsCampaigns,
        call: Callable[[], object],
    ) -> None:
        """Make one call under a claim that may spend on a campaign that exists; raises ClaimRefused, PlatformError."""
        key = claim_key(campaign.name, campaign.progress.tick, intent)
        claim = self.claim(campaign, key, intent, self.fence(campaign), at)
        claimed = self._ledger.claim(claim)
        if claimed.unknown:
            # The attempt that made the claim may still be on its way: not before its client has given up is what we
            # read the last word.
            self._wait(CLIENT_TOTAL_SECONDS)
            happened = done(self._locating.read_back(platform, campaign))
            self._ledger.resolve(key, "done" if happened else "failed", "read back after an unknown outcome", at)
            claimed = self._ledger.claim(claim)
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
        return not self._ledger.judge_no_stop(campaign.order.request_id).granted

    def fence(self, campaign: LiveCampaignInput) -> int:
        """The fence under which the campaign's money was approved."""
        return self._fence(campaign.order.request_id)

    def _fence_of(self, request_id: str) -> int:
        return self._ledger.request(request_id).request.fence
