"""LIVE: the days of a campaign by its account's calendar, and the keys of their reservations.

Touch this when a campaign's days are counted or named otherwise.
"""

from __future__ import annotations

from gaelp.domain.ad_accounts import Account
from gaelp.domain.ids import reservation_key
from gaelp.domain.spending.campaign_clock import AccountCalendar, CampaignClock
from gaelp.messages.live_campaign import LiveCampaignInput


def day_key(campaign: LiveCampaignInput, day_index: int) -> str:
    """Key of a campaign day's reservation; made of names only, so that a retry finds it."""
    return reservation_key(campaign.name, day_index)


def campaign_clock(campaign: LiveCampaignInput, account: Account) -> CampaignClock:
    """The campaign's time by the account's calendar."""
    return CampaignClock(AccountCalendar(account.timezone), campaign.ticks)
