"""Accounts and approvers: what belongs to one account is nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gaelp.domain.ad_accounts import Account, CallQuota
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict
from gaelp.ledger.rules.call_rules import BURST, MOST_CALLS
from tests.support import ledgers as kit
from tests.support.ledgers import NOW, UNIT


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The account acme with the approver Ada, and an account of somebody else's."""
    opened = kit.prepared_file(tmp_path / "ledger.db")
    opened.put_account(kit.account(account="other"), at=NOW)
    yield opened
    opened.close()


def test_an_approver_approves_on_her_own_account_only(ledger: Ledger) -> None:
    """The same key on two accounts has two limits, and none on a third; a change or a removal touches one of them."""
    key = signatures.new_key()
    mine = {"key_id": key.key_id, "public_key": key.public_key}
    for account, limit in (("acme", 10), ("other", 20)):
        ledger.put_approver(kit.approver(account=account, limit_micros=limit * UNIT, name="Bo", **mine))
    ledger.put_account(kit.account(account="third"))

    def limits() -> dict[str, list[int]]:
        accounts = ("acme", "other", "third")
        return {a: [p.limit_micros // UNIT for p in ledger.approvers(a) if p.name == "Bo"] for a in accounts}

    assert limits() == {"acme": [10], "other": [20], "third": []}
    ledger.put_approver(kit.approver(account="acme", limit_micros=30 * UNIT, name="Bo", **mine))
    assert limits() == {"acme": [30], "other": [20], "third": []}
    assert not ledger.remove_approver("third", key.key_id)
    assert ledger.remove_approver("other", key.key_id)
    assert limits() == {"acme": [30], "other": [], "third": []}
    assert [approver.name for approver in ledger.approvers("acme")] == ["Ada", "Bo"]


def test_a_change_of_one_account_leaves_every_other_as_it_was(ledger: Ledger) -> None:
    """Its envelope and its fence are its own."""
    other = ledger.account("other")
    ledger.put_account(kit.account(daily_cap_micros=7 * UNIT))
    assert ledger.account("acme").daily_cap_micros == 7 * UNIT
    assert ledger.raise_fence("acme", "drill", "Ada", NOW) == 1
    assert (ledger.fence("acme"), ledger.account("other")) == (1, other)


def test_accounts_are_listed_by_name(ledger: Ledger) -> None:
    """Whatever the order was in which they were entered."""
    for name in ("zeta", "alpha"):
        ledger.put_account(kit.account(account=name))
    assert [each.account for each in ledger.accounts()] == ["acme", "alpha", "other", "zeta"]


def test_approvers_are_listed_by_name(ledger: Ledger) -> None:
    """And one name's keys by their ids."""
    keys = sorted((signatures.new_key() for _ in range(2)), key=lambda key: key.key_id)
    for key in reversed(keys):
        ledger.put_approver(kit.approver(key_id=key.key_id, public_key=key.public_key, name="Aaron"))
    listed = [(each.name, each.key_id) for each in ledger.approvers("acme")]
    assert listed == [("Aaron", keys[0].key_id), ("Aaron", keys[1].key_id), ("Ada", kit.KEY.key_id)]


def test_a_currency_is_changed_until_money_was_asked_for_in_it(ledger: Ledger) -> None:
    """A request on another account does not hold this one; its own request does."""
    ledger.put_account(kit.account(account="other", currency="EUR"))
    assert ledger.account("other").currency == "EUR"
    with pytest.raises(LedgerConflict):
        ledger.put_account(kit.account(currency="EUR"))
    assert ledger.account("acme").currency == "USD"


QUOTA = CallQuota(calls=600, seconds=60)
NO_WAIT = timedelta(0)


def limited(ledger: Ledger, name: str) -> Account:
    """The account with a quota of calls."""
    account = kit.account(account=name, call_quota=QUOTA)
    ledger.put_account(account, at=NOW)
    return account


def test_calls_are_booked_on_the_quota_of_their_own_account(ledger: Ledger) -> None:
    """As many activities go at once as the burst has room for; who waits books nothing, and may call afterwards."""
    acme, other = limited(ledger, "acme"), limited(ledger, "other")
    room = int(BURST * QUOTA.calls) // MOST_CALLS
    *granted, wait = (ledger.ask_for_calls(acme, NOW) for _ in range(room + 1))
    assert granted == [NO_WAIT] * room
    assert ledger.ask_for_calls(acme, NOW) == wait > NO_WAIT
    assert ledger.ask_for_calls(other, NOW) == NO_WAIT
    assert ledger.ask_for_calls(acme, NOW + wait) == NO_WAIT


def test_calls_that_nobody_asked_for_count_and_those_not_made_are_given_back(ledger: Ledger) -> None:
    """A pause never asks, but the others wait for it; what is given back is room again."""
    acme = limited(ledger, "acme")
    ledger.count_calls(acme, 1 + QUOTA.calls // 2, NOW)
    assert ledger.ask_for_calls(acme, NOW) > NO_WAIT
    ledger.count_calls(acme, -QUOTA.calls // 2, NOW)
    assert ledger.ask_for_calls(acme, NOW) == NO_WAIT


def test_an_account_without_a_quota_holds_nothing_back(ledger: Ledger) -> None:
    """However many calls are made."""
    acme = ledger.account("acme")
    ledger.count_calls(acme, 10**6, NOW)
    assert ledger.ask_for_calls(acme, NOW) == NO_WAIT
