"""Lists of campaigns that people sign, each under its digest: a request names the digest of its list.

A list is written once and never changed. What it allows is decided in gaelp/ledger/rules/ceiling_rules.py. Touch this
to find an approved campaign in another way.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gaelp.domain.spending.approved_campaigns import NO_CAMPAIGNS, ApprovedCampaign, campaigns_digest
from gaelp.ledger.ledger_errors import UnknownRequest
from gaelp.ledger.stores import tables

_t = tables.approved_campaigns


def keep(connection: Connection, campaigns: Sequence[ApprovedCampaign]) -> str:
    """Write a list once; returns its digest. Raises LedgerConflict where it names a campaign twice."""
    digest = campaigns_digest(campaigns)
    known = connection.execute(sa.select(_t.c.campaign).where(_t.c.digest == digest).limit(1)).first()
    if known is None and campaigns:
        rows = [
            {"digest": digest, "campaign": each.campaign, "position": position, "body": each.model_dump_json()}
            for position, each in enumerate(campaigns)
        ]
        connection.execute(_t.insert(), rows)
    return digest


def read(connection: Connection, digest: str, campaign: str) -> ApprovedCampaign | None:
    """One campaign of a list, or None where the list does not name it."""
    query = sa.select(_t.c.body).where(_t.c.digest == digest, _t.c.campaign == campaign)
    body = connection.execute(query).scalar()
    return None if body is None else ApprovedCampaign.model_validate_json(body)


def read_all(connection: Connection, digest: str) -> tuple[ApprovedCampaign, ...]:
    """A list in its order; raises UnknownRequest where none of that digest was kept."""
    query = sa.select(_t.c.body).where(_t.c.digest == digest).order_by(_t.c.position)
    bodies = connection.execute(query).scalars().all()
    if not bodies and digest != NO_CAMPAIGNS:
        raise UnknownRequest(f"no list of campaigns {digest!r} is in the ledger: plan the phase before asking")
    return tuple(ApprovedCampaign.model_validate_json(body) for body in bodies)
