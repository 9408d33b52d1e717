"""Claims: the right to make one spend-affecting call, granted at most once per key (X2).

Touch this to change who may call a platform again. An open claim found by a retry means that the call may have
happened: the caller reads the platform back and resolves it, and never simply calls again.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from gaelp.domain.ad_accounts import Account
from gaelp.domain.spending.ledger_records import Claim, Claimed
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownClaim
from gaelp.ledger.stores import account_store, journal, tables

_t = tables.claims
OUTCOMES = ("done", "failed", "unknown")


def claim(connection: Connection, ask: Claim) -> Claimed:
    """Grant the call, or say that it was done, or why it is refused."""
    account = account_store.lock(connection, ask.account)
    held = _row(connection, ask.key)
    refused = _why_not(held, ask, account)
    if refused is not None:
        return refused
    fence = account.fence if ask.fence is None else ask.fence
    values = {"intent": ask.intent, "fence": fence, "state": "open", "detail": "", "at": ask.at}
    if held is None:
        connection.execute(
            _t.insert().values(key=ask.key, account=ask.account, run=ask.run, campaign=ask.campaign, **values)
        )
    else:
        connection.execute(_t.update().where(_t.c.key == ask.key).values(values))
    journal.write(
        connection, "claim", ask.at, account=ask.account, run=ask.run, campaign=ask.campaign, key=ask.key,
        intent=ask.intent, fence=fence,
    )  # fmt: skip
    return Claimed(granted=True, fence=account.fence)


def _why_not(held: RowMapping | None, ask: Claim, account: Account) -> Claimed | None:
    fence = account.fence
    if held is not None and any(held[n] != getattr(ask, n) for n in ("account", "run", "campaign", "intent")):
        return Claimed(granted=False, fence=fence, reason=f"claim {ask.key} is someone else's: use a key of its own")
    if only_lessens(ask):
        return None
    if held is not None and held["state"] == "done":
        return Claimed(granted=False, done=True, fence=fence, detail=held["detail"])
    if held is not None and held["state"] == "open":
        reason = (
            f"outcome unknown: {ask.key} is open since {held['at'].isoformat()}; read the platform back and resolve it"
        )
        return Claimed(granted=False, unknown=True, fence=fence, reason=reason, detail=held["detail"])
    if ask.fence is not None and ask.fence != fence:
        reason = f"the fence of account {ask.account} is {fence} and the caller's is {ask.fence}: a stop came between"
        return Claimed(granted=False, fence=fence, reason=reason)
    return None


def only_lessens(ask: Claim) -> bool:
    """Whether a call can only reduce spend: a pause or an earlier end, granted whatever the fence and the key."""
    return ask.intent == "pause" or (ask.intent == "end" and ask.shortens)


def resolve(connection: Connection, key: str, outcome: str, detail: str, at: datetime) -> None:
    """Say how a claimed call ended: done, failed (it surely did not happen) or unknown (it stays open)."""
    if outcome not in OUTCOMES:
        raise ValueError(f"a claim's outcome is one of {', '.join(OUTCOMES)}, not {outcome!r}")
    held = _known(connection, key)
    account_store.lock(connection, held["account"])
    held = _known(connection, key)
    state = "open" if outcome == "unknown" else outcome
    if (held["state"], held["detail"]) == (state, detail):
        return
    if held["state"] == "done" and state != "done":
        raise LedgerConflict(f"claim {key!r} was resolved as done and stays done: {outcome} would allow it twice")
    if held["state"] == "failed" and state == "open":
        raise LedgerConflict(f"claim {key!r} was resolved as failed: claim it again before calling")
    connection.execute(_t.update().where(_t.c.key == key).values(state=state, detail=detail))
    journal.write(
        connection, "resolve", at, account=held["account"], run=held["run"], campaign=held["campaign"], key=key,
        intent=held["intent"], outcome=outcome, result=detail,
    )  # fmt: skip


def unresolved(connection: Connection, account: str) -> tuple[Claim, ...]:
    """Claims of an account whose outcome is not known, oldest first."""
    account_store.read(connection, account)
    query = sa.select(_t).where(_t.c.account == account, _t.c.state == "open").order_by(_t.c.at, _t.c.key)
    return tuple(
        Claim(
            key=row["key"], account=row["account"], run=row["run"], campaign=row["campaign"], intent=row["intent"],
            fence=row["fence"], at=row["at"],
        )
        for row in connection.execute(query).mappings()
    )  # fmt: skip


def _row(connection: Connection, key: str) -> RowMapping | None:
    return connection.execute(sa.select(_t).where(_t.c.key == key)).mappings().first()


def _known(connection: Connection, key: str) -> RowMapping:
    row = _row(connection, key)
    if row is None:
        raise UnknownClaim(f"claim {key!r} was never made: claim before calling the platform")
    return row
