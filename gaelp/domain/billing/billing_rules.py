"""The billing rules of ad platforms: the most that each may lawfully bill for a daily budget, on a day and in all.

Google Ads
  - a day: at most 2 x the average daily budget for most campaigns; where the budget is changed during the day, 2 x the
    highest one of that day (support.google.com/google-ads/answer/10486637 and /10487143, read in November 2026);
  - a calendar month without a change: at most 30.4 x the budget (answer/10486637). The page also says that only the
    days count on which a campaign ran; we take the larger reading;
  - after a change of the budget: what was spent so far, and the new budget times the days left in the month, the day
    of the change among them (answer/10487143: $103 by 24 November, then $10 a day, are $173 for November);
  - a campaign that is paid per conversion or by hotel commission may bill 30.4 budgets on one day (answer/10486637).
Meta
  - a day: at most 75 % above the daily budget (Meta Business Help Centre, "About daily budgets", read in November 2026;
    developers.facebook.com still says 25 %; we take the larger);
  - a week from Sunday to Saturday: at most 7 x the budget (the same page). What a week may bill in which the budget was
    changed stands on no page that we know, so such a week counts its worst days.
Emulator: Google's rules.

People and automatic rules change budgets, and each change can lift the limit of a period. So the most that a campaign
may be billed in all is the sum of its worst days. No campaign of ours has a total that its platform fixes.

All amounts are integer micros; a worst case is rounded up to the currency's smallest unit, a budget down. Touch this
when a platform changes its rules or another platform is supported.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from gaelp.domain.frozen import Frozen
from gaelp.errors import GaelpError
from gaelp.money import rounded_down, rounded_up


class ExposureLine(Frozen):
    """The worst that one campaign may be billed, by the platform's own rules."""

    campaign: str
    platform: str
    daily_budget_micros: int
    days: int
    worst_day_micros: int
    worst_total_micros: int
    rule: str  # "Google Ads: up to 2x the highest daily budget of a day"


class ChargedFor(StrEnum):
    """What a platform charges a campaign for."""

    DELIVERY = "delivery"  # impressions or clicks
    CONVERSIONS = "conversions"
    COMMISSION = "commission"


class UnknownPlatform(GaelpError, ValueError):
    """No billing rule is known for a platform, so nothing may be spent there."""

    permanent = True


class UnboundedBilling(GaelpError, ValueError):
    """A campaign that is charged in a way for which no rule bounds a day."""

    permanent = True


@dataclass(frozen=True)
class _Rule:
    day: Fraction  # of the highest daily budget of a day, billed on it
    period: Fraction  # of the daily budget, billed in one calendar period in which it was not changed
    period_ends: Callable[[date], date]  # the last day of the period that a day lies in
    edit_renews: bool  # a change allows the new budget for each day left; otherwise no limit of the period holds
    words: str
    source: str


def _month_ends(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def _week_ends(day: date) -> date:
    return day + timedelta(days=6 - day.isoweekday() % 7)  # Meta's weeks end on Saturday


_GOOGLE_WORDS = "up to 2x the highest daily budget of a day; its monthly limit ends with the first change of the budget"
_GOOGLE = _Rule(
    day=Fraction(2),
    period=Fraction(304, 10),
    period_ends=_month_ends,
    edit_renews=True,
    words=f"Google Ads: {_GOOGLE_WORDS}",
    source="support.google.com/google-ads/answer/10486637 and answer/10487143, read in November 2026",
)
_RULES: dict[str, _Rule] = {
    "google-ads": _GOOGLE,
    "meta": _Rule(
        day=Fraction(7, 4),
        period=Fraction(7),
        period_ends=_week_ends,
        edit_renews=False,
        words="Meta: up to 75 % above the highest daily budget of a day; its weekly limit ends with the first change "
        "of the budget",
        source="Meta Business Help Centre, About daily budgets, read in November 2026",
    ),
    "emulator": replace(_GOOGLE, words=f"Emulator: {_GOOGLE_WORDS}"),
}


def _rule(platform: str) -> _Rule:
    try:
        return _RULES[platform]
    except KeyError:
        known = ", ".join(sorted(_RULES))
        raise UnknownPlatform(
            f"no billing rule is known for platform {platform!r}, so its worst case is unbounded: use one of {known}"
        ) from None


def rule_sentence(platform: str) -> str:
    """A platform's rule and where it is published, in a sentence; raises UnknownPlatform."""
    rule = _rule(platform)
    return f"{rule.words} ({rule.source})."


def worst_day_micros(platform: str, daily_budget_micros: int, currency: str) -> int:
    """The most billed on one day whose highest budget is `daily_budget_micros`.

    Raises UnknownPlatform and UnknownCurrency.
    """
    return rounded_up(day_limit(platform, daily_budget_micros), currency)


def worst_total_micros(platform: str, daily_budget_micros: int, days: int, currency: str) -> int:
    """The most billed over `days` days on none of which the budget is higher: the sum of the worst days."""
    if days < 0:
        raise ValueError(f"a campaign cannot run {days} days: give 0 or more")
    return days * worst_day_micros(platform, daily_budget_micros, currency)


def budget_for_cap(platform: str, cap_micros: int, currency: str) -> int:
    """The largest daily budget whose worst day fits a hard daily cap; $50 on Google Ads is a budget of $25."""
    return rounded_down(rounded_down(_amount(cap_micros), currency) / _rule(platform).day, currency)


def day_limit(platform: str, highest_budget_micros: int) -> Fraction:
    """What a day may bill, exactly, whose highest budget is given."""
    return _rule(platform).day * _amount(highest_budget_micros)


def period_limit(platform: str, daily_budget_micros: int) -> Fraction:
    """What a calendar period of the platform may bill, exactly, in which the budget is not changed."""
    return _rule(platform).period * _amount(daily_budget_micros)


def limit_after_edit(platform: str, new_budget_micros: int, day: date) -> Fraction | None:
    """What may be billed, exactly, from a change of the budget on `day` to the period's end; None: no known limit."""
    rule = _rule(platform)
    days_left = (rule.period_ends(day) - day).days + 1
    return Fraction(_amount(new_budget_micros)) * days_left if rule.edit_renews else None


def period_end(platform: str, day: date) -> date:
    """The last day of the platform's calendar period that a day lies in."""
    return _rule(platform).period_ends(day)


def refuse_unbounded(platform: str, charged_for: ChargedFor) -> None:
    """Raise UnboundedBilling where a day's bill is not bounded by the rules above."""
    if charged_for is not ChargedFor.DELIVERY:
        raise UnboundedBilling(
            f"a campaign on {platform} that is charged for {charged_for.value} may bill a whole month's budget on one "
            "day: let it be charged for impressions or clicks"
        )


def exposure_line(campaign: str, platform: str, daily_budget_micros: int, days: int, currency: str) -> ExposureLine:
    """What one campaign may be billed at the worst; raises UnknownPlatform and UnknownCurrency."""
    return ExposureLine(
        campaign=campaign,
        platform=platform,
        daily_budget_micros=daily_budget_micros,
        days=days,
        worst_day_micros=worst_day_micros(platform, daily_budget_micros, currency),
        worst_total_micros=worst_total_micros(platform, daily_budget_micros, days, currency),
        rule=_rule(platform).words,
    )


def crossed(limit_micros: int, used_micros: int, thresholds: Sequence[float]) -> tuple[float, ...]:
    """The thresholds (shares of the limit, as in 0.5, 0.8, 0.95) that `used_micros` has reached, ascending.

    Exact: 0.95 of a limit is reached at 95 hundredths of it, whatever binary fraction 0.95 is. A limit of zero has
    every threshold reached.
    """
    return tuple(sorted(t for t in thresholds if used_micros >= Fraction(str(t)) * limit_micros))


def _amount(micros: int) -> int:
    if micros < 0:
        raise ValueError(f"an amount of {micros} micros is negative: give 0 or more")
    return micros
