"""A signed start of a run: who has started it, proven by a key that the account's owner has entered in the ledger.

Touch this to change what a start's signature covers; who must sign is in gaelp/ledger/rules/decision_rules.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

from gaelp.domain.ad_accounts import Account
from gaelp.domain.frozen import Frozen
from gaelp.domain.spending.approval_requests import ApprovalRequest, most_in_all
from gaelp.money import exact_money


class SignedStart(Frozen):
    """The signature of a start: Ed25519 over the UTF-8 text `gaelp-start:DIGEST`."""

    key_id: str
    signature: str  # base64


class Starter(Frozen):
    """Who has signed the start of a run, and for which agent and configuration."""

    key_id: str
    name: str
    agent: str
    config_digest: str


class ProvenStart(NamedTuple):
    """A signature, and what it is over beside the run's name, its account and the ledger that it is shown to."""

    signed: SignedStart
    agent: str
    config_digest: str


def start_digest(ledger: str, run: str, account: str, agent: str, config_digest: str) -> str:
    """SHA-256 hex of what a start binds: the ledger by its identity, the run's name, and the terms of its beginning.

    Another ledger, of a test environment say, may have an account, a key and a free run name that are the same.
    """
    terms = {"ledger": ledger, "run": run, "account": account, "agent": agent, "config_digest": config_digest}
    return hashlib.sha256(json.dumps(terms, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def start_text(digest: str) -> bytes:
    """The bytes that a starter signs."""
    return f"gaelp-start:{digest}".encode()


def who_started(starter: Starter | None) -> str:
    """Who has started a run, for the card."""
    return f"{starter.name} signed its start with key `{starter.key_id}`" if starter else "nobody proved who started it"


def four_eyes(account: Account, request: ApprovalRequest, alone: Sequence[ApprovalRequest]) -> str:
    """Whether a second person must approve a request, for the card; the ledger decides it when somebody signs.

    `alone` is what one person alone has approved on the account.
    """
    above = account.four_eyes_above_micros
    if above is None:
        return "four eyes: off"
    together = most_in_all([*alone, request])
    needed = "so **somebody else than who started it must approve**" if together > above else "so not needed"
    limit, beside = exact_money(above, account.currency), exact_money(most_in_all(alone), account.currency)
    why = f"one person alone has approved {beside} there, with this {exact_money(together, account.currency)}, "
    return f"four eyes: above {limit}, {why if alone else ''}{needed}"
