"""Ad accounts and the people who may approve spend on them, as the account's owner enters them.

Touch this when an owner can set one more thing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from gaelp.domain.frozen import Frozen


class AccountKind(StrEnum):
    """What an account is, as its owner says in the ledger. Only an emulator may be advisory or use demo keys."""

    EMULATOR = "emulator"
    REAL = "real"


class DollarRate(Frozen):
    """What a US dollar is worth in an account's currency, as the owner has looked it up."""

    units_per_dollar: Annotated[Decimal, Field(gt=0)]
    day: date  # of the rate
    source: Annotated[str, Field(min_length=1)]  # who says so


class CallQuota(Frozen):
    """How many calls an account's platform grants us in any span of so many seconds, as the owner has looked it up."""

    calls: Annotated[int, Field(ge=60, le=10**9)]  # fewer would leave no room for one activity beside a pause
    seconds: Annotated[int, Field(ge=1, le=86_400)]


class Account(Frozen):
    """An ad account's envelope, set by its owner and never by a run."""

    account: str
    kind: AccountKind
    platform: str  # "emulator", "google-ads", "meta"
    currency: str
    timezone: str = "UTC"
    daily_cap_micros: int  # worst case that all of our campaigns may be billed on one day
    total_cap_micros: int  # billed plus open worst case over the account's life with us
    dollar_rate: DollarRate | None = None  # none: amounts in dollars cannot be compared; in dollars none is needed
    call_quota: CallQuota | None = None  # none: no calls are held back
    four_eyes_above_micros: int | None = None  # an approval of more needs another person than the run's; none: off
    fence: int = 0  # raised by every stop; a claim under an older fence is refused


class Approver(Frozen):
    """A named person who may approve spend on an account, up to a limit."""

    account: str
    key_id: str  # first 16 hex digits of SHA-256 of the public key's bytes
    name: str
    public_key: str  # base64: of a key file the 32 raw Ed25519 bytes, of a passkey its COSE key
    limit_micros: int  # the largest total envelope this person may approve
    demo: bool = False  # refused on any account that is not an emulator's
    credential: str = ""  # of a passkey, base64url: its credential id; empty: a key file
    origin: str = ""  # of a passkey: the address of the page that it signs on, as in "http://localhost:8234"
