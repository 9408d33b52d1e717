"""An emulator account that is ready for any run. Touch this to give tests and scripts another kind of account."""

from __future__ import annotations

from decimal import Decimal

from gaelp.commands.people.accounts import put_world
from gaelp.domain.ad_accounts import Account, AccountKind, Approver
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.signatures import NewKey
from gaelp.market.parameters import MarketParameters
from gaelp.money import micros
from gaelp.settings import Settings


def open_emulator_account(settings: Settings, name: str, person: str, key: NewKey, market: MarketParameters) -> None:
    """An emulator account with room for any run, its market, and a person who may approve all of it."""
    account = Account(
        account=name,
        kind=AccountKind.EMULATOR,
        platform="emulator",
        currency="USD",
        daily_cap_micros=micros(Decimal(1_000)),
        total_cap_micros=micros(Decimal(1_000_000)),
    )
    approver = Approver(
        account=name,
        key_id=key.key_id,
        name=person,
        public_key=key.public_key,
        limit_micros=micros(Decimal(100_000)),
        demo=True,
    )
    put_world(settings, name, market)
    ledger = Ledger.open(settings.ledger)
    try:
        ledger.put_account(account)
        ledger.put_approver(approver)
    finally:
        ledger.close()
