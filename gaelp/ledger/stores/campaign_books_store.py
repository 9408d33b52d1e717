"""What the ledger keeps of campaigns beside money: the lists that people sign, and what campaigns report of themselves.

A list is written once under its digest, which a request names; what it allows is decided in
gaelp/ledger/rules/ceiling_rules.py. How a campaign ended is written once and never changed. Touch this to keep another
fact about a campaign, or to find an approved one in another way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from gaelp.domain.spending.approved_campaigns import NO_CAMPAIGNS, ApprovedCampaign, campaigns_digest
from gaelp.domain.spending.campaign_records import CampaignResult, DayReached, DecisionMade
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownRequest
from gaelp.ledger.rules.run_rules import judge_halt
from gaelp.ledger.statements import Change, Connection, Query, given
from gaelp.ledger.stores import tables

_t = tables.approved_campaigns

_OF_LIST = sa.select(_t.c.body).where(_t.c.digest == sa.bindparam("digest"))
_KNOWN = Query(sa.select(_t.c.campaign).where(_t.c.digest == sa.bindparam("digest")).limit(1), str)
_ONE = Query(_OF_LIST.where(_t.c.campaign == sa.bindparam("campaign")), ApprovedCampaign.model_validate_json)
_ALL = Query(_OF_LIST.order_by(_t.c.position), ApprovedCampaign.model_validate_json)
_KEEP = Change(_t.insert())

_r = tables.campaign_reports
_OF_PHASE = sa.select(_r.c.body).where(_r.c.phase == sa.bindparam("phase"), _r.c.kind == sa.bindparam("kind"))
_ENDED = Query(_OF_PHASE, CampaignResult.model_validate_json)
_REACHED = Query(_OF_PHASE, DayReached.model_validate_json)
_DECISIONS = Query(
    sa.select(_r.c.body).where(_r.c.phase == sa.bindparam("phase"), _r.c.kind.like("tick-%")),
    DecisionMade.model_validate_json,
)
_THIS = (_r.c.campaign == sa.bindparam("campaign"), _r.c.kind == sa.bindparam("kind"))
_HALTS = Query(sa.select(_r.c.body).where(_r.c.campaign == sa.bindparam("campaign"), _r.c.kind.like("halt-%")), str)
_REPORT = Query(sa.select(_r.c.body).where(*_THIS), str)
_ADD = Change(_r.insert())
_REPLACE = Change(_r.update().where(*_THIS).values(given(("body", "at"))))


def keep(connection: Connection, campaigns: Sequence[ApprovedCampaign]) -> str:
    """Write a list once; returns its digest. Raises LedgerConflict where it names a campaign twice."""
    digest = campaigns_digest(campaigns)
    if campaigns and connection.first(_KNOWN, digest=digest) is None:
        rows = [
            {"digest": digest, "campaign": each.campaign, "position": position, "body": each.model_dump_json()}
            for position, each in enumerate(campaigns)
        ]
        connection.change_each(_KEEP, rows)
    return digest


def read(connection: Connection, digest: str, campaign: str) -> ApprovedCampaign | None:
    """One campaign of a list, or None where the list does not name it."""
    return connection.first(_ONE, digest=digest, campaign=campaign)


def read_all(connection: Connection, digest: str) -> tuple[ApprovedCampaign, ...]:
    """A list in its order; raises UnknownRequest where none of that digest was kept."""
    campaigns = connection.all(_ALL, digest=digest)
    if not campaigns and digest != NO_CAMPAIGNS:
        raise UnknownRequest(f"no list of campaigns {digest!r} is in the ledger: plan the phase before asking")
    return tuple(campaigns)


def keep_result(connection: Connection, result: CampaignResult, phase: str, at: datetime) -> None:
    """Write how a campaign ended, once; raises LedgerConflict where it has ended otherwise.

    A halt that nobody has kept is written as an interruption: its gate does not judge it.
    """
    row = {"campaign": result.campaign, "kind": "ended"}
    body = connection.first(_REPORT, **row)
    if body is None:
        ruling = judge_halt(result, halts(connection, result.campaign))
        kept = result if ruling.granted else result.but_interrupted(ruling.reason)
        connection.change(_ADD, **row, phase=phase, body=kept.model_dump_json(), at=at)
    elif CampaignResult.model_validate_json(body).but_interrupted(result.interruption) != result:
        raise LedgerConflict(f"{result.campaign} has ended before, and otherwise: its first result stands")


def has_ended(connection: Connection, campaign: str) -> bool:
    """Whether a campaign's result is kept."""
    return connection.first(_REPORT, campaign=campaign, kind="ended") is not None


def keep_decision(connection: Connection, decision: DecisionMade, phase: str, at: datetime) -> None:
    """Write a decision, once for its tick: what is kept is never changed."""
    row = {"campaign": decision.campaign, "kind": f"tick-{decision.tick:05d}"}
    if connection.first(_REPORT, **row) is None:
        connection.change(_ADD, **row, phase=phase, body=decision.model_dump_json(), at=at)


def decisions(connection: Connection, phase: str) -> tuple[DecisionMade, ...]:
    """Every decision of the campaigns of a phase."""
    return tuple(connection.all(_DECISIONS, phase=phase))


def keep_halt(connection: Connection, campaign: str, reason: str, phase: str, at: datetime) -> None:
    """Write a reason for which a campaign must end early, once."""
    row = {"campaign": campaign, "kind": f"halt-{hashlib.sha256(reason.encode()).hexdigest()[:16]}"}
    if connection.first(_REPORT, **row) is None:
        connection.change(_ADD, **row, phase=phase, body=reason, at=at)


def halts(connection: Connection, campaign: str) -> frozenset[str]:
    """The reasons that were kept for which the campaign must end early."""
    return frozenset(connection.all(_HALTS, campaign=campaign))


def keep_reached(connection: Connection, reached: DayReached, phase: str, at: datetime) -> None:
    """Write how far a campaign is, in place of what it reported before."""
    row = {"campaign": reached.campaign, "kind": "reached", "body": reached.model_dump_json(), "at": at}
    if connection.change(_REPLACE, **row) == 0:
        connection.change(_ADD, **row, phase=phase)


def results(connection: Connection, phase: str) -> tuple[CampaignResult, ...]:
    """How the campaigns of a phase ended, in the order of their numbers."""
    return tuple(sorted(connection.all(_ENDED, phase=phase, kind="ended"), key=lambda result: result.index))


def reached(connection: Connection, phase: str) -> tuple[DayReached, ...]:
    """How far the campaigns of a phase were when they last reported it."""
    return tuple(connection.all(_REACHED, phase=phase, kind="reached"))
