"""The steps of monitoring: each is recorded once with its evidence and stays, also when a person has undone it.

Touch this to keep another fact about a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gaelp.domain.ids import run_of_campaign
from gaelp.domain.monitoring.ladder import LOST, UNDOABLE, LadderStep, StepTaken
from gaelp.ledger.ledger_errors import LedgerConflict, UnknownStep
from gaelp.ledger.rules import person_rules
from gaelp.ledger.statements import Change, Connection, Query, as_record, given
from gaelp.ledger.stores import account_store, campaign_books_store, journal, tables
from gaelp.ledger.stores.journal import Subject

_t = tables.monitoring_steps
_IS = _t.c.key == sa.bindparam("key")
_OF_RUN = _t.c.run == sa.bindparam("run")  # by which it is indexed
_STEP = as_record(StepTaken, _t)
_ONE = Query(sa.select(_t).where(_IS), _STEP)
_RUN = Query(sa.select(_t).where(_OF_RUN).order_by(_t.c.campaign, _t.c.number), _STEP)
_CAMPAIGN = Query(sa.select(_t).where(_OF_RUN, _t.c.campaign == sa.bindparam("campaign")).order_by(_t.c.number), _STEP)
_INSERT = Change(_t.insert())
_UNDO = Change(_t.update().where(_IS).values(given(("undone_by", "undone_because"))))


def of_run(connection: Connection, run: str) -> tuple[StepTaken, ...]:
    """Every step of a run's campaigns, undone ones too, by campaign and number."""
    return tuple(connection.all(_RUN, run=run))


def of_campaign(connection: Connection, campaign: str) -> tuple[StepTaken, ...]:
    """The steps of one campaign, oldest first."""
    return tuple(connection.all(_CAMPAIGN, run=run_of_campaign(campaign), campaign=campaign))


def take(connection: Connection, step: StepTaken) -> bool:
    """Record a step; False where one of that key is already there (the first stands), or its campaign has ended.

    Whoever starts a workflow under the id of one that has ended would add to what was acted upon in its run, and with
    it to what less evidence is enough for in the run's other campaigns.
    """
    account_store.lock(connection, step.account)
    if connection.first(_ONE, key=step.key) is not None or campaign_books_store.has_ended(connection, step.campaign):
        return False
    connection.change(_INSERT, **step.model_dump(mode="python", exclude={"evidence", "before", "after"}),
                      **step.model_dump(mode="json", include={"evidence", "before", "after"}))  # fmt: skip
    _write(connection, "monitoring-step", step, step.at, reason=step.reason, lost=LOST[step.step])
    return True


def undo(connection: Connection, key: str, by: str, reason: str, at: datetime) -> Sequence[StepTaken]:
    """Undo a step and every later one of its campaign that stands; raises UnknownStep, ValueError, LedgerConflict."""
    account_store.lock(connection, _one(connection, key).account)
    asked = _one(connection, key)  # read again, because only now nobody else can change it
    steps = of_campaign(connection, asked.campaign)
    stopped = any(each.step is LadderStep.STOP for each in steps)
    ended = stopped or campaign_books_store.has_ended(connection, asked.campaign)
    ruling = person_rules.judge_undoing(asked, by, reason, ended=ended)
    if not ruling.granted:
        if not (by.strip() and reason.strip()):
            raise ValueError(ruling.reason)
        raise LedgerConflict(ruling.reason)
    if asked.undone_by:  # the same call again: steps that were taken since are no part of it
        return []
    undone = []
    for step in steps:
        if step.number < asked.number or step.step not in UNDOABLE or step.undone_by:
            continue
        connection.change(_UNDO, key=step.key, undone_by=by, undone_because=reason)
        _write(connection, "monitoring-undone", step, at, by=by, reason=reason)
        undone.append(step.model_copy(update={"undone_by": by, "undone_because": reason}))
    return undone


def _write(connection: Connection, kind: str, step: StepTaken, at: datetime, **detail: Any) -> None:
    subject = Subject(step.account, step.run, step.phase, step.campaign, step.key)
    journal.write(connection, kind, at, subject, step=str(step.step), **detail)


def _one(connection: Connection, key: str) -> StepTaken:
    step = connection.first(_ONE, key=key)
    if step is None:
        raise UnknownStep(f"no step {key!r} is recorded: `starter.py undo RUN` shows a run's steps")
    return step
