"""A ledger and a request for commands to work on. Touch this to give them more."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_card import card_digest
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.ledger.ledger import Ledger

ROOT = Path(__file__).parents[2]
CARD = "### what it may cost"
NOW = datetime(2026, 1, 5, tzinfo=UTC)
Finished = subprocess.CompletedProcess[str]


def ledger_in(tmp_path: Path) -> Ledger:
    (tmp_path / "home").mkdir(exist_ok=True)
    ledger = Ledger.open(f"sqlite:///{tmp_path}/home/ledger.db")
    account = Account(
        account="shop", kind=AccountKind.EMULATOR, platform="emulator", currency="USD",
        daily_cap_micros=500_000_000, total_cap_micros=20_000_000_000,
    )  # fmt: skip
    ledger.put_account(account)
    return ledger


def open_request(ledger: Ledger, number: int = 1) -> ApprovalRequest:
    request = ApprovalRequest(
        request_id=f"a/live-test#{number}", nonce=f"{number}" * 64, account="shop", run="a", phase=Phase.LIVE_TEST,
        purpose="spend", currency="USD", daily_cap_micros=50_000_000, total_cap_micros=2_100_000_000,
        agent="linear-thompson", checkpoint_digest="c" * 64, config_digest="d" * 64, market_digest="m" * 64,
        evidence_digest="e" * 64,
        exposure_digest="f" * 64, card_digest=card_digest(CARD), fence=0, expires_at=NOW + timedelta(days=3),
    )  # fmt: skip
    ledger.register_run("a", "shop", NOW)
    ledger.open_request(request, CARD, NOW)
    return request


def shows_no_traceback(ran: Finished) -> None:
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "unexpected" not in ran.stdout + ran.stderr
