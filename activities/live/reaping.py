"""STOP: pauses campaigns of ours that are enabled without an open, approved reservation: late calls, orphans.

It reads states only and pauses without an instant, so it moves no emulator's clock, and it touches nothing that the
ledger did not create. Touch this to change what happens to such a campaign; which ones they are is a rule of the
ledger (gaelp/ledger/rules/coverage_rules.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from temporalio import activity

from gaelp.domain.ad_accounts import Account
from gaelp.domain.ids import phase_of_campaign, run_of_campaign
from gaelp.domain.platform_records import CampaignState
from gaelp.domain.spending.campaign_records import LONGEST_TEXT
from gaelp.domain.spending.ledger_records import Severity, Violation
from gaelp.ledger.background_calls import all_in_parallel
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import CreatedCampaign
from gaelp.messages.emergency_stop import shortened
from gaelp.messages.reaper import Reap, Reaped
from gaelp.platforms.protocol import AdPlatform, PlatformError

ACCOUNTS_AT_ONCE = 8
ACCOUNT_SECONDS = 60.0  # an account that takes longer is left to the next look


class Reaping:
    """Holds ad credentials through `open_platform`."""

    def __init__(self, ledger: Ledger, open_platform: Callable[[Account], AdPlatform]) -> None:
        self._ledger = ledger
        self._open_platform = open_platform

    @activity.defn
    def reap(self, reap: Reap) -> Reaped:
        """Look at every account once, several at a time; one that cannot be looked at holds up no other."""
        looks: list[Reaped] = []
        accounts = self._ledger.accounts()
        calls = [partial(self._look, account, reap.at, looks) for account in accounts]
        all_in_parallel(calls, ACCOUNTS_AT_ONCE, ACCOUNT_SECONDS * -(-len(calls) // ACCOUNTS_AT_ONCE))
        found = tuple(looks)
        late = len(accounts) - len(found)
        return Reaped(
            paused=shortened(tuple(name for look in found for name in look.paused)),
            still_enabled=shortened(tuple(name for look in found for name in look.still_enabled)),
            trouble=(
                *shortened(tuple(text[:LONGEST_TEXT] for look in found for text in look.trouble)),
                *([f"{late} accounts did not answer in time"] if late else []),
            ),
        )

    def _look(self, account: Account, at: datetime, looks: list[Reaped]) -> None:
        try:
            looks.append(self._reap(account, at))
        except Exception as error:  # whatever one account's platform raises, the other accounts are looked at
            looks.append(Reaped(trouble=(f"account {account.account}: {error}",)))

    def _reap(self, account: Account, at: datetime) -> Reaped:
        created = self._ledger.created_campaigns(account.account, True)
        if not created:
            return Reaped()
        platform = self._open_platform(account)
        # Read, judge, and once more: what its own workflow paused, or reserved a day for, in between is left alone.
        orphans = self._uncovered(account, _enabled(platform, account, created))
        if orphans:
            orphans = self._uncovered(account, _enabled(platform, account, created))
        return self._pause(account, platform, orphans, at)

    def _uncovered(self, account: Account, enabled: dict[str, CampaignState]) -> dict[str, CampaignState]:
        """Of the enabled ones, those that the ledger does not cover."""
        rulings = self._ledger.judge_enabled(account.account, enabled) if enabled else {}
        return {name: state for name, state in enabled.items() if not rulings[name].granted}

    def _pause(self, account: Account, platform: AdPlatform, orphans: dict[str, CampaignState], at: datetime) -> Reaped:
        trouble: list[str] = []
        for name, state in orphans.items():
            try:
                platform.pause(account.account, state.platform_id, None)
            except PlatformError as error:  # the read-back shows whether it took effect; the next look tries again
                trouble.append(f"account {account.account}: pausing {name} failed: {error}")
        for name in orphans:  # after every pause: a ledger that cannot be written must delay none
            self._ledger.record_violation(_violation(account, name, at))
        left = {c.platform_id for c in platform.campaigns(account.account) if c.enabled} if orphans else set()
        still = tuple(name for name, state in orphans.items() if state.platform_id in left)
        return Reaped(paused=tuple(orphans), still_enabled=still, trouble=tuple(trouble))


def _enabled(platform: AdPlatform, account: Account, created: Iterable[CreatedCampaign]) -> dict[str, CampaignState]:
    """Our name -> state of what is ours and enabled: found by platform id first, because a name can be changed."""
    by_id = {campaign.platform_id: campaign.campaign for campaign in created if campaign.platform_id}
    names = {campaign.campaign for campaign in created}
    found = {}
    for state in platform.campaigns(account.account):
        name = by_id.get(state.platform_id, state.external_name)
        if state.enabled and (state.platform_id in by_id or name in names):
            found[name] = state
    return found


def _violation(account: Account, campaign: str, at: datetime) -> Violation:
    return Violation(
        id=f"{campaign}/enabled-without-reservation-{at.isoformat()}",
        account=account.account,
        run=run_of_campaign(campaign),
        phase=phase_of_campaign(campaign),
        campaign=campaign,
        kind="enabled-without-reservation",
        severity=Severity.CRITICAL,
        evidence=f"{campaign} was enabled without an open, approved reservation, and the reaper paused it",
        at=at,
    )
