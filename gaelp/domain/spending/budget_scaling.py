"""How a portfolio's budgets move: raises in small steps on evidence, cuts at once.

A raise needs the lower bound of attributed ROI above zero on matured days, a cut its upper bound below zero. The bounds
treat conversions as Poisson counts (square-root transform: sqrt(n) +- z/2), revenue per conversion as known. Where a
platform divides conversions among ads, n is no whole number; the bounds are then wider than they need be, because the
variance of a sum of parts of at most 1 is at most its mean.

Touch this to change the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

from gaelp.domain.billing.billing_rules import worst_day_micros
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.monitoring.ladder import HeldBack
from gaelp.domain.spending.campaign_records import Arm, BudgetMove, CampaignPlan, DayReached
from gaelp.money import micros, rounded_down

Z = 1.2816  # one-sided 90 %: budgets move on less evidence than verdicts, because a move can be undone
CUT_TO = 2  # a cut halves


def move_budgets(
    plans: tuple[CampaignPlan, ...],
    reached: tuple[DayReached, ...],
    config: TrainingConfiguration,
    platform: str,
    daily_cap_micros: int,
    held: Mapping[str, HeldBack],
) -> tuple[BudgetMove, ...]:
    """One move per campaign that goes on, in the order of the plan; the worst day of all stays within the cap.

    `held` is what monitoring leaves of those campaigns of which a step stands.
    """
    by_name = {day.campaign: day for day in reached}
    open_plans = [plan for plan in plans if plan.campaign in by_name]
    # Of the day of the move: a platform bills it by the higher one of two budgets, so a cut frees nothing yet.
    befores = (by_name[plan.campaign].daily_budget_micros for plan in open_plans)
    worst_of_all = sum(worst_day_micros(platform, before, config.currency) for before in befores)
    moves = []
    for plan in open_plans:
        before = by_name[plan.campaign].daily_budget_micros
        after, reason = _next(plan, by_name[plan.campaign], config)
        if (holding := held.get(plan.campaign)) is not None and (after > before or holding.frozen):
            after, reason = before, "hold: a step of monitoring stands"
        worst, worst_after = (worst_day_micros(platform, b, config.currency) for b in (before, max(before, after)))
        if after > before and worst_of_all - worst + worst_after > daily_cap_micros:
            after, reason, worst_after = (
                before,
                f"{reason}, but the approved daily cap leaves no room for a raise",
                worst,
            )
        worst_of_all += worst_after - worst
        moves.append(BudgetMove(campaign=plan.campaign, before_micros=before, after_micros=after, reason=reason))
    return tuple(moves)


def _next(plan: CampaignPlan, reached: DayReached, config: TrainingConfiguration) -> tuple[int, str]:
    before = reached.daily_budget_micros
    if plan.arm is Arm.CONTROL:
        return before, "a control's budget stays"
    low, high = roi_bounds(reached, config)
    if low is None or high is None:
        return before, "no matured spend yet"
    words = f"attributed ROI on matured days between {low:+.0%} and {high:+.0%}"
    if low > 0:
        return rounded_down(int(before * (1 + config.scaled.raise_step)), config.currency), f"raise: {words}"
    if high < 0:
        return rounded_down(before // CUT_TO, config.currency), f"cut: {words}"
    return before, f"hold: {words}"


def roi_bounds(reached: DayReached, config: TrainingConfiguration) -> tuple[float | None, float | None]:
    """One-sided 90 % bounds of attributed ROI over matured days; None without matured spend."""
    matured = [day for day in reached.days if day.matured]
    cost = sum(max(day.cost_micros, day.served_micros) for day in matured)
    if cost == 0:
        return None, None
    count = sum(day.conversions for day in matured)
    revenue = sum(day.revenue_micros for day in matured)
    each = revenue / count if count else float(micros(config.economics.order_value))
    worth = each * config.economics.margin * (1 - config.economics.refund_rate) / cost
    low = max(sqrt(count) - Z / 2, 0.0) ** 2 if count else 0.0
    high = (sqrt(count) + Z / 2) ** 2 if count else 2.3026  # 90 % upper bound of a Poisson mean with none seen
    return low * worth - 1, high * worth - 1
