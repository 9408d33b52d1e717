"""LIVE: closes the claims and the reserved days of a campaign that was paused.

It calls no platform: Campaigns has paused, read back and fetched the report before. Touch this with docs/money.md in
hand.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from activities.live.campaign_days import campaign_clock
from gaelp.domain.ad_accounts import Account
from gaelp.domain.platform_records import CampaignReport, DayReport
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.rules.spend_rules import reports_less
from gaelp.ledger.stored_records import Reservation
from gaelp.messages.live_campaign import LiveCampaignInput

ONE_DAY = timedelta(days=1)


class Settling:
    """Closes claims and reservations of one campaign at a time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def close_claims(self, campaign: LiveCampaignInput, at: datetime) -> None:
        """Resolve what an attempt that died left open: it cannot spend, as the campaign was read back as paused."""
        for claim in self._ledger.unresolved_claims(campaign.context.account):
            if claim.campaign == campaign.name:
                self._ledger.resolve(claim.key, "done", "read back as paused", at)

    def settle_never_created(self, campaign: LiveCampaignInput, at: datetime) -> None:
        """Settle at no cost what was reserved for a campaign whose creation was never claimed, or surely failed."""
        for reservation in self._ledger.reservations(campaign.context.account, campaign=campaign.name):
            if reservation.state != "settled":
                self._ledger.settle(reservation.key, 0, at)

    def settle_days(self, campaign: LiveCampaignInput, account: Account, report: CampaignReport, at: datetime) -> bool:
        """Settle the days whose cost is final; the others stay reserved in full. True where no day is left open.

        A day that the platform does not list although its report is complete had no delivery, and cost nothing. The
        gate reads the days in the ledger, because anybody who reaches Temporal can answer in this activity's place.
        """
        self._ledger.keep_days(account.account, campaign.name, report.days, report.at)
        clock = campaign_clock(campaign, account)
        # By its day: a key depends on the start that the caller gives. No day is final while it goes on.
        final = {d.day: d for d in report.days if d.final and report.at >= clock.calendar.midnight(d.day + ONE_DAY)}
        all_settled = True
        for reservation in self._ledger.reservations(campaign.context.account, campaign=campaign.name):
            if reservation.state == "settled":
                continue
            day = final.get(reservation.day)
            listed = any(d.day == reservation.day for d in report.days)
            if _reported_less(day, reservation):
                all_settled = False  # the platform is in an older state: what the day costs is not known
            elif day is not None:
                self._ledger.settle(reservation.key, day.cost_micros, at)
            elif not listed and report.at >= clock.calendar.books_close(reservation.day):
                self._ledger.settle(reservation.key, 0, at)
            else:
                all_settled = False
        return all_settled


def _reported_less(day: DayReport | None, reservation: Reservation) -> bool:
    """Whether the final report of a day, or its absence, says less than what was posted for it."""
    billed, served = (0, 0) if day is None else (day.cost_micros, day.served_micros)
    return reports_less(reservation, billed, served, final=day is not None)
