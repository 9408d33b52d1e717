"""Which shares of a run's own limits a booking crosses.

An alert refuses nothing: the caps of reservation_rules.py do. Touch this to alert people of another limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gaelp.domain.spending.ledger_records import Reserve, Severity
from gaelp.ledger.rules.reservation_rules import RunLimits, limits_of
from gaelp.ledger.rules.running_totals import Scope
from gaelp.money import exact_money

GRAVE_SHARE = 0.9  # of a limit, from which the next booking may be refused


@dataclass(frozen=True)
class LimitAlert:
    """A limit of which more than a share is counted now, and was not before."""

    limit: str
    severity: Severity
    evidence: str


def crossed(
    booking: Reserve, limits: RunLimits, before: Mapping[Scope, int], rise_micros: int, currency: str
) -> tuple[LimitAlert, ...]:
    """One alert for each limit of which the booking crosses a share, the highest share where it crosses several.

    `before` is what was counted in each scope, and `rise_micros` by how much the booking raises it.
    """
    alerts = []
    for limit in limits_of(limits):
        share = max(_crossed(limits.alerts, limit.micros, before[limit.scope], rise_micros), default=None)
        if share is None:
            continue
        counted = exact_money(before[limit.scope] + rise_micros, currency)
        on = f" on {booking.day.isoformat()}" if limit.scope.daily else ""
        evidence = f"{counted} of the {limit.name} of {exact_money(limit.micros, currency)} are counted{on}"
        severity = Severity.MEDIUM if share >= GRAVE_SHARE else Severity.LOW
        alerts.append(LimitAlert(limit.name, severity, f"{evidence}: more than {share:.0%}"))
    return tuple(alerts)


def _crossed(shares: Sequence[float], limit: int, before: int, rise: int) -> list[float]:
    return [share for share in shares if before <= share * limit < before + rise]
