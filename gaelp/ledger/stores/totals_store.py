"""Running totals of the reservations, changed in the transaction that changes a reservation.

What they add up is in gaelp/ledger/rules/running_totals.py. Touch this to keep them in another way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from gaelp.domain.ad_accounts import Account
from gaelp.domain.spending.ledger_records import Reserve
from gaelp.ledger.rules.running_totals import Place, Scope, Sums, sums_of
from gaelp.ledger.statements import Change, Clause, Connection, Query
from gaelp.ledger.stored_records import BooksSummary, Reservation
from gaelp.ledger.stores import tables

_t = tables.totals
_PLACE = ("account", "run", "phase", "campaign", "day")
_SUMS = ("counted_micros", "unsettled_micros", "spent_micros")


def _total(scope: str, *row: Any) -> tuple[Place, Sums]:
    return Place(Scope(scope), *row[: len(_PLACE)]), Sums(*map(int, row[len(_PLACE) :]))


def _within(scope: Scope) -> dict[str, Any]:
    """The key of the total of that scope that a reservation belongs to."""
    return {name: sa.bindparam(name) if name in scope.names else "" for name in _PLACE} | {"scope": scope.value}


def _is(scope: Scope) -> sa.ColumnElement[bool]:
    return sa.and_(*(_t.c[name] == value for name, value in _within(scope).items()))


def _add_to_all(dialect: Dialect) -> Clause:
    insert = (sqlite.insert if dialect.name == "sqlite" else postgresql.insert)(_t)
    adding = insert.values([_within(scope) | {name: sa.bindparam(name) for name in _SUMS} for scope in Scope])
    added = {name: _t.c[name] + adding.excluded[name] for name in _SUMS}
    return adding.on_conflict_do_update(index_elements=list(_t.primary_key), set_=added)


def _sum(name: str) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(sa.func.sum(_t.c[name]), 0)


def _counts(column: sa.Column[Any], *conditions: sa.ColumnElement[bool] | sa.TextClause) -> Query[tuple[str, int]]:
    counted = sa.select(column, sa.func.count()).where(*conditions).group_by(column)
    return Query(counted, lambda value, count: (str(value), int(count)))


_ADD = Change(_add_to_all)
_COUNTED = Query(
    sa.select(
        *(sa.func.coalesce(sa.select(_t.c.counted_micros).where(_is(scope)).scalar_subquery(), 0) for scope in Scope)
    ),
    lambda *sums: dict(zip(Scope, map(int, sums), strict=True)),
)
_UNSETTLED = Query(sa.select(_sum("unsettled_micros")).where(_is(Scope.ACCOUNT)), int)
_SPENT = sa.select(_sum("spent_micros"))
_SPENT_BY_RUN = Query(_SPENT.where(_is(Scope.RUN)), int)
_SPENT_IN_PHASE = Query(
    _SPENT.where(_t.c.scope == Scope.PHASE.value, _t.c.run == sa.bindparam("run"), _t.c.phase == sa.bindparam("phase")),
    int,
)
_r = tables.reservations
_BY_ACCOUNT = Query(
    sa.select(*(_t.c[name] for name in ("account", *_SUMS))).where(_t.c.scope == Scope.ACCOUNT.value),
    lambda account, *sums: (str(account), Sums(*map(int, sums))),
)
_BY_PHASE = Query(
    sa.select(_t.c.run, _t.c.phase, *(_t.c[name] for name in _SUMS)).where(_t.c.scope == Scope.PHASE.value),
    lambda run, phase, *sums: (str(run), str(phase), Sums(*map(int, sums))),
)
_RESERVATIONS = _counts(_r.c.state)
_VIOLATIONS = _counts(tables.violations.c.severity, tables.violations.c.resolved_by.is_(None))
_REQUESTS = _counts(tables.requests.c.state, sa.text(tables.UNDECIDED))
_RUNS = sa.select(_r.c.run).where(_r.c.account == sa.bindparam("account"))
_OF_ACCOUNT = Query(
    sa.select(*(_t.c[name] for name in ("scope", *_PLACE, *_SUMS))).where(
        sa.or_(_t.c.account == sa.bindparam("account"), sa.and_(_t.c.scope == Scope.RUN.value, _t.c.run.in_(_RUNS)))
    ),
    _total,
)


def change(connection: Connection, before: Reservation | None, after: Reservation) -> None:
    """Bring every total from what `before` added to it (nothing, where there was none) to what `after` adds."""
    added = sums_of(after) - sums_of(before)
    if added != Sums():
        connection.change(_ADD, **_place(after), **vars(added))


def counted(connection: Connection, booking: Reserve) -> dict[Scope, int]:
    """What is counted in every scope that a booking belongs to, the booking itself included where it is there."""
    return connection.one(_COUNTED, **_place(booking))


def unsettled(connection: Connection, account: str) -> int:
    """What may still be billed on an account."""
    return connection.one(_UNSETTLED, account=account)


def spent(connection: Connection, run: str, phase: str | None) -> int:
    """What a run, or one phase of it, has spent on all accounts as far as is known."""
    if phase is None:
        return connection.one(_SPENT_BY_RUN, run=run)
    return connection.one(_SPENT_IN_PHASE, run=run, phase=phase)


def of_account(connection: Connection, account: str) -> dict[Place, Sums]:
    """The totals as they are kept: those of an account, and those of every run that spends on it."""
    return dict(connection.all(_OF_ACCOUNT, account=account))


def of_phases(connection: Connection) -> dict[str, dict[str, Sums]]:
    """What each phase of each run that reserved anything adds up to, on all accounts: run -> phase -> sums."""
    runs: dict[str, dict[str, Sums]] = {}
    for run, phase, sums in connection.all(_BY_PHASE):
        phases = runs.setdefault(run, {})
        phases[phase] = phases.get(phase, Sums()) + sums
    return runs


def summary(connection: Connection, accounts: Iterable[Account]) -> BooksSummary:
    """What all accounts together have in the books; one without a reservation counts as nothing."""
    totals = dict(connection.all(_BY_ACCOUNT))
    spent: Counter[str] = Counter()
    exposure: Counter[str] = Counter()
    used = 0.0
    for account in accounts:
        sums = totals.get(account.account, Sums())
        spent[account.currency] += sums.spent_micros
        exposure[account.currency] += sums.unsettled_micros
        used = max(used, sums.counted_micros / max(account.total_cap_micros, 1))
    return BooksSummary(
        spent_micros=dict(spent),
        exposure_micros=dict(exposure),
        cap_used=used,
        reservations=dict(connection.all(_RESERVATIONS)),
        open_violations=dict(connection.all(_VIOLATIONS)),
        undecided_requests=dict(connection.all(_REQUESTS)),
    )


def _place(of: Reservation | Reserve) -> dict[str, str]:
    return {name: str(getattr(of, name)) for name in _PLACE}
