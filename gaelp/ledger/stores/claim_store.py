"""Claims: the right to make one call that can spend, granted at most once per key.

The rules are in gaelp/ledger/rules/claim_rules.py. Touch this to keep another fact about a claim.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gaelp.domain.spending.ledger_records import Claim, Claimed, Intent
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownClaim
from gaelp.ledger.rules import claim_rules
from gaelp.ledger.rules.run_rules import judge_run
from gaelp.ledger.statements import Change, Connection, Query, given
from gaelp.ledger.stored_records import CreatedCampaign, StoredClaim
from gaelp.ledger.stores import account_store, journal, run_store, tables, violation_store
from gaelp.ledger.stores.journal import Subject

_t = tables.claims
_days = tables.reservations.c


def _open_claim(*row: Any) -> Claim:
    return Claim(**dict(zip(_CLAIM, row, strict=True)))


def _created(campaign: str, run: str, platform_id: str, unsettled: bool) -> CreatedCampaign:
    return CreatedCampaign(campaign, run, platform_id, bool(unsettled))


_CLAIM = ("key", "account", "run", "campaign", "intent", "fence", "at")
_GRANTED = ("intent", "fence", "state", "detail", "at")
_IS = _t.c.key == sa.bindparam("key")
_ONE = Query(sa.select(*(_t.c[field.name] for field in fields(StoredClaim))).where(_IS), StoredClaim)
_OWNER = account_store.owner_of(sa.select(_t.c.account).where(_IS))
_INSERT = Change(_t.insert().values(given(_t.c.keys(), platform_id="")))
_AGAIN = Change(_t.update().where(_IS).values(given(_GRANTED)))
_RESOLVE = Change(_t.update().where(_IS).values(given(("state", "detail", "platform_id"))))
_UNRESOLVED = Query(
    sa.select(*(_t.c[name] for name in _CLAIM))
    .where(_t.c.account == sa.bindparam("account"), sa.text(tables.IS_OPEN))
    .order_by(_t.c.at, _t.c.key),
    _open_claim,
)
_UNSETTLED = (
    sa.exists()
    .where(_days.account == sa.bindparam("account"), _days.campaign == _t.c.campaign, _days.state != "settled")
    .label("unsettled")
)
_CREATED = (
    sa.select(_t.c.campaign, _t.c.run, _t.c.platform_id, _UNSETTLED)
    .where(_t.c.account == sa.bindparam("account"), sa.text(tables.CREATES))
    .order_by(sa.desc("unsettled"), _t.c.platform_id == "", _t.c.at.desc(), _t.c.campaign)
)
_OF_CAMPAIGN = _t.c.campaign == sa.bindparam("campaign")
_CREATIONS = {  # by whether those that failed are wanted, and whether one campaign is asked for
    (True, False): Query(_CREATED, _created),
    (True, True): Query(_CREATED.where(_OF_CAMPAIGN), _created),
    (False, False): Query(_CREATED.where(_t.c.state != "failed"), _created),
    (False, True): Query(_CREATED.where(_t.c.state != "failed", _OF_CAMPAIGN), _created),
}


def grant(connection: Connection, claim: Claim) -> Claimed:
    """Grant the call, or answer that it was made before, or why it is refused."""
    account = account_store.lock(connection, claim.account)
    existing = connection.first(_ONE, key=claim.key)
    ruling = claim_rules.judge_claim(claim, existing, account)
    if ruling.granted and not claim_rules.only_reduces_spend(claim):
        run = judge_run(run_store.read(connection, claim.run))
        ruling = ruling.model_copy(update={"granted": run.granted, "reason": run.reason})
    if ruling.granted and claim.intent is Intent.ENABLE:
        enabling = claim_rules.judge_enabling(violation_store.outside_pause(connection, claim.campaign))
        ruling = ruling.model_copy(update={"granted": enabling.granted, "reason": enabling.reason})
    if not ruling.granted:
        return ruling
    fence = account.fence if claim.fence is None else claim.fence
    connection.change(
        _INSERT if existing is None else _AGAIN,
        key=claim.key, account=claim.account, run=claim.run, campaign=claim.campaign,
        intent=claim.intent, fence=fence, state="open", detail="", at=claim.at,
    )  # fmt: skip
    subject = Subject(claim.account, claim.run, campaign=claim.campaign, key=claim.key)
    journal.write(connection, "claim", claim.at, subject, intent=claim.intent, fence=fence)
    return ruling


def resolve(connection: Connection, key: str, outcome: str, detail: str, at: datetime, platform_id: str = "") -> None:
    """Record how a claimed call ended: done, failed (it surely did not happen) or unknown (it stays open).

    `platform_id` is the campaign's, where the call's answer or a read-back told it; one that is known is kept.
    """
    state = claim_rules.state_after(outcome)
    connection.first(_OWNER, key=key)  # from now on nobody else can change the claim
    existing = connection.first(_ONE, key=key)
    if existing is None:
        raise UnknownClaim(f"claim {key!r} was never made: claim before calling the platform")
    platform_id = platform_id or existing.platform_id
    if (existing.state, existing.detail, existing.platform_id) == (state, detail, platform_id):
        return
    ruling = claim_rules.judge_resolution(existing, outcome)
    if not ruling.granted:
        raise LedgerConflict(ruling.reason)
    connection.change(_RESOLVE, key=key, state=state, detail=detail, platform_id=platform_id)
    subject = Subject(existing.account, existing.run, campaign=existing.campaign, key=key)
    journal.write(connection, "resolve", at, subject, intent=existing.intent, outcome=outcome, result=detail)


def unresolved(connection: Connection, account: str) -> tuple[Claim, ...]:
    """Claims of an account whose outcome is not known, oldest first."""
    account_store.read(connection, account)
    return tuple(connection.all(_UNRESOLVED, account=account))


def created(
    connection: Connection, account: str, failed_too: bool, campaign: str | None = None
) -> tuple[CreatedCampaign, ...]:
    """Campaigns of ours on an account (or one of them), those that may still be billed first, then the newest.

    `failed_too`: also those whose creation is recorded as failed, because an answer can be wrong.
    """
    account_store.read(connection, account)
    wanted = {"account": account} if campaign is None else {"account": account, "campaign": campaign}
    found: dict[str, CreatedCampaign] = {}
    for each in connection.all(_CREATIONS[failed_too, campaign is not None], **wanted):
        found.setdefault(each.campaign, each)
    return tuple(found.values())
