"""The verb `accounts`: the owner's envelopes, and an emulator account's market. Touch this to let an owner set more."""

from __future__ import annotations

import argparse
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, WrongUse, money, table
from gaelp.domain.ad_accounts import Account, AccountKind, CallQuota, DollarRate
from gaelp.domain.ids import checked_name
from gaelp.domain.spending.approval_requests import most_in_all
from gaelp.money import UnknownCurrency, decimals_of, exact_money, micros, smallest_unit_micros

if TYPE_CHECKING:
    from gaelp.ledger.ledger import Ledger
    from gaelp.market.parameters import MarketParameters
    from gaelp.settings import Settings

LARGEST = Decimal(10**12)


def accounts(arguments: argparse.Namespace, out: Out) -> int:
    """List accounts, or enter one."""
    settings = connections.read_settings()
    if arguments.action == "add":
        account = _described(arguments)
        ledger = connections.open_ledger(settings)
        if arguments.four_eyes_above is None:
            account = _with_kept_four_eyes(account, ledger)
        if arguments.world_from:
            open_world(settings, account, arguments.world_from)
        ledger.put_account(account, by=connections.user_name())
        listed: tuple[Account, ...] = (ledger.account(account.account),)
    else:
        ledger = connections.open_ledger(settings)
        listed = ledger.accounts()
    _show(listed, ledger, out)
    return DONE


def amount(text: str, what: str, currency: str) -> int:
    """Units of a currency, at most as many decimals as it has, to integer micros. Raises WrongUse."""
    value = _number(text)
    if not value.is_finite() or not 0 < value <= LARGEST or value != round(value, decimals_of(currency)):
        smallest = exact_money(smallest_unit_micros(currency), currency)
        raise WrongUse(f"{what} {text!r} is not an amount such as 50, in steps of {smallest}")
    return micros(value)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def open_world(settings: Settings, account: Account, logs: list[str]) -> str:
    """Calibrate an emulator account's market on the whole of ingested logs and upload it; returns its digest."""
    from gaelp.configuration.loading import profile
    from gaelp.market.calibration.calibrate import calibrate
    from gaelp.records.logs.stored_logs import UnknownLog, load_calibrating

    connections.reach_emulator(settings)
    warehouse = connections.open_warehouse(settings)
    try:
        read = load_calibrating(warehouse, logs)
    finally:
        warehouse.close()
    if unable := [name for name in logs if name not in read]:
        raise UnknownLog(f"{' and '.join(unable)} calibrates no market: name bandit or market logs")
    config = profile("quick-test")
    # The share of a run is below 1 by rule: what it judges must be later. The emulator's world may know it all.
    whole = config.model_copy(update={"historical": config.historical.model_copy(update={"calibration_share": 1.0})})
    return put_world(settings, account.account, calibrate([*read.values()], whole))


def put_world(settings: Settings, account: str, market: MarketParameters) -> str:
    """Upload an emulator account's market, for campaigns created from now on; returns its digest."""
    from gaelp.platforms.emulator.client import EmulatorPlatform

    platform = EmulatorPlatform(settings.emulator_url, settings.emulator_token)
    try:
        return platform.open_world(account, market)
    finally:
        platform.close()


def _described(arguments: argparse.Namespace) -> Account:
    try:
        name = checked_name(arguments.name, "the account")
        for log in arguments.world_from:
            checked_name(log, "the log")
        ZoneInfo(arguments.timezone)
    except (ValueError, OSError, KeyError) as error:
        known = isinstance(error, ValueError) and "valid name" in str(error)
        message = str(error) if known else f"{arguments.timezone!r} is no time zone: use a name such as Europe/Berlin"
        raise WrongUse(message) from None
    try:
        decimals_of(arguments.currency)
    except UnknownCurrency as error:
        raise WrongUse(str(error)) from None
    kind = AccountKind(arguments.kind)
    if (kind is AccountKind.EMULATOR) != (arguments.platform == "emulator"):
        raise WrongUse(f"an account of kind {kind} cannot be on platform {arguments.platform!r}: make the two agree")
    if arguments.world_from and kind is not AccountKind.EMULATOR:
        raise WrongUse("--world-from makes an emulator's market; a real account has its own")
    return Account(
        account=name,
        kind=kind,
        platform=arguments.platform,
        currency=arguments.currency,
        timezone=arguments.timezone,
        daily_cap_micros=amount(arguments.daily_cap, "--daily-cap", arguments.currency),
        total_cap_micros=amount(arguments.total_cap, "--total-cap", arguments.currency),
        dollar_rate=_dollar_rate(arguments),
        call_quota=_call_quota(arguments.call_quota),
        four_eyes_above_micros=_four_eyes(arguments),
    )


def _four_eyes(arguments: argparse.Namespace) -> int | None:
    """0 asks two people for every approval, `off` for none."""
    above = arguments.four_eyes_above
    if above is None or above == "off":
        return None
    return 0 if above == "0" else amount(above, "--four-eyes-above", arguments.currency)


def _with_kept_four_eyes(account: Account, ledger: Ledger) -> Account:
    """The account with the amount that it had: who changes a cap does not take the second person away."""
    above = {each.account: each.four_eyes_above_micros for each in ledger.accounts()}
    return account.model_copy(update={"four_eyes_above_micros": above.get(account.account)})


def _dollar_rate(arguments: argparse.Namespace) -> DollarRate | None:
    given = (arguments.usd_rate, arguments.usd_rate_date, arguments.usd_rate_source)
    if given == (None, None, None):
        return None
    if arguments.currency == "USD":
        raise WrongUse("an account in USD needs no rate to the dollar: leave --usd-rate and its like out")
    if None in given:
        raise WrongUse("a rate needs --usd-rate, --usd-rate-date and --usd-rate-source, all three")
    rate = _number(arguments.usd_rate)
    if not rate.is_finite() or not 0 < rate <= LARGEST:
        raise WrongUse(
            f"--usd-rate {arguments.usd_rate!r} is not how many {arguments.currency} a dollar is, as in 149.2"
        )
    try:
        day = date.fromisoformat(arguments.usd_rate_date)
    except ValueError:
        raise WrongUse(f"--usd-rate-date {arguments.usd_rate_date!r} is no day such as 2026-11-20") from None
    if not arguments.usd_rate_source.strip():
        raise WrongUse("--usd-rate-source is empty: say who publishes the rate")
    return DollarRate(units_per_dollar=rate, day=day, source=arguments.usd_rate_source)


def _call_quota(text: str | None) -> CallQuota | None:
    if text is None:
        return None
    calls, _, seconds = text.partition("/")
    try:
        return CallQuota(calls=int(calls), seconds=int(seconds))
    except ValueError:
        raise WrongUse(
            f"--call-quota {text!r} is not CALLS/SECONDS as in 15000/86400: at least 60 calls, in 1 to 86400 seconds"
        ) from None


def _show(listed: tuple[Account, ...], ledger: Ledger, out: Out) -> None:
    exposure = {each.account: ledger.open_exposure(each.account) for each in listed}
    now = connections.now()
    alone = {each.account: most_in_all(ledger.approved_alone(each.account, now)) for each in listed}
    rows = [
        (a.account, a.kind, a.platform, a.timezone, money(a.daily_cap_micros, a.currency),
         money(a.total_cap_micros, a.currency), money(exposure[a.account], a.currency), _rate(a), _quota(a),
         _above(a, alone[a.account]), a.fence)
        for a in listed
    ]  # fmt: skip
    columns = (
        "account",
        "kind",
        "platform",
        "time zone",
        "daily cap",
        "total cap",
        "open",
        "dollar rate",
        "calls",
        "four eyes above",
        "fence",
    )
    document = [
        {
            **a.model_dump(mode="json"),
            "open_exposure_micros": exposure[a.account],
            "approved_alone_micros": alone[a.account],
        }
        for a in listed
    ]
    identity = ledger.identity()
    out.result(
        {"ledger": identity, "accounts": document},
        table(columns, rows) if rows else "no accounts: `starter.py accounts add`",
        f"ledger {identity}",
    )


def _rate(account: Account) -> str:
    rate = account.dollar_rate
    return f"{rate.units_per_dollar} of {rate.day.isoformat()}, {rate.source}" if rate else "-"


def _above(account: Account, alone_micros: int) -> str:
    """The owner's amount, and how much of it is used by what one person alone has approved."""
    above = account.four_eyes_above_micros
    if above is None:
        return "off"
    return f"{money(above, account.currency)} ({money(alone_micros, account.currency)} approved alone)"


def _quota(account: Account) -> str:
    quota = account.call_quota
    return f"{quota.calls:,} in {quota.seconds:,} s" if quota else "-"
