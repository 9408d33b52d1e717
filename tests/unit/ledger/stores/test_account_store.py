"""Accounts and approvers: what belongs to one account is nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from tests.support import ledgers as kit
from tests.support.ledgers import UNIT


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The account acme with the approver Ada, and an account of somebody else's."""
    opened = kit.prepared_file(tmp_path / "ledger.db")
    opened.put_account(kit.account(account="other"))
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
