"""Decisions on approval requests: each submission is judged once, and its outcome is kept and written to the journal.

When a signature counts is in gaelp/ledger/rules/decision_rules.py. Touch this to keep another fact about a decision.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gaelp.domain.ad_accounts import Account, Approver
from gaelp.domain.ids import run_of_workflow
from gaelp.domain.spending.approval_requests import ApprovalDecision, ApprovalOutcome, ApprovalRequest, SignedDecision
from gaelp.domain.spending.signed_starts import Starter
from gaelp.ledger.rules import decision_rules
from gaelp.ledger.rules.ruling import Ruling
from gaelp.ledger.rules.valid_values import aware
from gaelp.ledger.statements import Change, Connection, Query
from gaelp.ledger.stored_records import StoredRequest
from gaelp.ledger.stores import account_store, journal, request_store, run_store, tables
from gaelp.ledger.stores.journal import Subject
from gaelp.messages.pausing import RefusedSignals

_s, _n = tables.submissions, tables.nonces
_EARLIER = Query(
    sa.select(_s.c.outcome).where(_s.c.submission == sa.bindparam("submission")), ApprovalOutcome.model_validate_json
)
_IS_KEPT = Query(sa.select(_s.c.submission).where(_s.c.submission == sa.bindparam("submission")), str)
_KEEP = Change(_s.insert())
_USED = Query(sa.select(_n.c.nonce).where(_n.c.nonce == sa.bindparam("nonce")), str)
_USE = Change(_n.insert())
_MOST_REASON = 500  # characters of the approver's own words that are kept


def decide(
    connection: Connection, request_id: str, submission: str, payload: Any, now: datetime, signal: str = ""
) -> ApprovalOutcome:
    """Judge a submitted decision. The same submission again gets the same outcome; raises nothing on bad input."""
    aware(now)
    stored = request_store.read(connection, request_id)
    account = None if stored is None else account_store.lock(connection, stored.request.account)
    earlier = connection.first(_EARLIER, submission=submission)
    if earlier is not None:
        return earlier
    if account is None:
        outcome = ApprovalOutcome(accepted=False, reason=f"no request {request_id!r} was opened")
        shown = decision_rules.shown(payload)
        journal.write(connection, "refuse", now, Subject(key=request_id), reason=outcome.reason, payload=shown)
    else:
        # The request is read again: another transaction may have decided it before we had the account's lock.
        stored = request_store.known(connection, request_id)
        outcome = _decide(connection, stored, account, payload, now, signal)
    connection.change(_KEEP, submission=submission, outcome=outcome.model_dump_json())
    return outcome


def _decide(
    connection: Connection, stored: StoredRequest, account: Account, payload: Any, now: datetime, signal: str
) -> ApprovalOutcome:
    signed = decision_rules.read_decision(payload)
    if isinstance(signed, Ruling):
        return _refuse(connection, stored.request, payload, signed, now)
    approver = account_store.approver_of(connection, account.account, signed.key_id)
    ruling = decision_rules.judge_signal(signed, signal)
    if ruling.granted:
        nonce_used = connection.first(_USED, nonce=stored.request.nonce) is not None
        ruling = decision_rules.judge_decision(signed, approver, stored, account, now, nonce_used=nonce_used)
    starter = _starter(connection, stored.request)
    if ruling.granted and signed.decision == ApprovalDecision.APPROVE:
        ruling = run_store.judge_passes(connection, stored.request)
    if ruling.granted and approver is not None and signed.decision == ApprovalDecision.APPROVE:
        alone = request_store.approved_alone(connection, account.account, now)
        ruling = decision_rules.judge_four_eyes(approver, stored.request, account, starter, alone)
    if not ruling.granted or approver is None:
        return _refuse(connection, stored.request, payload, ruling, now)
    return _accept(connection, stored.request, signed, approver, now, alone=decision_rules.is_alone(approver, starter))


def _starter(connection: Connection, request: ApprovalRequest) -> Starter | None:
    """Who has signed the start of the run that asks, with just what it asks for.

    Nobody whose key was removed since, or was entered under another name: whose it was then is not sure.
    """
    run = run_store.read(connection, request.run)
    starter = None if run is None else run.starter_of(request.account, request.agent, request.config_digest)
    if starter is None:
        return None
    holder = account_store.approver_of(connection, request.account, starter.key_id)
    return starter if holder is not None and holder.name == starter.name else None


def _accept(
    connection: Connection,
    request: ApprovalRequest,
    signed: SignedDecision,
    approver: Approver,
    now: datetime,
    *,
    alone: bool,
) -> ApprovalOutcome:
    decision = ApprovalDecision(signed.decision)
    approved = decision is ApprovalDecision.APPROVE
    connection.change(_USE, nonce=request.nonce, request_id=request.request_id)
    request_store.close(connection, request.request_id, approver.name, now, approved=approved, alone=alone)
    reason = signed.reason[:_MOST_REASON]
    more: dict[str, Any] = {} if signed.looked_seconds is None else {"looked_seconds": signed.looked_seconds}
    if signed.passkey is not None:
        more["passkey"] = signed.passkey.model_dump()  # without it nobody could check the signature again
    request_store.note(
        connection, decision, request, now, approver=approver.name, key_id=approver.key_id,
        digest=signed.request_digest, signature=signed.signature, reason=reason,
        daily_cap_micros=request.daily_cap_micros, **more,
    )  # fmt: skip
    return ApprovalOutcome(accepted=True, decision=decision, approver=approver.name, reason=reason)


def _refuse(
    connection: Connection, request: ApprovalRequest, payload: Any, ruling: Ruling, now: datetime
) -> ApprovalOutcome:
    shown = decision_rules.shown(payload)
    request_store.note(connection, "refuse", request, now, reason=ruling.reason, payload=shown)
    return ApprovalOutcome(accepted=False, reason=ruling.reason)


def note_refused_page(connection: Connection, account: str, key: str, reason: str, at: datetime) -> None:
    """What an approval page has refused, before any decision was sent; `key` is the request's id."""
    account_store.lock(connection, account)
    journal.write(
        connection, "refuse", at, Subject(account, run=run_of_workflow(key), key=key), reason=reason, payload=""
    )


def note_refused_signals(
    connection: Connection, workflow: str, key: str, refused: RefusedSignals, at: datetime
) -> None:
    """Signals that were no decisions, or none that could be read as one. The same key again writes nothing."""
    if connection.first(_IS_KEPT, submission=key) is not None:
        return
    connection.change(_KEEP, submission=key, outcome="")
    count = refused.number - refused.noted
    subject = Subject(run=run_of_workflow(workflow), key=workflow)
    journal.write(connection, "refuse-signal", at, subject, signals=count, reasons=refused.last[-count:])
