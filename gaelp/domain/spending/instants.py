"""Whether the instant that a call names is now. Touch this to let a call on a real account lag further behind.

An emulator has a clock of its own, which its calls move. A real platform bills by the wall clock, whatever instant a
message names, and anybody who reaches Temporal can write a message.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.spending.campaign_clock import AccountCalendar

CLOCKS_DIFFER = timedelta(minutes=1)  # how far the clocks of two of our machines may be apart


def instant_refusal(account: Account, at: datetime, now: datetime) -> str:
    """Why a call as of `at` may not be made `now`, by the caller's own clock; empty where it may.

    A day is what is reserved and leased, so a call must fall on the account's day of now.
    """
    calendar = AccountCalendar(account.timezone)
    today = {calendar.day_of(now), calendar.day_of(now + CLOCKS_DIFFER)}
    if account.kind is AccountKind.EMULATOR or calendar.day_of(at) in today:
        return ""
    return (
        f"a call as of {at.isoformat()} was asked for at {now.isoformat()}, and account {account.account} is a real "
        "one, which bills by the wall clock: nothing is done for another day than today"
    )
