"""Bounds in dollars in other currencies: by the account's dated rate, and refused without one."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from gaelp.domain.ad_accounts import Account, AccountKind, DollarRate
from gaelp.domain.spending.dollar_bounds import (
    NoDollarRate,
    OutsideDollarBounds,
    check_daily_cap,
    check_rate,
    highest_bid_micros,
    units_per_dollar,
)

UNIT = 1_000_000
TODAY = date(2026, 11, 26)


def _account(currency: str, units: str = "", day: date = TODAY, source: str = "European Central Bank") -> Account:
    rate = DollarRate(units_per_dollar=Decimal(units), day=day, source=source) if units else None
    return Account(
        account="acme", kind=AccountKind.EMULATOR, platform="emulator", currency=currency, dollar_rate=rate,
        daily_cap_micros=1, total_cap_micros=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("account", "least", "most", "step"),
    [
        (_account("USD"), 10 * UNIT, 50 * UNIT, 10_000),
        (_account("JPY", "149.2"), 1492 * UNIT, 7460 * UNIT, UNIT),
        (_account("JPY", "149.25"), 1493 * UNIT, 7462 * UNIT, UNIT),  # 1,492.5 to 7,462.5
        (_account("KWD", "0.3071"), 3_071_000, 15_355_000, 1000),
    ],
)
def test_a_live_tests_cap_is_10_to_50_dollars_in_any_currency(
    account: Account, least: int, most: int, step: int
) -> None:
    """Both ends are allowed and a smallest unit beyond them is not."""
    for cap in (least, most):
        check_daily_cap(cap, account, TODAY)
    for cap in (least - step, most + step):
        with pytest.raises(OutsideDollarBounds, match="and a live test may cost"):
            check_daily_cap(cap, account, TODAY)


def test_the_refusal_says_the_bounds_in_the_accounts_currency_and_by_which_rate() -> None:
    """50 yen are a third of a dollar: the sentence gives the range, the rate's day and its source."""
    with pytest.raises(OutsideDollarBounds) as refusal:
        check_daily_cap(50 * UNIT, _account("JPY", "149.25"), TODAY)
    assert str(refusal.value) == (
        "live_test.daily_cap is 50 JPY, and a live test may cost 1,493 JPY to 7,462 JPY a day, which are 10 to 50 US "
        "dollars by the rate of 2026-11-26 (European Central Bank)"
    )
    with pytest.raises(OutsideDollarBounds) as refusal:
        check_daily_cap(5 * UNIT, _account("USD"), TODAY)
    assert (
        str(refusal.value) == "live_test.daily_cap is 5.00 USD, and a live test may cost 10.00 USD to 50.00 USD a day"
    )


def test_the_highest_bid_is_200_dollars_in_any_currency() -> None:
    """200 yen for a thousand impressions would buy nothing, and 200 dinars would be 650 dollars."""
    assert highest_bid_micros(_account("USD")) == 200 * UNIT
    assert highest_bid_micros(_account("JPY", "149.2")) == 29_840 * UNIT
    assert highest_bid_micros(_account("JPY", "149.203")) == 29_840 * UNIT
    assert highest_bid_micros(_account("KWD", "0.3071")) == 61_420_000


def test_a_missing_rate_is_refused() -> None:
    """Nothing is guessed: the sentence says who records the rate and how."""
    account = _account("JPY")
    for call in (
        lambda: check_daily_cap(5000 * UNIT, account, TODAY),
        lambda: check_rate(account, TODAY),
        lambda: highest_bid_micros(account),
        lambda: units_per_dollar(account),
    ):
        with pytest.raises(
            NoDollarRate, match=r"acme is in JPY and has no rate to the dollar: its owner .* --usd-rate"
        ):
            call()


@pytest.mark.parametrize(("age", "fits"), [(31, True), (32, False), (0, True), (-1, True), (-2, False)])
def test_a_rate_is_good_for_31_days(age: int, fits: bool) -> None:
    """An old rate, and one of a day to come, are refused; tomorrow may be today where the owner is."""
    account = _account("JPY", "149.2", TODAY - timedelta(days=age))
    if fits:
        check_daily_cap(5000 * UNIT, account, TODAY)
        return
    words = "more than 31 days old" if age > 0 else "which is to come"
    with pytest.raises(NoDollarRate, match=words):
        check_daily_cap(5000 * UNIT, account, TODAY)


def test_an_account_in_dollars_needs_no_rate() -> None:
    """A dollar is a dollar on every day."""
    assert units_per_dollar(_account("USD")) == 1
    check_rate(_account("USD"), TODAY)


@pytest.mark.parametrize("wrong", [{"units_per_dollar": 0}, {"units_per_dollar": -1}, {"source": ""}])
def test_a_rate_is_above_nothing_and_has_a_source(wrong: dict[str, object]) -> None:
    """A record without them cannot be made."""
    with pytest.raises(ValidationError):
        DollarRate.model_validate({"units_per_dollar": 1, "day": TODAY, "source": "x", **wrong})
