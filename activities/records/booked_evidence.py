"""What campaigns report, held against the ledger: a day costs what either of the two says, whichever is more.

Touch this when a gate relies on one more thing that the ledger knows as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.ledger.stored_records import Reservation


def booked(
    campaigns: Sequence[CampaignResult], reservations: Sequence[Reservation]
) -> tuple[tuple[CampaignResult, ...], tuple[str, ...]]:
    """The campaigns with each day's cost as the ledger counts it, and what cannot be.

    A day that was reported and never reserved, and a day that cost something and is not reported, cannot be.
    """
    checked, problems = [], []
    of_campaign: defaultdict[str, dict[date, Reservation]] = defaultdict(dict)
    for reservation in reservations:
        of_campaign[reservation.campaign][reservation.day] = reservation
    for campaign in campaigns:
        by_day = of_campaign[campaign.campaign]
        days = tuple(
            day.model_copy(update={"cost_micros": max(day.cost_micros, _cost(by_day[day.day]))})
            if day.day in by_day
            else day
            for day in campaign.days
        )
        reported = {day.day for day in days}
        active = [d.day for d in days if d.cost_micros or d.served_micros or d.conversions or d.revenue_micros]
        problems += [
            f"{campaign.campaign} reports {day}, which was never reserved" for day in active if day not in by_day
        ]
        problems += [
            f"{campaign.campaign} does not report {day}, which cost {_cost(by_day[day]) / 1e6:.2f} by the ledger"
            for day in sorted(set(by_day) - reported)
            if _cost(by_day[day])
        ]
        checked.append(campaign.model_copy(update={"days": days}))
    return tuple(checked), tuple(problems)


def _cost(reservation: Reservation) -> int:
    """What the ledger knows that the day has cost so far."""
    final = reservation.final_micros
    return reservation.billed_micros if final is None else max(final, reservation.billed_micros)
