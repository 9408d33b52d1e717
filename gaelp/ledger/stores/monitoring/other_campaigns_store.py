"""The reported days of a run's other campaigns, as far as the ledger keeps them. Touch this to let others tell more."""

from __future__ import annotations

from itertools import islice

import sqlalchemy as sa
from pydantic import TypeAdapter

from gaelp.domain.ids import phase_id, phase_of_campaign, run_of_campaign
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import DayReached
from gaelp.ledger.statements import Connection, Query
from gaelp.ledger.stores import tables

MOST_OTHERS = 12  # campaigns that are read, those that were reported last: more tell hardly more
_DAYS = TypeAdapter(tuple[DayReport, ...])
_r, _d = tables.campaign_reports, tables.reported_days


def _settled(campaign: str, days: str) -> tuple[str, tuple[DayReport, ...]]:
    return campaign, _DAYS.validate_json(days)


def _reached(body: str) -> tuple[str, tuple[DayReport, ...]]:
    reached = DayReached.model_validate_json(body)
    return reached.campaign, reached.days


_SETTLED = Query(
    sa.select(_d.c.campaign, _d.c.days)
    .where(_d.c.run == sa.bindparam("run"), _d.c.campaign != sa.bindparam("campaign"))
    .order_by(_d.c.at.desc(), _d.c.campaign)
    .limit(MOST_OTHERS),
    _settled,
)
_UNDER_WAY = Query(
    sa.select(_r.c.body)
    .where(
        _r.c.phase == sa.bindparam("phase"), _r.c.kind == "reached", _r.c.campaign != sa.bindparam("campaign")
    )
    .order_by(_r.c.at.desc(), _r.c.campaign)
    .limit(MOST_OTHERS),
    _reached,
)  # fmt: skip


def days_of_others(connection: Connection, campaign: str) -> tuple[tuple[DayReport, ...], ...]:
    """The days of MOST_OTHERS other campaigns of its run: of its phase as they last reported, of any that settled."""
    run = run_of_campaign(campaign)
    settled = dict(connection.all(_SETTLED, run=run, campaign=campaign))
    phase = phase_id(run, phase_of_campaign(campaign))
    under_way = dict(connection.all(_UNDER_WAY, phase=phase, campaign=campaign))
    return tuple(islice({**under_way, **settled}.values(), MOST_OTHERS))
