"""What we last wrote to each campaign: what the platform reads back is compared with it.

Touch this to remember another fact about what we wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection

from gaelp.domain.platform_records import CampaignState
from gaelp.ledger.stores import tables

_t = tables.written_settings
_STATES = TypeAdapter(tuple[CampaignState, ...])
MOST_BEGUN = 8  # writes since the last one that was read back; an older one has been overwritten since


def begin(connection: Connection, state: CampaignState, at: datetime) -> None:
    """Remember a write that is about to be made, beside what was confirmed before."""
    confirmed, *begun = read(connection, state.external_name) or (state,)
    others = [each for each in begun if each != state]
    _put(connection, confirmed, (*others, state)[-MOST_BEGUN:], at)


def confirm(connection: Connection, state: CampaignState, at: datetime) -> None:
    """Remember what was written and read back."""
    _put(connection, state, (), at)


def pause(connection: Connection, campaign: str, at: datetime) -> None:
    """Remember that a campaign was paused, whatever else was being written."""
    paused = [state.model_copy(update={"enabled": False}) for state in read(connection, campaign)]
    if paused:
        _put(connection, paused[0], paused[1:], at)


def read(connection: Connection, campaign: str) -> tuple[CampaignState, ...]:
    """What was confirmed, and what was begun since, if anything."""
    query = sa.select(_t.c.confirmed, _t.c.begun).where(_t.c.campaign == campaign)
    row = connection.execute(query).first()
    if row is None:
        return ()
    return (CampaignState.model_validate_json(row.confirmed), *_STATES.validate_json(row.begun))


def _put(connection: Connection, confirmed: CampaignState, begun: Sequence[CampaignState], at: datetime) -> None:
    texts = {"confirmed": confirmed.model_dump_json(), "begun": _STATES.dump_json(tuple(begun)).decode()}
    campaign = confirmed.external_name
    updated = connection.execute(_t.update().where(_t.c.campaign == campaign).values(**texts, at=at))
    if updated.rowcount == 0:
        connection.execute(_t.insert().values(campaign=campaign, account=confirmed.account, **texts, at=at))
