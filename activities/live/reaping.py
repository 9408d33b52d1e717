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
from gaelp.domain.ids import duplicate_id, phase_of_campaign, run_of_campaign
from gaelp.domain.platform_records import CampaignState
from gaelp.domain.spending.campaign_records import LONGEST_TEXT
from gaelp.domain.spending.ledger_records import Severity, Violation
from gaelp.domain.spending.outside_changes import OutsideChange, outside_changes
from gaelp.ledger.background_calls import all_in_parallel
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import CreatedCampaign
from gaelp.messages.emergency_stop import shortened
from gaelp.messages.reaper import Reap, Reaped
from gaelp.platforms.protocol import AdPlatform, PlatformError


@dataclass(frozen=True)
class Wrong:
    """A campaign of ours that must not go on as it reads."""

    name: str  # ours
    state: CampaignState
    bare: bool  # enabled, and nothing covers it
    another: bool  # it has our campaign's name, and is not the one that we created
    raised: tuple[OutsideChange, ...]  # by which it may bill more than we wrote


ACCOUNTS_AT_ONCE = 8
ACCOUNT_SECONDS = 60.0  # an account that takes longer is left to the next look


class Reaping:
    """Holds ad credentials through `open_platform`."""

    def __init__(self, ledger: Ledger, open_platform: Callable[[Account], AdPlatform]) -> None:
        self._ledger = ledger
        self._watching = Watching(ledger)
        self._open_platform = open_platform

    @activity.defn(no_thread_cancel_exception=True)
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
        # Read, judge, and once more: what its own workflow paused, wrote or reserved in between is left alone.
        found = self._wrong(account, platform, created)
        if found:
            names = {wrong.name for wrong in found}
            found = self._wrong(account, platform, [each for each in created if each.campaign in names])
        return self._pause(account, platform, found, at)

    def _wrong(self, account: Account, platform: AdPlatform, created: Sequence[CreatedCampaign]) -> list[Wrong]:
        """What is enabled and not covered, and what somebody gave more to than we wrote."""
        unsettled = [each.campaign for each in created if each.unsettled]
        before = self._ledger.written_to(unsettled)
        read = _read(platform, account, created)
        ids = {each.campaign: each.platform_id for each in created}
        after = self._ledger.written_to(unsettled)
        enabled = {name for name, state in read if state.enabled}
        rulings = self._ledger.judge_enabled(account.account, enabled) if enabled else {}
        wrong = []
        for name, state in read:
            # What we wrote while the platform was read would be taken for somebody else's doing.
            written = before.get(name, ()) if before.get(name) == after.get(name) else ()
            raised = _raised(written, state, account)
            # What covers a campaign covers none that merely has its name.
            another = ids[name] not in ("", state.platform_id)
            bare = state.enabled and (another or not rulings[name].granted)
            if bare or raised or another:
                wrong.append(Wrong(name, state, bare, another, raised))
        return wrong

    def _pause(self, account: Account, platform: AdPlatform, found: Sequence[Wrong], at: datetime) -> Reaped:
        trouble: list[str] = []
        enabled = [wrong for wrong in found if wrong.state.enabled]
        for wrong in enabled:
            try:
                platform.pause(account.account, wrong.state.platform_id, None)
            except PlatformError as error:  # the read-back shows whether it took effect; the next look tries again
                trouble.append(f"account {account.account}: pausing {wrong.name} failed: {error}")
        for wrong in found:  # after every pause: a ledger that cannot be written must delay none
            if wrong.bare:
                self._ledger.record_violation(_violation(account, wrong.name, at))
            if wrong.another:
                self._count_another(account, platform, wrong)
            else:
                self._count(account, platform, wrong, at)
                self._ledger.settings_paused(wrong.name, at)
        left = {c.platform_id for c in platform.campaigns(account.account) if c.enabled} if enabled else set()
        still = tuple(dict.fromkeys(wrong.name for wrong in enabled if wrong.state.platform_id in left))
        paused = tuple(dict.fromkeys(wrong.name for wrong in enabled))
        return Reaped(paused=paused, still_enabled=still, trouble=tuple(trouble))

    def _count(self, account: Account, platform: AdPlatform, wrong: Wrong, look: datetime) -> None:
        """Count what the campaign was billed, and may be by what raises it, as of where the platform has come."""
        days = self._ledger.reservations(account.account, campaign=wrong.name)
        if not days:
            return  # it was never reserved, so nothing of it was ever written either
        watched = Watched.by_ledger(days[-1])
        try:
            report = platform.report(account.account, wrong.state.platform_id, None)
        except PlatformError:
            report = None  # it counts all the same
        at = look if report is None else report.at
        self._watching.record(watched, account, wrong.state, wrong.raised, at)
        if report is not None:
            self._watching.post_days(watched, report, account)

    def _count_another(self, account: Account, platform: AdPlatform, wrong: Wrong) -> None:
        """Count in full what a campaign was billed that has the name of ours; no day of it was ever reserved."""
        days = self._ledger.reservations(account.account, campaign=wrong.name)
        try:
            report = platform.report(account.account, wrong.state.platform_id, None)
        except PlatformError:
            return  # it stays on the platform, and the next look asks again
        billed = [day for day in report.days if day.cost_micros or day.served_micros]
        if not (days and billed):
            return
        name = duplicate_id(wrong.name, wrong.state.platform_id)
        watched = Watched(name, account.account, days[-1].request_id, min(day.day for day in billed))
        self._watching.post_days(watched, report.model_copy(update={"days": tuple(billed)}), account)


def _read(
    platform: AdPlatform, account: Account, created: Iterable[CreatedCampaign]
) -> list[tuple[str, CampaignState]]:
    """Our name and the state of what is ours: found by platform id first, because a name can be changed.

    One name may stand here twice: a campaign that was renamed, and another that now has its name.
    """
    by_id = {campaign.platform_id: campaign.campaign for campaign in created if campaign.platform_id}
    names = {campaign.campaign for campaign in created}
    return [
        (by_id.get(state.platform_id, state.external_name), state)
        for state in platform.campaigns(account.account)
        if state.platform_id in by_id or state.external_name in names
    ]


def _raised(written: Sequence[CampaignState], state: CampaignState, account: Account) -> tuple[OutsideChange, ...]:
    """What differs from what we wrote to this very campaign, where more may be billed by it."""
    if not written or written[0].platform_id != state.platform_id:
        return ()
    changes = outside_changes(written, state, account.currency)
    return changes if any(change.raises for change in changes) else ()


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
