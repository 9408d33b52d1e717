"""Bounds that are stated in US dollars, in the currency of an ad account, by the dated rate in the account's record.

A live test is small and a bid is bounded whatever the currency is; the rate is the owner's to record, never a guess.
Touch this to change a bound or how old a rate may be.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from gaelp.domain.ad_accounts import Account
from gaelp.errors import GaelpError
from gaelp.money import MICROS_PER_UNIT, exact_money, rounded_down, rounded_up

LEAST_CAP, MOST_CAP = 10, 50  # dollars that a live test may be billed on one day
HIGHEST_BID = 200  # dollars for a thousand impressions: no bid of ours is above it, whatever an agent says
RATE_DAYS = 31  # a rate that is older says too little
ADD_RATE = (
    "its owner records one with `starter.py accounts add`: --usd-rate UNITS --usd-rate-date DAY --usd-rate-source WHO"
)


class NoDollarRate(GaelpError, ValueError):
    """An account in another currency than dollars has no rate, or an old one, so bounds in dollars say nothing."""

    permanent = True


class OutsideDollarBounds(GaelpError, ValueError):
    """A live test would be larger or smaller than its bounds allow."""

    permanent = True


def units_per_dollar(account: Account) -> Fraction:
    """How many units of the account's currency a dollar is, by its record; raises NoDollarRate."""
    if account.currency == "USD":
        return Fraction(1)
    if account.dollar_rate is None:
        raise NoDollarRate(
            f"account {account.account} is in {account.currency} and has no rate to the dollar: {ADD_RATE}"
        )
    return Fraction(account.dollar_rate.units_per_dollar)


def check_rate(account: Account, today: date) -> None:
    """Raise NoDollarRate where the account's rate is missing, too old or of a day to come."""
    units_per_dollar(account)
    rate = account.dollar_rate
    if rate is None:
        return
    age = (today - rate.day).days
    if age > RATE_DAYS:
        raise NoDollarRate(
            f"the rate of account {account.account} to the dollar is of {rate.day.isoformat()}, more than {RATE_DAYS} "
            f"days old: {ADD_RATE}"
        )
    if age < -1:  # it may be tomorrow where the owner is
        raise NoDollarRate(
            f"the rate of account {account.account} to the dollar is of {rate.day.isoformat()}, which is to come: "
            f"{ADD_RATE}"
        )


def check_daily_cap(cap_micros: int, account: Account, today: date) -> None:
    """Raise NoDollarRate or OutsideDollarBounds where a live test may not have this daily cap on the account."""
    check_rate(account, today)
    reason = outside_cap_bounds(cap_micros, account.currency, units_per_dollar(account))
    if reason:
        rate = account.dollar_rate
        by = f" by the rate of {rate.day.isoformat()} ({rate.source})" if rate else ""
        raise OutsideDollarBounds(f"live_test.daily_cap {reason}{by}")


def outside_cap_bounds(cap_micros: int, currency: str, per_dollar: Fraction) -> str:
    """Why a live test may not have this daily cap; empty where it may."""
    least, most = LEAST_CAP * per_dollar * MICROS_PER_UNIT, MOST_CAP * per_dollar * MICROS_PER_UNIT
    if least <= cap_micros <= most:
        return ""
    low, high = exact_money(rounded_up(least, currency), currency), exact_money(rounded_down(most, currency), currency)
    dollars = "" if currency == "USD" else f", which are {LEAST_CAP} to {MOST_CAP} US dollars"
    return f"is {exact_money(cap_micros, currency)}, and a live test may cost {low} to {high} a day{dollars}"


def highest_bid_micros(account: Account) -> int:
    """The highest bid of ours on the account, in micros per thousand impressions; raises NoDollarRate."""
    return rounded_down(HIGHEST_BID * units_per_dollar(account) * MICROS_PER_UNIT, account.currency)
