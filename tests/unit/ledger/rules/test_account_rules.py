"""What an account's owner may change, and whom he may let approve."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gaelp.domain.ad_accounts import AccountKind, DollarRate
from gaelp.ledger.rules.account_rules import judge_approver, judge_change
from gaelp.ledger.rules.ruling import GRANTED
from tests.support.ledgers import KEY, account, approver


@pytest.mark.parametrize("has_requests", [True, False])
def test_caps_and_the_dollar_rate_may_always_change(has_requests: bool) -> None:
    """An envelope is the owner's to set."""
    rate = DollarRate(units_per_dollar=1, day=date(2026, 1, 5), source="a bank")
    changed = account(daily_cap_micros=0, total_cap_micros=1, dollar_rate=rate)
    assert judge_change(account(), changed, has_requests=has_requests) == GRANTED


@pytest.mark.parametrize(
    "change", [{"kind": AccountKind.REAL}, {"platform": "meta"}, {"currency": "EUR"}, {"timezone": "Asia/Tokyo"}]
)
def test_what_approvals_were_judged_by_stays_once_one_was_asked_for(change: dict[str, Any]) -> None:
    """Kind, platform, currency and time zone may change before the first request, and not after it."""
    changed, name = account(**change), next(iter(change)).replace("timezone", "time zone")
    assert judge_change(account(), changed, has_requests=False).granted
    ruling = judge_change(account(), changed, has_requests=True)
    assert not ruling.granted
    assert ruling.reason == (
        f"account 'acme' has approvals in the ledger, so its {name} can no longer change: enter a new account"
    )


def test_several_changes_are_named_together() -> None:
    """The owner learns at once of all that cannot change."""
    ruling = judge_change(account(), account(currency="EUR", platform="meta"), has_requests=True)
    assert "its platform and currency can no longer" in ruling.reason


def test_an_approver_with_the_keys_own_id_is_taken() -> None:
    """The id that is computed from the public key is the one that was entered."""
    assert judge_approver(approver(), account(), KEY.key_id) == GRANTED


def test_an_approver_with_another_keys_id_is_refused() -> None:
    """A name on somebody else's key would sign for him."""
    ruling = judge_approver(approver(), account(), "0" * 16)
    assert not ruling.granted and "does not belong to key id" in ruling.reason


@pytest.mark.parametrize(("kind", "granted"), [(AccountKind.EMULATOR, True), (AccountKind.REAL, False)])
def test_a_demo_key_may_approve_on_an_emulator_only(kind: AccountKind, granted: bool) -> None:
    """Where real money is spent a demo key is refused."""
    ruling = judge_approver(approver(demo=True), account(kind=kind), KEY.key_id)
    assert ruling.granted is granted
    assert granted or "is real and takes no demo key" in ruling.reason
