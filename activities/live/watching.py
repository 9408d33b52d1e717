"""LIVE: compares what the platform reads with what we wrote and reserved, and records what is not our doing.

It calls no platform. A campaign's own calls and the reaper compare by it. Touch this when something else of a campaign
is watched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from activities.live.campaign_days import campaign_clock
from gaelp.domain.ad_accounts import Account
from gaelp.domain.billing.billing_rules import worst_day_micros
from gaelp.domain.ids import index_of_key, phase_of_campaign, reservation_key, run_of_campaign
from gaelp.domain.platform_records import CampaignReport, CampaignState
from gaelp.domain.spending.campaign_clock import AccountCalendar
from gaelp.domain.spending.ledger_records import OUTSIDE_PAUSE, FoundExposure, Severity, Violation
from gaelp.domain.spending.outside_changes import OutsideChange, days_that_may_bill, outside_changes
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import Reservation
from gaelp.messages.live_campaign import LiveCampaignInput


@dataclass(frozen=True)
class Watched:
    """A campaign as it is watched: its name and account, the approval it spends under, and its first day.

    The ledger's own key of a day is taken before one by `first_day`, which comes from whoever asks.
    """

    name: str
    account: str
    request_id: str
    first_day: date

    @classmethod
    def of(cls, campaign: LiveCampaignInput, account: Account) -> Watched:
        """The campaign of a call."""
        return cls(
            campaign.name, account.account, campaign.order.request_id, campaign_clock(campaign, account).first_day
        )

    @classmethod
    def by_ledger(cls, last: Reservation) -> Watched:
        """The campaign of a reservation."""
        return cls(last.campaign, last.account, last.request_id, last.day - timedelta(days=index_of_key(last.key)))


class Watching:
    """Writes to the ledger only: what was found counts, and where more may be billed the account's fence rises."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def compare(self, campaign: LiveCampaignInput, account: Account, state: CampaignState, at: datetime) -> str:
        """Record what reads otherwise than we wrote it; why the campaign must halt where more may be billed by it."""
        self.note_pause(campaign, account, state, at)
        written = self._ledger.written_settings(campaign.name)
        changes = outside_changes(written, state, account.currency) if written else ()
        changes = tuple(change for change in changes if not change.lowers)
        return self.record(Watched.of(campaign, account), account, state, changes, at)

    def note_pause(self, campaign: LiveCampaignInput, account: Account, state: CampaignState, at: datetime) -> None:
        """Record a pause that is neither ours nor a stop's: the ledger grants no enabling any more.

        What the caller believes of it does not count, nor does the approval that the caller names: anybody may start an
        activity by hand.
        """
        if state.enabled:
            return
        written = self._ledger.written_settings(campaign.name)
        changes = outside_changes(written, state, account.currency) if written else ()
        lowered = [change for change in changes if change.lowers]
        if lowered and not self._stopped(campaign, account):
            watched, kept = Watched.of(campaign, account), f"{campaign.name}/{OUTSIDE_PAUSE}-{at.isoformat()}"
            evidence = lowered[0].sentence
            violation = _violation(watched, kept, OUTSIDE_PAUSE, Severity.MEDIUM, evidence, at)
            self._ledger.record_outside_pause(violation)

    def _stopped(self, campaign: LiveCampaignInput, account: Account) -> bool:
        """Whether a stop came since the approval under which the campaign was last reserved."""
        days = self._ledger.reservations(account.account, campaign=campaign.name)
        return bool(days) and not self._ledger.judge_no_stop(days[-1].request_id).granted

    def record(
        self,
        watched: Watched,
        account: Account,
        state: CampaignState,
        changes: Sequence[OutsideChange],
        at: datetime,
    ) -> str:
        """The same of changes that were found before."""
        if not changes:
            return ""
        evidence = "; ".join(change.sentence for change in changes)
        # Once for each approval: a person may have cleared the first and approved again.
        seen = f"{watched.request_id} {evidence}" if any(change.raises for change in changes) else evidence
        kept = f"{watched.name}/changed-outside-{hashlib.sha256(seen.encode()).hexdigest()[:12]}"
        violation = _violation(watched, kept, "changed-outside", Severity.HIGH, evidence, at)
        if not any(change.raises for change in changes):
            self._ledger.record_violation(violation)
            return ""
        self._ledger.record_exposure(violation, self._billable(watched, account, state, at))
        return f"changed on the platform and not by us: {evidence}"

    def _billable(
        self, watched: Watched, account: Account, state: CampaignState, at: datetime
    ) -> tuple[FoundExposure, ...]:
        """What the days may be billed on which a change may have been in force, by the highest budget that is known."""
        written = self._ledger.written_settings(watched.name)
        highest = max(state.daily_budget_micros, *(each.daily_budget_micros for each in written))
        worst = worst_day_micros(account.platform, highest, account.currency)
        booked = {each.day: each for each in self._ledger.reservations(watched.account, campaign=watched.name)}
        days = days_that_may_bill(booked, AccountCalendar(account.timezone).day_of(at))
        return tuple(_found(watched, booked, day, worst, at) for day in days)

    def post_days(self, watched: Watched, report: CampaignReport, account: Account) -> str:
        """Post what each day was billed and served so far to the ledger; a reason to halt where it is too much.

        A day that was reported before and is not reported any more is posted at nothing, so that the ledger notices.
        """
        halt = ""
        booked = {each.day: each for each in self._ledger.reservations(watched.account, campaign=watched.name)}
        reported = {each.day: each for each in report.days}
        for date_ in sorted({*reported, *booked}):
            day, reserved = reported.get(date_), booked.get(date_)
            spend = (day.cost_micros, day.served_micros) if day is not None else (0, 0)
            posted = (reserved.billed_micros, reserved.served_micros) if reserved is not None else (0, 0)
            if day is not None and day.final:  # a credit: what was served and is waived was seen all the same
                spend = (day.cost_micros, max(day.served_micros, posted[1]))
            over = reserved is not None and max(spend) > reserved.worst_case_micros
            key = _key(watched, booked, date_)
            if spend != posted:  # amounts are absolute, so what the ledger has already need not be written again
                if reserved is None and day is not None:
                    over = self._unreserved(_found(watched, booked, day.day, max(spend), report.at), watched)
                over = self._ledger.post(key, *spend, report.at).over or over
            if over:
                halt = f"the platform reports more than was reserved for {key}; the account is stopped"
        return halt

    def _unreserved(self, found: FoundExposure, watched: Watched) -> bool:
        """Count spend of a day that was never reserved, as a critical violation."""
        micros, day = found.worst_case_micros, found.day.isoformat()
        evidence = f"the platform reports {micros} micros for {day}, and nothing was reserved for that day"
        name = f"{found.key}/unreserved-spend"
        violation = _violation(watched, name, "unreserved-spend", Severity.CRITICAL, evidence, found.at)
        self._ledger.record_exposure(violation, (found,))
        return True


def _key(watched: Watched, booked: dict[date, Reservation], day: date) -> str:
    """The ledger's own key; of a day that was never reserved, counted from where the ledger has the campaign begin."""
    if day in booked:
        return booked[day].key
    begun = (each - timedelta(days=index_of_key(reserved.key)) for each, reserved in booked.items())
    return reservation_key(watched.name, (day - next(begun, watched.first_day)).days)


def _found(watched: Watched, booked: dict[date, Reservation], day: date, micros: int, at: datetime) -> FoundExposure:
    return FoundExposure(
        key=_key(watched, booked, day), account=watched.account, run=run_of_campaign(watched.name),
        phase=phase_of_campaign(watched.name), campaign=watched.name, day=day, worst_case_micros=micros,
        request_id=watched.request_id, at=at,
    )  # fmt: skip


def _violation(watched: Watched, id: str, kind: str, severity: Severity, evidence: str, at: datetime) -> Violation:
    return Violation(
        id=id, account=watched.account, run=run_of_campaign(watched.name), phase=phase_of_campaign(watched.name),
        campaign=watched.name, kind=kind, severity=severity, evidence=evidence, at=at,
    )  # fmt: skip
