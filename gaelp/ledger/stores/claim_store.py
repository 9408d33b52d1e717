"""Claims: the right to make one call that can spend, granted at most once per key.

The rules are in gaelp/ledger/rules/claim_rules.py. Touch this to keep another fact about a claim.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from gaelp.domain.spending.ledger_records import Claim, Claimed, Intent
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownClaim
from gaelp.ledger.rules import claim_rules
from gaelp.ledger.rules.run_rules import judge_run
from gaelp.ledger.stored_records import CreatedCampaign, StoredClaim
from gaelp.ledger.stores import account_store, journal, run_store, tables
from gaelp.ledger.stores.journal import Subject

_t = tables.claims


def grant(connection: Connection, claim: Claim) -> Claimed:
    """Grant the call, or answer that it was made before, or why it is refused."""
    account = account_store.lock(connection, claim.account)
    existing = _read(connection, claim.key)
    ruling = claim_rules.judge_claim(claim, existing, account)
    if ruling.granted and not claim_rules.only_reduces_spend(claim):
        run = judge_run(run_store.read(connection, claim.run))
        ruling = ruling.model_copy(update={"granted": run.granted, "reason": run.reason})
    if not ruling.granted:
        return ruling
    fence = account.fence if claim.fence is None else claim.fence
    values = {"intent": claim.intent, "fence": fence, "state": "open", "detail": "", "at": claim.at}
    if existing is None:
        connection.execute(
            _t.insert().values(key=claim.key, account=claim.account, run=claim.run, campaign=claim.campaign, **values)
        )
    else:
        connection.execute(_t.update().where(_t.c.key == claim.key).values(values))
    subject = Subject(claim.account, claim.run, campaign=claim.campaign, key=claim.key)
    journal.write(connection, "claim", claim.at, subject, intent=claim.intent, fence=fence)
    return ruling


def resolve(connection: Connection, key: str, outcome: str, detail: str, at: datetime, platform_id: str = "") -> None:
    """Record how a claimed call ended: done, failed (it surely did not happen) or unknown (it stays open).

    `platform_id` is the campaign's, where the call's answer or a read-back told it; one that is known is kept.
    """
    state = claim_rules.state_after(outcome)
    account_store.lock(connection, _known(connection, key).account)
    existing = _known(connection, key)  # read again, because only now nobody else can change it
    platform_id = platform_id or existing.platform_id
    if (existing.state, existing.detail, existing.platform_id) == (state, detail, platform_id):
        return
    ruling = claim_rules.judge_resolution(existing, outcome)
    if not ruling.granted:
        raise LedgerConflict(ruling.reason)
    connection.execute(_t.update().where(_t.c.key == key).values(state=state, detail=detail, platform_id=platform_id))
    subject = Subject(existing.account, existing.run, campaign=existing.campaign, key=key)
    journal.write(connection, "resolve", at, subject, intent=existing.intent, outcome=outcome, result=detail)


def unresolved(connection: Connection, account: str) -> tuple[Claim, ...]:
    """Claims of an account whose outcome is not known, oldest first."""
    account_store.read(connection, account)
    query = sa.select(_t).where(_t.c.account == account, _t.c.state == "open").order_by(_t.c.at, _t.c.key)
    names = ("key", "account", "run", "campaign", "intent", "fence", "at")
    return tuple(Claim(**{name: row[name] for name in names}) for row in connection.execute(query).mappings())


def created(connection: Connection, account: str) -> tuple[CreatedCampaign, ...]:
    """Campaigns of ours on an account, those that may still be billed first, then the newest."""
    account_store.read(connection, account)
    days = tables.reservations.c
    unsettled = sa.exists().where(days.account == account, days.campaign == _t.c.campaign, days.state != "settled")
    query = (
        sa.select(_t.c.campaign, _t.c.run, _t.c.platform_id, unsettled.label("unsettled"))
        .where(_t.c.account == account, _t.c.intent == Intent.CREATE, _t.c.state != "failed")
        .order_by(sa.desc("unsettled"), _t.c.platform_id == "", _t.c.at.desc(), _t.c.campaign)
    )
    found: dict[str, CreatedCampaign] = {}
    for row in connection.execute(query).mappings():
        campaign = CreatedCampaign(**{**row, "unsettled": bool(row["unsettled"])})
        found.setdefault(campaign.campaign, campaign)
    return tuple(found.values())


def _read(connection: Connection, key: str) -> StoredClaim | None:
    row = connection.execute(sa.select(_t).where(_t.c.key == key)).mappings().first()
    return None if row is None else _record(row)


def _record(row: RowMapping) -> StoredClaim:
    values = {field.name: row[field.name] for field in fields(StoredClaim)}
    return StoredClaim(**{**values, "intent": Intent(row["intent"])})


def _known(connection: Connection, key: str) -> StoredClaim:
    claim = _read(connection, key)
    if claim is None:
        raise UnknownClaim(f"claim {key!r} was never made: claim before calling the platform")
    return claim
