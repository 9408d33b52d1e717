"""The verbs `alerts`, `resolve` and `silence`: what a person should know of a run, and that person's word on it.

What an alert is, and what may be silenced, is in gaelp/domain/monitoring/alerts.py. Touch this to change how alerts are
shown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, instant, table
from gaelp.commands.people.named_person import by_person
from gaelp.domain.monitoring.alerts import Alert, AlertState, alerts_of

if TYPE_CHECKING:
    from gaelp.ledger.ledger import Ledger

COLUMNS = ("alert", "severity", "state", "times", "first", "last", "of", "kind and evidence", "do")


def alerts(arguments: argparse.Namespace, out: Out) -> int:
    """Show the alerts of a run, or of all runs; those that are resolved only where they are asked for."""
    run = None if arguments.run is None else connections.run_name(arguments.run)
    _show(_ledger(), run, out, resolved=arguments.resolved)
    return DONE


def resolve(arguments: argparse.Namespace, out: Out) -> int:
    """Resolve an alert and the equal ones before it, or show all of a run."""
    run, ledger, alert = connections.run_name(arguments.run), _ledger(), arguments.alert
    if alert is None:
        _show(ledger, run, out, resolved=True)
        return DONE
    resolved = by_person(arguments, lambda *word: ledger.resolve_alert(run, alert, *word))
    (newest, count), by = (resolved[-1].id, len(resolved)), arguments.by or connections.user_name()
    out.result(
        {"alert": newest, "times": count, "resolved_by": by, "reason": arguments.reason},
        f"{newest}{f' and {count - 1} before it' if count > 1 else ''}: resolved by {by}: {arguments.reason}",
    )
    return DONE


def silence(arguments: argparse.Namespace, out: Out) -> int:
    """Send no messages of alerts equal to one, for so many hours."""
    run, ledger, alert = connections.run_name(arguments.run), _ledger(), arguments.alert
    until = connections.now() + timedelta(hours=arguments.hours)
    by_person(arguments, lambda *word: ledger.silence_alert(run, alert, until, *word))
    out.result(
        {"alert": alert, "until": until},
        f"no messages of {alert} and of equal alerts are sent until {instant(until)}; a graver one is told",
    )
    return DONE


def rows_of(listed: Iterable[Alert]) -> list[tuple[object, ...]]:
    """One row for each alert, in the order of COLUMNS."""
    return [
        (each.id, each.severity, _state(each), each.count, instant(each.first), instant(each.last),
         each.campaign or each.run, f"{each.kind}: {each.evidence}", each.remedy or "-")
        for each in listed
    ]  # fmt: skip


def _state(alert: Alert) -> str:
    if alert.state is AlertState.OPEN:
        return "open"
    until = f" until {instant(alert.until)}" if alert.until else ""
    return f"{alert.state}{until} by {alert.by}: {alert.because}"


def _show(ledger: Ledger, run: str | None, out: Out, *, resolved: bool) -> None:
    every = alerts_of(ledger.alert_book(run), connections.now())
    listed = [each for each in every if resolved or each.state is not AlertState.RESOLVED]
    none = "there is no alert" + (f" of run {run}" if run else "")
    none += " that is open: --resolved shows the others" if every and not resolved else ""
    out.result({"alerts": listed}, table(COLUMNS, rows_of(listed)) if listed else none)


def _ledger() -> Ledger:
    return connections.open_ledger(connections.read_settings())
