"""What we last wrote to each campaign: what the platform reads back is compared with it.

Touch this to remember another fact about what we wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter

from gaelp.domain.platform_records import CampaignState
from gaelp.ledger.statements import Change, Connection, Query, given
from gaelp.ledger.stores import tables

_t = tables.written_settings
_STATES = TypeAdapter(tuple[CampaignState, ...])


def _states(confirmed: str, begun: str) -> tuple[CampaignState, ...]:
    return (CampaignState.model_validate_json(confirmed), *_STATES.validate_json(begun))


_OF_CAMPAIGN = _t.c.campaign == sa.bindparam("campaign")
_ONE = Query(sa.select(_t.c.confirmed, _t.c.begun).where(_OF_CAMPAIGN), _states)
_UPDATE = Change(_t.update().where(_OF_CAMPAIGN).values(given(("confirmed", "begun", "at"))))
_INSERT = Change(_t.insert())
MOST_BEGUN = 8  # writes since the last one that was read back; an older one has been overwritten since


def begin(connection: Connection, state: CampaignState, at: datetime) -> None:
    """Remember a write that is about to be made, beside what was confirmed before."""
    confirmed, *begun = read(connection, state.external_name) or (state,)
    others = [each for each in begun if each != state]
    _put(connection, confirmed, (*others, state)[-MOST_BEGUN:], at)


def begin_pause(connection: Connection, campaign: str, at: datetime) -> None:
    """Remember that a pause is about to be made, so that it is not taken for somebody else's."""
    written = read(connection, campaign)
    if written:
        begin(connection, written[-1].model_copy(update={"enabled": False}), at)


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
    return connection.first(_ONE, campaign=campaign) or ()


def _put(connection: Connection, confirmed: CampaignState, begun: Sequence[CampaignState], at: datetime) -> None:
    values = {
        "campaign": confirmed.external_name,
        "confirmed": confirmed.model_dump_json(),
        "begun": _STATES.dump_json(tuple(begun)).decode(),
        "at": at,
    }
    if connection.change(_UPDATE, **values) == 0:
        connection.change(_INSERT, **values, account=confirmed.account)
