"""Which click days of an export are mature: old enough that their conversions are taken to have come.

Audit, plan and page all ask here. Touch this when maturity is to rest on something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

ASSUMED_DAYS = 14  # where nothing says how late the conversions of an account come


@dataclass(frozen=True)
class Maturity:
    """Mature are the click days of which so many whole days had passed when `today` began."""

    after_days: int
    today: date
    source: str  # `as --mature-after says`

    @property
    def first_young(self) -> date:
        """The first click day whose conversions still come."""
        return self.today - timedelta(days=self.after_days)

    @property
    def sentence(self) -> str:
        """What counts as mature, and why."""
        return f"Click days before {self.first_young} count as mature, {self.source}."

    def young_days(self, last_day: date) -> int:
        """How many days up to `last_day` are not mature."""
        return max(0, (last_day - self.first_young).days + 1)


def maturity_said(days: int, today: date) -> Maturity:
    """As somebody has said."""
    return Maturity(days, today, f"because --mature-after says that conversions are complete after {days} days")


def maturity_measured(oldest_age: int, today: date) -> Maturity:
    """By the age at which 90 % of the conversions have come, at its upper bound."""
    return Maturity(
        oldest_age + 1,
        today,
        f"as measured: by the age of {oldest_age} days 90 % of the conversions have come at least",
    )


def maturity_assumed(today: date) -> Maturity:
    """Where nothing is known."""
    unknown = f"because {ASSUMED_DAYS} days are taken where the file does not say how late conversions come"
    return Maturity(ASSUMED_DAYS, today, f"{unknown} (--mature-after says otherwise)")
