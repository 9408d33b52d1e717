"""Lists of campaigns that people sign, each under its digest: a request names the digest of its list.

A list is written once and never changed. What it allows is decided in gaelp/ledger/rules/ceiling_rules.py. Touch this
to find an approved campaign in another way.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from gaelp.domain.spending.approved_campaigns import NO_CAMPAIGNS, ApprovedCampaign, campaigns_digest
from gaelp.ledger.ledger_errors import UnknownRequest
from gaelp.ledger.statements import Change, Connection, Query
from gaelp.ledger.stores import tables

_t = tables.approved_campaigns

_OF_LIST = sa.select(_t.c.body).where(_t.c.digest == sa.bindparam("digest"))
_KNOWN = Query(sa.select(_t.c.campaign).where(_t.c.digest == sa.bindparam("digest")).limit(1), str)
_ONE = Query(_OF_LIST.where(_t.c.campaign == sa.bindparam("campaign")), ApprovedCampaign.model_validate_json)
_ALL = Query(_OF_LIST.order_by(_t.c.position), ApprovedCampaign.model_validate_json)
_KEEP = Change(_t.insert())


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
