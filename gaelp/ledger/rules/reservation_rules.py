"""Whether a campaign day may be reserved, and whether its worst case fits every cap. Touch this to change a cap.

What is not known counts in full: an open or frozen reservation counts by its worst case, or by what was posted above
it, and a settled one by its final amount (`counted_micros`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gaelp.domain.ad_accounts import Account
from gaelp.domain.billing.billing_rules import worst_day_micros
from gaelp.domain.ids import index_of_key
from gaelp.domain.monitoring.ladder import LadderStep, StepTaken
from gaelp.domain.platform_records import MOST_REPORTED
from gaelp.domain.spending.approval_requests import ApprovalRequest
from gaelp.domain.spending.campaign_clock import AccountCalendar
from gaelp.domain.spending.ledger_records import Reserve, Severity
from gaelp.ledger.rules.approval_rules import judge_approval
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused
from gaelp.ledger.rules.running_totals import Scope
from gaelp.ledger.stored_records import Reservation, StoredRequest
from gaelp.money import exact_money, rounded_up

GRAVE_SHARE = 0.9  # of a limit, from which an alert says that the next booking may be refused


@dataclass(frozen=True)
class RaiseStep:
    """How a campaign's budget may rise by the configuration that was signed, from one period to the next."""

    first_worst_micros: int  # worst day of the budget that it starts with
    share: float  # of the worst day before, as in 0.2
    period_days: int


@dataclass(frozen=True)
class RunLimits:
    """The run's own limits, in micros; None means that there is none."""

    campaign_micros: int | None = None
    run_micros: int | None = None
    account_daily_micros: int | None = None
    step: RaiseStep | None = None
    alerts: tuple[float, ...] = ()  # shares of each limit of which people are told


@dataclass(frozen=True)
class Cap:
    """A hard limit on what may be counted in its scope. The day is the one that is asked for."""

    name: str
    scope: Scope
    micros: int


@dataclass(frozen=True)
class CapRuling(Ruling):
    """Whether a worst case fits every cap.

    Refused: `cap` is the name of the first cap that it does not fit, and `left_micros` is what that cap leaves for it.
    Granted: `worst_case_micros` and `counted_micros` are what is booked from now on.
    """

    cap: str = ""
    left_micros: int = 0
    worst_case_micros: int = 0
    counted_micros: int = 0


def judge_request(
    booking: Reserve, existing: Reservation | None, stored: StoredRequest | None, account: Account
) -> Ruling:
    """Whether this day may be reserved at all: its key is free or its own, and a standing approval covers it."""
    own = _judge_key(booking, existing)
    if not own.granted:
        return own
    if booking.worst_case_micros >= MOST_REPORTED:
        return refused(
            f"{exact_money(booking.worst_case_micros, account.currency)} is more than any day may be reserved at: take "
            f"a budget whose worst day is below {exact_money(MOST_REPORTED, account.currency)}"
        )
    if stored is None:
        return refused(f"no approval request {booking.request_id} was opened: nothing may be spent without one")
    differing = [
        name for name in ("account", "run", "phase") if getattr(stored.request, name) != getattr(booking, name)
    ]
    if differing:
        return refused(f"approval {booking.request_id} is for another {' and '.join(differing)}")
    approval = judge_approval(stored, account, booking.at)
    return _judge_today(booking, account) if approval.granted else approval


def ended(booking: Reserve) -> Ruling:
    """What has ended does not begin again, though days of it were signed and not used: its end may have been a halt."""
    return refused(f"campaign {booking.campaign} has ended: what is left of its days needs a new request")


def _judge_today(booking: Reserve, account: Account) -> Ruling:
    """The lease ends with the day that is booked, so whatever is written before that day would bill until its end."""
    today = AccountCalendar(account.timezone).day_of(booking.at)
    if today == booking.day:
        return GRANTED
    return refused(
        f"{booking.key} is {booking.day.isoformat()}, and it is asked for on {today.isoformat()}: a day is reserved "
        "while it lasts"
    )


def judge_step(
    booking: Reserve, days: Iterable[Reservation], step: RaiseStep | None, account: Account, taken: Sequence[StepTaken]
) -> Ruling:
    """Whether the day lies within one step of the last day of the campaign's earlier periods.

    The permission to go on carries no signature, so whatever it says the budget rises by one step in a period. `taken`
    are monitoring's steps in the campaign: what a named person has restored is no raise.
    """
    if step is None:
        return GRANTED
    begins = index_of_key(booking.key) // step.period_days * step.period_days
    earlier = [day for day in days if index_of_key(day.key) < begins]
    last = max(earlier, key=lambda day: day.day, default=None)
    base = step.first_worst_micros if last is None else max(last.worst_case_micros, _restored(last, taken, account))
    most = rounded_up(base * (1 + Fraction(str(step.share))), account.currency) if begins else base
    if booking.worst_case_micros <= most:
        return GRANTED
    asked, allowed = (exact_money(micros, account.currency) for micros in (booking.worst_case_micros, most))
    return refused(
        f"{asked} was asked for {booking.key}, and a step of {step.share:.0%} in a period of {step.period_days} days "
        f"allows {allowed}: a larger raise needs a new request"
    )


def _restored(last: Reservation, taken: Sequence[StepTaken], account: Account) -> int:
    """The worst day of the budget from which a cut had lowered that day, where a person has undone it since; else 0."""

    def worst(budget_micros: int) -> int:
        return worst_day_micros(account.platform, budget_micros, account.currency)

    undone = (each for each in taken if each.step is LadderStep.CUT and each.undone_by and each.day <= last.day)
    lowered = (each for each in undone if last.worst_case_micros <= worst(each.after.daily_budget_micros))
    return max((worst(each.before.daily_budget_micros) for each in lowered), default=0)


def _judge_key(booking: Reserve, existing: Reservation | None) -> Ruling:
    if existing is None:
        return GRANTED
    names = ("account", "run", "phase", "campaign", "day")
    differing = [name for name in names if getattr(existing, name) != getattr(booking, name)]
    if differing:
        return refused(f"reservation {booking.key} exists with another {' and '.join(differing)}: use a key of its own")
    if existing.state != "open":
        return refused(f"reservation {booking.key} is {existing.state} and takes no more spend")
    return GRANTED


def caps_of(request: ApprovalRequest, account: Account, limits: RunLimits) -> tuple[Cap, ...]:
    """Every cap that applies to a reservation, in the order in which a refusal names them."""
    return (
        Cap("approved daily cap", Scope.PHASE_DAY, request.daily_cap_micros),
        Cap("approved total cap", Scope.PHASE, request.total_cap_micros),
        Cap("account's daily cap", Scope.ACCOUNT_DAY, account.daily_cap_micros),
        Cap("account's total cap", Scope.ACCOUNT, account.total_cap_micros),
        *limits_of(limits),
    )


def limits_of(limits: RunLimits) -> tuple[Cap, ...]:
    """The run's own limits, where there are any."""
    optional = (
        ("run's limit per account and day", Scope.ACCOUNT_DAY, limits.account_daily_micros),
        ("campaign's limit", Scope.CAMPAIGN, limits.campaign_micros),
        ("run's limit", Scope.RUN, limits.run_micros),
    )
    return tuple(Cap(name, scope, micros) for name, scope, micros in optional if micros is not None)


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


def judge_worst_case(
    booking: Reserve, existing: Reservation | None, caps: Sequence[Cap], used: Mapping[Scope, int], currency: str
) -> CapRuling:
    """Whether the worst case fits every cap; a reservation may rise, checked anew, and never falls.

    `used` is what is counted in each scope of a cap, the existing reservation included.
    """
    booked, counted = (existing.worst_case_micros, existing.counted_micros) if existing is not None else (0, 0)
    # The reservation itself is not counted against what it may rise to.
    room = [(cap, cap.micros - used[cap.scope] + counted) for cap in caps]
    worst_case = booked
    if existing is None or booking.worst_case_micros > booked:
        worst_case, counted = booking.worst_case_micros, max(booking.worst_case_micros, counted)
        for cap, left in room:
            if counted > left:
                reason = _sentence(cap, max(left, 0), booking, currency)
                return CapRuling(False, reason, cap=cap.name, left_micros=max(left, 0), worst_case_micros=booked)
    return CapRuling(True, worst_case_micros=worst_case, counted_micros=counted)


def _sentence(cap: Cap, left: int, booking: Reserve, currency: str) -> str:
    on = f" on {booking.day.isoformat()}" if cap.scope.daily else ""
    return (
        f"the {cap.name} of {exact_money(cap.micros, currency)} leaves {exact_money(left, currency)}{on}, and "
        f"{exact_money(booking.worst_case_micros, currency)} was asked for {booking.key}"
    )
