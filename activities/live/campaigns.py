"""LIVE: launches campaigns, applies decisions, pauses and settles; no other class writes to a platform.

Every write goes the same way: reserve in the ledger, claim, call, resolve the claim, read back. Every write is
absolute, so a repeated one is harmless; a claim that is open from an earlier attempt is resolved by reading the
platform back, never by calling again. Touch this with docs/money.md in hand.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from temporalio import activity

from activities.inputs import Inputs
from activities.live.campaign_days import decision_made
from activities.live.claiming import Claiming, ClaimRefused, NotNow, wall_clock
from activities.live.locating import Locating
from activities.live.settling import Settling
from activities.live.wanted_settings import WantedSettings, as_asked, same_but_enabled, within_held
from activities.live.watching import Watched, Watching
from activities.records.senders import check_sender
from gaelp.domain.ad_accounts import Account
from gaelp.domain.ids import claim_key
from gaelp.domain.monitoring.ladder import held_back
from gaelp.domain.platform_records import CampaignState
from gaelp.domain.spending.creative_policy import refused_creatives
from gaelp.domain.spending.ledger_records import Intent
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerUnavailable
from gaelp.messages.live_campaign import (
    PAUSED_OUTSIDE,
    Applied,
    Apply,
    LaunchCampaign,
    Launched,
    LiveCampaignInput,
    PauseAndSettle,
    Paused,
)
from gaelp.platforms.protocol import AdPlatform, OutcomeUnknown, PlatformError


class Campaigns:
    """Holds ad credentials through `open_platform`."""

    def __init__(
        self,
        ledger: Ledger,
        inputs: Inputs,
        open_platform: Callable[[Account], AdPlatform],
        wait: Callable[[float], None] = clock.sleep,
        now: Callable[[], datetime] = wall_clock,
    ) -> None:
        self._ledger = ledger
        self._locating = Locating(ledger, wait)
        self._claiming = Claiming(ledger, inputs, self._locating, wait, now)
        self._settling = Settling(ledger)
        self._watching = Watching(ledger)
        self._wanted = WantedSettings(inputs)
        self._inputs = inputs
        self._open_platform = open_platform
        self._known: dict[str, Account] = {}

    # ------------------------------------------------------------ launch

    @activity.defn(no_thread_cancel_exception=True)
    def launch(self, launch: LaunchCampaign) -> Launched:
        """Check the creatives, reserve the first day, create the campaign paused, read it back."""
        campaign, at = launch.campaign, launch.at
        check_sender(campaign.name, f"the launch of {campaign.name}")
        config = self._inputs.config(campaign.context.config_digest)
        creatives = self._claiming.creatives(campaign)
        refused = refused_creatives(creatives, config.safety)
        if refused:
            return Launched(launched=False, reason=refused)
        account = self._account(campaign)
        platform = self._open_platform(account)
        reserved = self._claiming.reserve(campaign, account, at)
        if not reserved.granted:
            return Launched(launched=False, reason=reserved.reason)
        spec = self._wanted.at_creation(campaign, creatives, account)
        try:
            self._claiming.create_once(campaign, at, platform, spec, lambda: platform.create_paused(spec, at))
        except ClaimRefused as error:
            return Launched(launched=False, reason=str(error))
        state = self._locating.read_back(platform, campaign)
        if not self._ledger.written_settings(campaign.name):  # where a workflow is reset, what we wrote since counts
            self._ledger.settings_written(as_asked(spec, state), at)
        if state.enabled:
            self._pause(campaign, platform, state, at)
            raise PlatformError(f"{spec.external_name} was created enabled; it is paused now", permanent=True)
        # Whoever has the name may be somebody else's: what differs from what we asked for is not signed.
        changed = self._watching.compare(campaign, account, state, at)
        return Launched(launched=not changed, reason=changed)

    # ------------------------------------------------------------ apply

    @activity.defn(no_thread_cancel_exception=True)
    def apply(self, apply: Apply) -> Applied:
        """Reserve the day, write the clamped decision, renew the lease, enable, read back."""
        check_sender(apply.campaign.name, f"a decision of {apply.campaign.name}")
        self._wanted.check_decided(apply.campaign, apply.decision_digest)
        campaign, at = self._within_held(apply.campaign), apply.at
        account = self._ledger.account(campaign.context.account)
        reserved = self._claiming.reserve(campaign, account, at)
        if not reserved.granted:
            return self._refused(apply, account, reserved.reason)
        platform = self._open_platform(account)
        before = self._locating.read_back(platform, campaign)
        if changed := self._changed(campaign, account, before, at):
            return changed
        if before.daily_budget_micros > campaign.progress.daily_budget_micros:
            reserved = self._claiming.reserve(campaign, account, at, before.daily_budget_micros)
            if not reserved.granted:
                return self._refused(apply, account, reserved.reason)
        wanted = self._wanted.by_decision(campaign, before, apply.decision_digest, account)
        ours = wanted.model_copy(update={"external_name": campaign.name})
        self._ledger.settings_begun(ours, at)
        try:
            self._write(campaign, platform, before, wanted, at)
        except ClaimRefused as error:
            return self._refused(apply, account, str(error))
        after = self._locating.read_back(platform, campaign)
        if after != wanted:
            raise OutcomeUnknown(f"{campaign.name} does not read back as it was written")
        clamped = self._wanted.clamped(apply.decision_digest, account)
        self._ledger.settings_written(ours, at, decision_made(campaign, account, applied=True, near_miss=clamped))
        if self._claiming.void(campaign):
            # A stop came while we wrote: what we touched must not stay enabled.
            platform.pause(account.account, after.platform_id, at)
            self._ledger.settings_paused(campaign.name, at)
            return Applied(applied=False, halt="it was stopped while this was written")
        return Applied(applied=True)

    def _within_held(self, campaign: LiveCampaignInput) -> LiveCampaignInput:
        """The campaign with what monitoring leaves it by the ledger, whatever an observation says; raises NotNow."""
        held = held_back(self._ledger.monitoring_steps(campaign.name))
        if held is not None and held.paused:
            raise NotNow(f"monitoring has paused {campaign.name}: the next reading says so")
        progress = campaign.progress.model_copy(update={"held": held})
        return within_held(campaign.model_copy(update={"progress": progress}))

    def _refused(self, apply: Apply, account: Account, reason: str) -> Applied:
        """A decision that the ledger did not let through, which it remembers of a campaign that was ever reserved.

        Before that anybody can start a workflow under the campaign's id.
        """
        made = decision_made(apply.campaign, account, applied=False, near_miss=True)
        if self._ledger.reservations(account.account, campaign=made.campaign):
            self._ledger.keep_decision(made, apply.at)
        return Applied(applied=False, halt=reason)

    def _changed(
        self, campaign: LiveCampaignInput, account: Account, read: CampaignState, at: datetime
    ) -> Applied | None:
        """What somebody else did since the observation, where nothing may be written after it."""
        if not self._ledger.written_settings(campaign.name):
            never = "it was never launched, so that nobody has compared it with what was asked for"
            return Applied(applied=False, halt=never)
        raised = self._watching.compare(campaign, account, read, at)
        paused = not read.enabled and not self._ledger.judge_enabling(campaign.name).granted
        if not (raised or paused):
            return None
        return Applied(applied=False, halt=raised or PAUSED_OUTSIDE, stop_account=bool(raised))

    def _write(
        self,
        campaign: LiveCampaignInput,
        platform: AdPlatform,
        before: CampaignState,
        wanted: CampaignState,
        at: datetime,
    ) -> None:
        """A claim for the budget, where it changes, and one for all else; reading back tells what was made."""
        account, pid, budget = campaign.context.account, before.platform_id, wanted.daily_budget_micros
        doubtful = campaign.progress.uncertain or activity.info().attempt > 1

        def write_budget() -> None:
            if before.daily_budget_micros != budget:
                platform.set_budget(account, pid, budget, at)

        def write() -> None:
            if (before.bid_micros, before.creative_prob) != (wanted.bid_micros, wanted.creative_prob):
                platform.set_delivery(account, pid, wanted.bid_micros, wanted.creative_prob, at)
            if before.end_at != wanted.end_at:
                platform.set_end(account, pid, wanted.end_at, at)

        if before.daily_budget_micros != budget or doubtful:
            # By itself: what was answered is not written again because another setting's outcome is unknown.
            self._claiming.call_under_claim(
                campaign, Intent.BUDGET, at, lambda s: s.daily_budget_micros == budget, platform, write_budget
            )
        # Claimed even where nothing is left to write: an attempt that died between its writes and its claim's end
        # left the claim open, and reading back closes it.
        self._claiming.call_under_claim(
            campaign, Intent.APPLY, at, lambda state: same_but_enabled(state, wanted), platform, write
        )
        if not before.enabled or doubtful:
            # By itself and last: the ledger looks at the fence once more, in the very moment before.
            self._claiming.call_under_claim(
                campaign, Intent.ENABLE, at, lambda s: s.enabled, platform, lambda: platform.enable(account, pid, at)
            )

    # ------------------------------------------------------------ pause and settle

    @activity.defn(no_thread_cancel_exception=True)
    def pause_and_settle(self, pause: PauseAndSettle) -> Paused:
        """Pause (whatever the fence), read back, post; `final` closes every day whose cost is final."""
        campaign, at = pause.campaign, pause.at
        account = self._account(campaign)
        platform = self._open_platform(account)
        state = self._found_or_paused(platform, campaign, at)
        if state is None and not self._locating.may_exist(campaign):
            self._settling.settle_never_created(campaign, at)
            return Paused(final=True)
        if state is None:
            self._locating.record_unknown(campaign, at)
            return Paused(spend_micros=self._locating.spent_micros(campaign))
        if state.enabled:
            self._pause(campaign, platform, state, at)
        else:
            self._watching.note_pause(campaign, account, state, at)
        self._ledger.settings_paused(campaign.name, at)  # an enable of ours that comes late is not wanted any more
        report = platform.report(account.account, state.platform_id, at)
        self._watching.post_days(Watched.of(campaign, account), report, account)
        self._settling.close_claims(campaign, at)
        final = pause.final and self._settling.settle_days(campaign, account, report, at)
        spend = sum(max(d.cost_micros, d.served_micros) for d in report.days)
        return Paused(days=report.days, spend_micros=spend, final=final)

    def _found_or_paused(self, platform: AdPlatform, campaign: LiveCampaignInput, at: datetime) -> CampaignState | None:
        """The campaign; where it cannot be read or does not read back, its pause is tried all the same."""
        try:
            state = self._locating.find_created(platform, campaign)
        except PlatformError:
            self._pause_unread(platform, campaign, at)
            raise
        if state is None:
            self._pause_unread(platform, campaign, at)
        return state

    def _pause_unread(self, platform: AdPlatform, campaign: LiveCampaignInput, at: datetime) -> None:
        if platform_id := self._locating.platform_id(campaign):
            self._tell_pausing(campaign, at)
            with suppress(PlatformError):  # what failed before it, or the violation, says more
                platform.pause(campaign.context.account, platform_id, at)

    def _tell_pausing(self, campaign: LiveCampaignInput, at: datetime) -> None:
        """Whoever dies after the pause has not left one that is taken for somebody else's."""
        with suppress(LedgerUnavailable):
            self._ledger.settings_pausing(campaign.name, at)

    def _account(self, campaign: LiveCampaignInput) -> Account:
        """The account; the last one known where the ledger is gone, because pausing must not wait for it."""
        try:
            self._known[campaign.context.account] = self._ledger.account(campaign.context.account)
        except LedgerUnavailable:
            if campaign.context.account not in self._known:
                raise
        return self._known[campaign.context.account]

    def _pause(self, campaign: LiveCampaignInput, platform: AdPlatform, state: CampaignState, at: datetime) -> None:
        """Pause first and claim it after: a campaign must not stay enabled because the ledger cannot be reached."""
        self._tell_pausing(campaign, at)
        platform.pause(campaign.context.account, state.platform_id, at)
        after = self._locating.find(platform, campaign)
        if after is None or after.enabled:
            raise PlatformError(f"{campaign.name} still reads enabled after a pause", permanent=False)
        key = claim_key(campaign.name, campaign.progress.tick, Intent.PAUSE)
        self._ledger.claim(self._claiming.claim(campaign, key, Intent.PAUSE, None, at))
        self._ledger.resolve(key, "done", "paused, read back", at)
