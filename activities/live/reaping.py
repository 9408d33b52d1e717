"""STOP: pauses campaigns of ours that are enabled without an open, approved reservation, or given more than we wrote.

So it finds late calls, orphans, and what somebody raised by hand where no workflow looks any more. It reads and pauses
without an instant, so it moves no emulator's clock, and it touches nothing that the ledger did not create. Touch this
to change what happens to such a campaign; which ones they are is said by the rules in
gaelp/ledger/rules/coverage_rules.py and gaelp/domain/spending/outside_changes.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from temporalio import activity

from activities.live.watching import Watched, Watching
from gaelp.domain.ad_accounts import Account
from gaelp.domain.ids import phase_of_campaign, run_of_campaign
from gaelp.domain.platform_records import CampaignState
from gaelp.domain.spending.ledger_records import Severity, Violation
from gaelp.domain.spending.outside_changes import OutsideChange, outside_changes
from gaelp.ledger.background_calls import all_in_parallel
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import CreatedCampaign
from gaelp.messages.reaper import Reap, Reaped
from gaelp.platforms.protocol import AdPlatform, PlatformError


@dataclass(frozen=True)
class Wrong:
    """A campaign of ours that must not go on as it reads."""

    state: CampaignState
    bare: bool  # enabled, and nothing covers it
    raised: tuple[OutsideChange, ...]  # by which it may bill more than we wrote


ACCOUNTS_AT_ONCE = 8
ACCOUNT_SECONDS = 60.0  # an account that takes longer is left to the next look


class Reaping:
    """Holds ad credentials through `open_platform`."""

    def __init__(self, ledger: Ledger, open_platform: Callable[[Account], AdPlatform]) -> None:
        self._ledger = ledger
        self._watching = Watching(ledger)
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
            paused=tuple(name for look in found for name in look.paused),
            still_enabled=tuple(name for look in found for name in look.still_enabled),
            trouble=(
                *(text for look in found for text in look.trouble),
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
        # Read, judge, and once more: what its own workflow paused, wrote or reserved in between is left alone.
        found = self._wrong(account, platform, created)
        if found:
            found = self._wrong(account, platform, [each for each in created if each.campaign in found])
        return self._pause(account, platform, found, at)

    def _wrong(self, account: Account, platform: AdPlatform, created: Sequence[CreatedCampaign]) -> dict[str, Wrong]:
        """What is enabled and not covered, and what somebody gave more to than we wrote, by our name."""
        unsettled = [each.campaign for each in created if each.unsettled]
        before = self._ledger.written_to(unsettled)
        read = _read(platform, account, created)
        after = self._ledger.written_to(unsettled)
        enabled = [name for name, state in read.items() if state.enabled]
        rulings = self._ledger.judge_enabled(account.account, enabled) if enabled else {}
        wrong = {}
        for name, state in read.items():
            # What we wrote while the platform was read would be taken for somebody else's doing.
            written = before.get(name, ()) if before.get(name) == after.get(name) else ()
            changes = outside_changes(written, state, account.currency) if written else ()
            raised = changes if any(change.raises for change in changes) else ()
            bare = state.enabled and not rulings[name].granted
            if bare or raised:
                wrong[name] = Wrong(state, bare, raised)
        return wrong

    def _pause(self, account: Account, platform: AdPlatform, found: dict[str, Wrong], at: datetime) -> Reaped:
        trouble: list[str] = []
        enabled = {name: wrong.state for name, wrong in found.items() if wrong.state.enabled}
        for name, state in enabled.items():
            try:
                platform.pause(account.account, state.platform_id, None)
            except PlatformError as error:  # the read-back shows whether it took effect; the next look tries again
                trouble.append(f"account {account.account}: pausing {name} failed: {error}")
        for name, wrong in found.items():  # after every pause: a ledger that cannot be written must delay none
            if wrong.bare:
                self._ledger.record_violation(_violation(account, name, at))
            if wrong.raised:
                self._record_raised(account, platform, name, wrong, at)
            self._ledger.settings_paused(name, at)
        left = {c.platform_id for c in platform.campaigns(account.account) if c.enabled} if enabled else set()
        still = tuple(name for name, state in enabled.items() if state.platform_id in left)
        return Reaped(paused=tuple(enabled), still_enabled=still, trouble=tuple(trouble))

    def _record_raised(self, account: Account, platform: AdPlatform, name: str, wrong: Wrong, look: datetime) -> None:
        """Count what the campaign may be billed by it, as of the instant that the platform has reached."""
        days = self._ledger.reservations(account.account, campaign=name)
        if not days:
            return  # it was never reserved, so nothing of it was ever written either
        watched = Watched.by_ledger(days[-1])
        try:
            report = platform.report(account.account, wrong.state.platform_id, None)
        except PlatformError:
            report = None  # it counts all the same
        self._watching.record(watched, account, wrong.state, wrong.raised, look if report is None else report.at)
        if report is not None:
            self._watching.post_days(watched, report, account)


def _read(platform: AdPlatform, account: Account, created: Iterable[CreatedCampaign]) -> dict[str, CampaignState]:
    """Our name -> state of what is ours: found by platform id first, because a name can be changed."""
    by_id = {campaign.platform_id: campaign.campaign for campaign in created if campaign.platform_id}
    names = {campaign.campaign for campaign in created}
    found = {}
    for state in platform.campaigns(account.account):
        name = by_id.get(state.platform_id, state.external_name)
        if state.platform_id in by_id or name in names:
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
