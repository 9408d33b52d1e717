"""The billing rules of ad platforms: the most that each may lawfully bill for a daily budget, on a day and in all.

Sources: Google Ads Help, "About spending limits" (a day: 2 x the average daily budget; a calendar month: 30.4 x); Meta
Business Help Centre, "About daily budgets" (a day: up to 75 % more; a week from Sunday to Saturday: 7 x). Both hold for
the highest budget that was set in the period, so callers pass that one. The emulator keeps Google's rule. All amounts
are integer micros; a worst case is rounded up, a budget down.

Touch this when a platform changes its rules or another platform is supported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from gaelp.domain.frozen import Frozen
from gaelp.errors import GaelpError


class ExposureLine(Frozen):
    """The worst that one campaign may be billed, by the platform's own rules."""

    campaign: str
    platform: str
    daily_budget_micros: int
    days: int
    worst_day_micros: int
    worst_total_micros: int
    rule: str  # "Google Ads: up to 2x the highest daily budget of a day"


class UnknownPlatform(GaelpError, ValueError):
    """No billing rule is known for a platform, so nothing may be spent there."""

    permanent = True


@dataclass(frozen=True)
class _Rule:
    day: Fraction  # of the daily budget, billed on one day
    period: Fraction  # of the daily budget, billed in one calendar period
    shortest_period: int  # days
    period_of: Callable[[date], tuple[int, int]]
    words: str


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _week(day: date) -> tuple[int, int]:
    # ISO weeks begin on Monday, Meta's on Sunday.
    year, week, _ = (day + timedelta(days=1)).isocalendar()
    return year, week


_RULES: dict[str, _Rule] = {
    "google-ads": _Rule(
        Fraction(2), Fraction(304, 10), 28, _month,
        "Google Ads: up to 2x the highest daily budget of a day, 30.4x in a calendar month",
    ),
    "meta": _Rule(
        Fraction(7, 4), Fraction(7), 7, _week,
        "Meta: up to 75 % above the highest daily budget of a day, 7x in a week from Sunday to Saturday",
    ),
    "emulator": _Rule(
        Fraction(2), Fraction(304, 10), 28, _month,
        "Emulator: up to 2x the highest daily budget of a day, 30.4x in a calendar month",
    ),
}  # fmt: skip


def _rule(platform: str) -> _Rule:
    try:
        return _RULES[platform]
    except KeyError:
        known = ", ".join(sorted(_RULES))
        raise UnknownPlatform(
            f"no billing rule is known for platform {platform!r}, so its worst case is unbounded: use one of {known}"
        ) from None


def worst_day_micros(platform: str, daily_budget_micros: int) -> int:
    """The most billed on one day whose highest budget is `daily_budget_micros`; raises UnknownPlatform."""
    return _ceil(_rule(platform).day * _budget(daily_budget_micros))


def worst_total_micros(platform: str, daily_budget_micros: int, days: int, start: date | None = None) -> int:
    """The most billed over `days` days on end; without `start`, for whatever day they begin on.

    Σ over calendar periods of min(day factor x days in it, period factor) x budget.
    """
    rule, budget = _rule(platform), _budget(daily_budget_micros)
    if days < 0:
        raise ValueError(f"a campaign cannot run {days} days: give 0 or more")
    if days == 0:
        return 0
    if start is not None:
        return _ceil(sum(min(rule.day * n, rule.period) for n in _days_per_period(rule, start, days)) * budget)
    most_periods = 1 + -(-(days - 1) // rule.shortest_period)
    return _ceil(min(rule.day * days, rule.period * most_periods) * budget)


def budget_for_cap(platform: str, cap_micros: int) -> int:
    """The largest daily budget whose worst day fits a hard daily cap; $50 on Google Ads is a budget of $25."""
    return int(_budget(cap_micros) / _rule(platform).day)


def exposure_line(
    campaign: str, platform: str, daily_budget_micros: int, days: int, start: date | None = None
) -> ExposureLine:
    """What one campaign may be billed at the worst; raises UnknownPlatform."""
    return ExposureLine(
        campaign=campaign,
        platform=platform,
        daily_budget_micros=daily_budget_micros,
        days=days,
        worst_day_micros=worst_day_micros(platform, daily_budget_micros),
        worst_total_micros=worst_total_micros(platform, daily_budget_micros, days, start),
        rule=_rule(platform).words,
    )


def crossed(limit_micros: int, used_micros: int, thresholds: Sequence[float]) -> tuple[float, ...]:
    """The thresholds (shares of the limit, as in 0.5, 0.8, 0.95) that `used_micros` has reached, ascending.

    Exact: 0.95 of a limit is reached at 95 hundredths of it, whatever binary fraction 0.95 is. A limit of zero has
    every threshold reached.
    """
    return tuple(sorted(t for t in thresholds if used_micros >= Fraction(str(t)) * limit_micros))


def _days_per_period(rule: _Rule, start: date, days: int) -> Iterable[int]:
    counts: dict[tuple[int, int], int] = {}
    for offset in range(days):
        period = rule.period_of(start + timedelta(days=offset))
        counts[period] = counts.get(period, 0) + 1
    return counts.values()


def _budget(micros: int) -> int:
    if micros < 0:
        raise ValueError(f"an amount of {micros} micros is negative: give 0 or more")
    return micros


def _ceil(amount: Fraction | int) -> int:
    return -int(-amount // 1)
