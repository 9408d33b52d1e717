"""Which campaigns are covered by an open, approved reservation; the rule is in gaelp/ledger/rules/coverage_rules.py.

Touch this when that rule needs one more thing.
"""

from __future__ import annotations

from collections.abc import Iterable

from gaelp.domain.ids import run_of_campaign
from gaelp.ledger.rules.coverage_rules import judge_enabled, judge_no_stop
from gaelp.ledger.rules.ruling import Ruling
from gaelp.ledger.statements import Connection
from gaelp.ledger.stores import account_store, request_store, reservation_store, run_store


def judge(connection: Connection, account: str, campaigns: Iterable[str]) -> dict[str, Ruling]:
    """Campaign -> whether it may be enabled, all from one state of the ledger."""
    owner = account_store.read(connection, account)
    names = set(campaigns)
    days = {name: reservation_store.listed(connection, account, campaign=name) for name in names}
    asked = {day.request_id for of_campaign in days.values() for day in of_campaign}
    requests = {request_id: request_store.read(connection, request_id) for request_id in asked}
    runs = {name: run_store.read(connection, run_of_campaign(name)) for name in names}
    return {name: judge_enabled(days[name], requests, owner, runs[name]) for name in names}


def judge_approved(connection: Connection, request_id: str) -> Ruling:
    """Whether no stop came since that request; raises UnknownRequest."""
    request = request_store.known(connection, request_id).request
    return judge_no_stop(
        request, account_store.read(connection, request.account), run_store.read(connection, request.run)
    )
