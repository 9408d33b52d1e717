"""What the ledger holds of campaigns that a gate judges: their days as the platform reported them, and what they cost.

A result is a message, and anybody who reaches Temporal can write one: its own days are not believed. A day costs what
its report or its reservation says, whichever is more. Touch this when a gate relies on one more thing of the ledger.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import CampaignResult, DecisionMade
from gaelp.domain.spending.ledger_records import NOT_THE_AGENTS, Severity, Violation
from gaelp.ledger.stored_records import Reservation
from gaelp.money import exact_money

Reported = Mapping[str, tuple[DayReport, ...]]
"""The days of each campaign, as the platform reported them to the ledger."""


def with_reported_days(campaigns: Sequence[CampaignResult], reported: Reported) -> tuple[CampaignResult, ...]:
    """The campaigns with these days in the place of those that their results bring."""
    return tuple(each.model_copy(update={"days": reported.get(each.campaign, ())}) for each in campaigns)


def with_kept_decisions(
    campaigns: Sequence[CampaignResult], decisions: Sequence[DecisionMade]
) -> tuple[CampaignResult, ...]:
    """The campaigns with the actions, near-misses and planned budgets that the ledger knows.

    A day is planned at the budget of the first decision that was applied on it.
    """
    of_campaign: defaultdict[str, list[DecisionMade]] = defaultdict(list)
    for decision in sorted(decisions, key=lambda each: each.tick):
        of_campaign[decision.campaign].append(decision)
    counted = []
    for campaign in campaigns:
        made = of_campaign[campaign.campaign]
        planned = {each.day: each.daily_budget_micros for each in reversed(made) if each.applied}
        known = {
            "actions": len(made),
            "near_misses": sum(each.near_miss for each in made),
            "planned_micros": sum(planned.values()),
        }
        counted.append(campaign.model_copy(update=known))
    return tuple(counted)


def agents_own(violations: Iterable[Violation]) -> list[Violation]:
    """The grave violations that count against the agent: nobody has cleared them, and nobody else has done them."""
    return [each for each in violations if _is_grave(each) and each.kind not in NOT_THE_AGENTS]


def with_violations(campaigns: Sequence[CampaignResult], violations: Iterable[Violation]) -> tuple[CampaignResult, ...]:
    """The campaigns with their grave violations; one that names none of them is counted on the first, never dropped."""
    names = {c.campaign for c in campaigns}
    grave = Counter(v.campaign if v.campaign in names else campaigns[0].campaign for v in agents_own(violations))
    return tuple(c.model_copy(update={"violations": grave[c.campaign]}) for c in campaigns)


def others_doing(violations: Iterable[Violation]) -> str:
    """What somebody else or the platform has done to a run that no person has cleared; empty where there is nothing.

    Campaigns that somebody else has changed say nothing about their agent, so no gate judges them.
    """
    for each in violations:
        if _is_grave(each) and each.kind in NOT_THE_AGENTS:
            return f"{each.kind} of {each.campaign}, which is no doing of its agent: {each.evidence}"
    return ""


def interruption_of(campaigns: Iterable[CampaignResult]) -> str:
    """The first campaign that ended by neither its plan nor its agent, and why; empty where there is none."""
    return next((f"{each.campaign}: {each.interruption}" for each in campaigns if each.interruption), "")


def _is_grave(violation: Violation) -> bool:
    return violation.severity in (Severity.CRITICAL, Severity.HIGH) and violation.resolved_by is None


def at_booked_cost(reported: Reported, reservations: Iterable[Reservation]) -> Reported:
    """The reported days, each at the cost that the ledger counts."""
    costs = {(each.campaign, each.day): _cost(each) for each in reservations}
    return {
        name: tuple(day.at_booked_cost(costs.get((name, day.day), 0)) for day in days)
        for name, days in reported.items()
    }


def booked(
    campaigns: Sequence[CampaignResult], reservations: Sequence[Reservation], reported: Reported, currency: str
) -> tuple[tuple[CampaignResult, ...], tuple[str, ...]]:
    """The campaigns with their reported days, each at the cost that the ledger counts; and what cannot be.

    A day that was reported and never reserved, and a day that cost something and is not reported, cannot be.
    """
    checked, problems = [], []
    of_campaign: defaultdict[str, dict[date, Reservation]] = defaultdict(dict)
    for reservation in reservations:
        of_campaign[reservation.campaign][reservation.day] = reservation
    for campaign in with_reported_days(campaigns, at_booked_cost(reported, reservations)):
        by_day, days = of_campaign[campaign.campaign], campaign.days
        listed = {day.day for day in days}
        active = [d.day for d in days if d.cost_micros or d.served_micros or d.conversions or d.revenue_micros]
        problems += [
            f"{campaign.campaign} reports {day}, which was never reserved" for day in active if day not in by_day
        ]
        problems += [
            f"{campaign.campaign} does not report {day}, which cost "
            f"{exact_money(_cost(by_day[day]), currency)} by the ledger"
            for day in sorted(set(by_day) - listed)
            if _cost(by_day[day])
        ]
        checked.append(campaign)
    return tuple(checked), tuple(problems)


def _cost(reservation: Reservation) -> int:
    """What the ledger knows that the day has cost so far."""
    final = reservation.final_micros
    return reservation.billed_micros if final is None else max(final, reservation.billed_micros)
