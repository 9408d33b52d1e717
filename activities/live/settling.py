"""The end of a campaign's money: what was posted is closed, day by day. Touch this with docs/money.md in hand.

Calls no platform: Campaigns has paused, read back and fetched the report before it comes here.
"""

from __future__ import annotations

from datetime import datetime

from activities.live.observations import campaign_clock, day_key
from gaelp.domain.ad_accounts import Account
from gaelp.domain.platform_records import CampaignReport
from gaelp.ledger.ledger import Ledger
from gaelp.messages.live_campaign import CampaignInput


class Settling:
    """Closes claims and reservations of one campaign at a time."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def close_claims(self, campaign: CampaignInput, at: datetime) -> None:
        """What an attempt that died had begun has ended, and cannot spend: the campaign was read back as paused."""
        for claim in self._ledger.unresolved_claims(campaign.account):
            if claim.campaign == campaign.plan.campaign:
                self._ledger.resolve(claim.key, "done", "read back as paused", at)

    def settle_unborn(self, campaign: CampaignInput, at: datetime) -> None:
        """Nothing was created, so what was reserved for it cost nothing; a create still open may yet appear."""
        if any(c.campaign == campaign.plan.campaign for c in self._ledger.unresolved_claims(campaign.account)):
            return
        for reservation in self._ledger.reservations(campaign.account, campaign.run):
            if reservation.campaign == campaign.plan.campaign and reservation.state != "settled":
                self._ledger.settle(reservation.key, 0, at)

    def settle_days(self, campaign: CampaignInput, account: Account, report: CampaignReport, at: datetime) -> bool:
        """Close what is final; a day whose books are still open stays reserved in full.

        A day that the platform does not list although its books are closed had no delivery, and cost nothing.
        """
        clock = campaign_clock(campaign, account)
        final = {day_key(campaign, clock.index_of(d.day)): d for d in report.days if d.final}
        everything = True
        for reservation in self._ledger.reservations(campaign.account, campaign.run):
            if reservation.campaign != campaign.plan.campaign or reservation.state == "settled":
                continue
            day = final.get(reservation.key)
            listed = any(d.day == reservation.day for d in report.days)
            if day is not None:
                self._ledger.settle(reservation.key, day.cost_micros, at)
            elif not listed and report.at > clock.calendar.books_close(reservation.day):
                self._ledger.settle(reservation.key, 0, at)
            else:
                everything = False
        return everything
