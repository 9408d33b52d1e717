"""What the ledger's tests share: an account with an approver, a run with an approval, and a PostgreSQL of its own."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gaelp.domain.ad_accounts import Account, AccountKind, Approver
from gaelp.domain.billing.billing_rules import exposure_line
from gaelp.domain.ids import reservation_key
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import ApprovalRequest, request_digest
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign, campaigns_digest
from gaelp.domain.spending.campaign_records import Arm
from gaelp.domain.spending.ledger_records import Claim, Reserve
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stored_records import Reservation, StoredRequest
from gaelp.ledger.stores import tables

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = date(2026, 11, 22)
FIRST_DAY = DAY - timedelta(days=365)  # of every campaign
UNIT = 1_000_000
KEY = signatures.new_key()


def account(**changes: Any) -> Account:
    values = {
        "account": "acme",
        "kind": AccountKind.EMULATOR,
        "platform": "emulator",
        "currency": "USD",
        "daily_cap_micros": 100 * UNIT,
        "total_cap_micros": 1000 * UNIT,
    }
    return Account.model_validate({**values, **changes})


def approver(**changes: Any) -> Approver:
    values = {
        "account": "acme",
        "key_id": KEY.key_id,
        "name": "Ada",
        "public_key": KEY.public_key,
        "limit_micros": 500 * UNIT,
    }
    return Approver.model_validate({**values, **changes})


def request(**changes: Any) -> ApprovalRequest:
    values = {
        "request_id": "run-a/live-test#1",
        "nonce": f"nonce of {changes.get('request_id', '#1')}",
        "account": "acme",
        "run": "run-a",
        "phase": Phase.LIVE_TEST,
        "purpose": "spend",
        "currency": "USD",
        "daily_cap_micros": 50 * UNIT,
        "total_cap_micros": 300 * UNIT,
        "agent": "linear-thompson",
        "checkpoint_digest": "c" * 64,
        "config_digest": "d" * 64,
        "market_digest": "m" * 64,
        "evidence_digest": "e" * 64,
        "exposure_digest": "f" * 64,
        "campaigns_digest": CAMPAIGNS_DIGEST,
        "campaign_count": len(CAMPAIGNS),
        "fence": 0,
        "expires_at": NOW + timedelta(days=30),
    }
    return ApprovalRequest.model_validate({**values, **changes})


CAMPAIGNS = tuple(
    ApprovedCampaign(
        ceiling=exposure_line(f"run-a/live-test/campaign-{index:02d}", "emulator", 10_000 * UNIT, 4000, "USD"),
        agent="linear-thompson",
        product="product-a",
        arm=Arm.CANDIDATE,
        content_digest="b" * 64,
        first_day=FIRST_DAY,
        last_day=DAY + timedelta(days=3650),
    )
    for index in range(100)
)
"""The campaigns of `request`, with ceilings so high that only caps refuse."""
CAMPAIGNS_DIGEST = campaigns_digest(CAMPAIGNS)


def booking(worst: int, *, campaign: int = 0, day: date = DAY, **changes: Any) -> Reserve:
    """A reservation of `worst` whole units, asked for at noon of its day."""
    name = f"{changes.get('run', 'run-a')}/live-test/campaign-{campaign:02d}"
    values = {
        "key": reservation_key(name, (day - FIRST_DAY).days),
        "account": "acme",
        "run": "run-a",
        "phase": Phase.LIVE_TEST,
        "campaign": name,
        "day": day,
        "worst_case_micros": worst * UNIT,
        "request_id": "run-a/live-test#1",
        "agent": "linear-thompson",
        "arm": "candidate",
        "checkpoint_digest": "c" * 64,
        "config_digest": "d" * 64,
        "market_digest": "m" * 64,
        "content_digest": "b" * 64,
        "at": datetime.combine(day, NOW.timetz()),
    }
    return Reserve.model_validate({**values, **changes})


def counted(ledger: Ledger, day: date | None = None) -> int:
    """What the caps of the account count, on one day or in all."""
    return sum(each.counted_micros for each in ledger.reservations("acme") if day in (None, each.day))


def claim(intent: str = "create", **changes: Any) -> Claim:
    campaign = "run-a/live-test/campaign-00"
    values = {
        "key": f"{campaign}/day-000/{intent}",
        "account": "acme",
        "run": "run-a",
        "campaign": campaign,
        "intent": intent,
        "at": NOW,
    }
    return Claim.model_validate({**values, **changes})


def reservation(**changes: Any) -> Reservation:
    """The reservation of `booking`, open and not reported on."""
    day = booking(0)
    values = {name: getattr(day, name) for name in ("key", "account", "run", "phase", "campaign", "day", "request_id")}
    amounts = {"worst_case_micros": UNIT, "billed_micros": 0, "served_micros": 0, "counted_micros": UNIT}
    return Reservation(**{**values, "state": "open", **amounts, "final_micros": None, "posted_at": None, **changes})


def stored_request(state: str = "open", **changes: Any) -> StoredRequest:
    """The request as the ledger keeps it."""
    asked = request(**changes)
    return StoredRequest(asked, digest=request_digest(asked), state=state, text="the table")


def approve(ledger: Ledger, wanted: ApprovalRequest | None = None) -> ApprovalRequest:
    """Open a request and have Ada approve it."""
    opened = ledger.open_request(wanted or request(), "the table", NOW).request
    payload = signatures.sign(KEY.pem, opened, "approve").model_dump()
    outcome = ledger.decide(opened.request_id, f"{opened.request_id}/approve", payload, NOW)
    assert outcome.accepted, outcome.reason
    return opened


def prepared(ledger: Ledger) -> Ledger:
    """An account, its approver, a run, and an approved request."""
    ledger.put_account(account(), at=NOW)
    ledger.put_approver(approver(), at=NOW)
    ledger.register_run("run-a", "acme", NOW)
    ledger.keep_campaigns(CAMPAIGNS)
    approve(ledger)
    return ledger


def hammer(url: str, fresh: str, number: int, asks: int, barrier: Barrier) -> None:
    """What each process of a crowd does: make a new ledger with all others, then ask for money and claims."""
    ledger = Ledger.open(url)
    barrier.wait(timeout=60)
    Ledger.open(fresh).close()
    order = random.Random(number)
    for index in range(asks):
        ledger.reserve(booking(order.randint(1, 3), campaign=number * asks + index))
        if ledger.claim(claim(key=f"claim-{index}")).granted:
            ledger.resolve(f"claim-{index}", "done", f"process {number}", NOW)
    ledger.close()


@cache
def _prepared_bytes() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        prepared(Ledger.open(f"sqlite:///{folder}/ledger.db")).close()
        return Path(folder, "ledger.db").read_bytes()


def prepared_file(file: Path) -> Ledger:
    """`prepared`, in a file, by copying one that was made before."""
    file.write_bytes(_prepared_bytes())
    return Ledger.open(f"sqlite:///{file}")


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of its own on a free port, as an SQLAlchemy URL; skips only where no server is installed."""
    binaries = _postgresql_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server binaries on this machine")
    # PostgreSQL refuses root, and pytest's own folders are closed to others.
    folder = Path(tempfile.mkdtemp(prefix="gaelp-pg-", dir="/tmp"))
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run: dict[str, Any] = {"check": True, "user": user, "cwd": folder, "stdout": subprocess.DEVNULL}
    control = [binaries / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log"]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=40"
    try:
        subprocess.run([binaries / "initdb", "-D", folder / "data", "-U", "gaelp", "-A", "trust", "-N"], **run)
        subprocess.run([*control, "-o", options, "start"], **run)
        try:
            yield f"postgresql://gaelp@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgresql_binaries() -> Path | None:
    places = []
    if config := shutil.which("pg_config"):
        printed = subprocess.run([config, "--bindir"], check=True, capture_output=True, text=True)
        places.append(Path(printed.stdout.strip()))
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists()), None)


@contextmanager
def emptied(url: str) -> Iterator[str]:
    """A database whose tables of ours are emptied afterwards."""
    try:
        yield url
    finally:
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            connection.execute(sa.text(f"TRUNCATE {', '.join(tables.metadata.tables)}"))
        engine.dispose()
