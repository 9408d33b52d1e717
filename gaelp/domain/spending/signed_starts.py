"""A signed start of a run: who has started it, proven by a key that the account's owner has entered in the ledger.

Touch this to change what a start's signature covers; who must sign is in gaelp/ledger/rules/decision_rules.py.
"""

from __future__ import annotations

import hashlib
import json

from gaelp.domain.ad_accounts import Account
from gaelp.domain.frozen import Frozen
from gaelp.money import exact_money


class SignedStart(Frozen):
    """The signature of a start: Ed25519 over the UTF-8 text `gaelp-start:DIGEST`."""

    key_id: str
    signature: str  # base64


class Starter(Frozen):
    """Who has signed the start of a run."""

    key_id: str
    name: str


ProvenStart = tuple[SignedStart, str]
"""A signature, and the start_digest that it is over."""


def start_digest(run: str, account: str, agent: str, config_digest: str) -> str:
    """SHA-256 hex of what a start binds: the run's name, and the terms on which it is to begin."""
    terms = {"run": run, "account": account, "agent": agent, "config_digest": config_digest}
    return hashlib.sha256(json.dumps(terms, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def start_text(digest: str) -> bytes:
    """The bytes that a starter signs."""
    return f"gaelp-start:{digest}".encode()


def who_started(starter: Starter | None) -> str:
    """Who has started a run, for the card."""
    return f"{starter.name} signed its start with key `{starter.key_id}`" if starter else "nobody proved who started it"


def four_eyes(account: Account, total_micros: int) -> str:
    """Whether a second person must approve so much, for the card; the ledger decides it when somebody signs."""
    above = account.four_eyes_above_micros
    if above is None:
        return "four eyes: off"
    needed = "so **somebody else than who started it must approve**" if total_micros > above else "so not needed"
    return f"four eyes: above {exact_money(above, account.currency)}, {needed}"


def unsigned_note(account: Account) -> str:
    """What it comes to where nobody signs the start of a run that spends; empty where one person may approve all."""
    above = account.four_eyes_above_micros
    if above is None:
        return ""
    which = f"approval of more than {exact_money(above, account.currency)}" if above else "approval"
    return (
        f"account {account.account} wants two people for an {which}, and nobody has signed this start: each such "
        "approval will be refused; `starter.py start … --sign-with KEY` signs a start"
    )
