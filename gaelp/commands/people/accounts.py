"""The verb `accounts`: the owner's envelopes, and an emulator account's market. Touch this to let an owner set more."""

from __future__ import annotations

import argparse
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, WrongUse, money, table
from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.ids import checked_name
from gaelp.money import micros

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
        if arguments.world_from:
            open_world(settings, account, arguments.world_from)
        ledger.put_account(account, by=connections.user_name())
        listed: tuple[Account, ...] = (ledger.account(account.account),)
    else:
        ledger = connections.open_ledger(settings)
        listed = ledger.accounts()
    _show(listed, ledger, out)
    return DONE


def amount(text: str, what: str) -> int:
    """Whole currency units with at most two decimals, to integer micros. Raises WrongUse."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not 0 < value <= LARGEST or value != round(value, 2):
        raise WrongUse(f"{what} {text!r} is not an amount such as 50 or 49.90")
    return micros(value)


def open_world(settings: Settings, account: Account, logs: list[str]) -> str:
    """Calibrate an emulator account's market on the whole of ingested logs and upload it; returns its digest."""
    from gaelp.configuration.loading import profile
    from gaelp.market.calibration.calibrate import calibrate
    from gaelp.records.logs.stored_logs import load_bandit

    connections.reach_emulator(settings)
    warehouse = connections.open_warehouse(settings)
    try:
        read = [load_bandit(warehouse, name) for name in logs]
    finally:
        warehouse.close()
    config = profile("quick-test")
    # The share of a run is below 1 by rule: what it judges must be later. The emulator's world may know it all.
    whole = config.model_copy(update={"historical": config.historical.model_copy(update={"calibration_share": 1.0})})
    return put_world(settings, account.account, calibrate(read, whole))


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
    if not re.fullmatch("[A-Z]{3}", arguments.currency):
        raise WrongUse(f"{arguments.currency!r} is no currency: use three capital letters such as USD")
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
        daily_cap_micros=amount(arguments.daily_cap, "--daily-cap"),
        total_cap_micros=amount(arguments.total_cap, "--total-cap"),
    )


def _show(listed: tuple[Account, ...], ledger: Ledger, out: Out) -> None:
    exposure = {each.account: ledger.open_exposure(each.account) for each in listed}
    rows = [
        (a.account, a.kind, a.platform, a.currency, a.timezone, money(a.daily_cap_micros), money(a.total_cap_micros),
         money(exposure[a.account]), a.fence)
        for a in listed
    ]  # fmt: skip
    columns = ("account", "kind", "platform", "currency", "time zone", "daily cap", "total cap", "open", "fence")
    document = [{**a.model_dump(mode="json"), "open_exposure_micros": exposure[a.account]} for a in listed]
    out.result({"accounts": document}, table(columns, rows) if rows else "no accounts: `starter.py accounts add`")
