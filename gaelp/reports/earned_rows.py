"""Did it earn? The rows of that table and the curves of its picture, by phase and arm and by campaign.

Touch this to group what was earned otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from gaelp.domain.ids import phase_of_campaign
from gaelp.domain.phases import Phase
from gaelp.domain.spending.campaign_records import Arm, CampaignResult
from gaelp.evidence.reported.earnings import Bounded, Earnings, ProfitDay, earned, profit_path
from gaelp.money import micros, rounded_money
from gaelp.reports.booked_campaigns import SPENDING
from gaelp.reports.report_facts import Facts


@dataclass(frozen=True)
class EarnedRow:
    """What a phase's campaigns of one arm earned, or one campaign; `campaign` is empty for a whole arm."""

    phase: Phase
    arm: Arm
    campaign: str
    product: str
    earnings: Earnings


def earned_rows(facts: Facts) -> list[EarnedRow]:
    """First each arm of each phase, then each campaign of the same; empty where nothing was reported."""
    if facts.config is None:
        return []
    rows = []
    for phase in SPENDING:
        for arm in Arm:
            of_arm = _campaigns(facts, phase, arm)
            if not of_arm:
                continue
            rows.append(EarnedRow(phase, arm, "", "", earned(of_arm, facts.config)))
            for each in of_arm:
                name = each.campaign.rpartition("/")[2]
                rows.append(EarnedRow(phase, arm, name, each.product, earned([each], facts.config)))
    return rows


def curves(facts: Facts, phase: Phase) -> dict[Arm, tuple[ProfitDay, ...]]:
    """Each arm's cumulated profit in a phase."""
    if facts.config is None:
        return {}
    return {arm: profit_path(_campaigns(facts, phase, arm), facts.config) for arm in Arm}


def losses(facts: Facts, phase: Phase) -> dict[str, int]:
    """How much a phase may lose at the most, in micros by name: where it is stopped, and what was approved."""
    named = {}
    if facts.config is not None:
        name = "stop-loss" if phase is Phase.LIVE_TEST else "stop-loss of a campaign"
        named[name] = micros(facts.config.live_test.drawdown_limit)
    if caps := facts.approved.get(phase):
        named["approved cap"] = max(caps.values())
    return named


def latest_phase(facts: Facts) -> Phase | None:
    """The last phase in which a campaign has reported a day."""
    return next((phase for phase in reversed(SPENDING) if any(_campaigns(facts, phase, arm) for arm in Arm)), None)


def did_it_earn(rows: list[EarnedRow], currency: str) -> str:
    """One sentence for each phase: what the candidate made or lost, beside the control."""
    said = []
    for row in rows:
        if row.campaign or row.arm is not Arm.CANDIDATE:
            continue
        control = next((each for each in rows if each.phase == row.phase and each.arm is Arm.CONTROL), None)
        beside = f", the control {_in_short(control.earnings, currency)}" if control else ""
        said.append(f"In {row.phase} it {_in_short(row.earnings, currency)}{beside}.")
    return " ".join(said)


def _in_short(earnings: Earnings, currency: str) -> str:
    profit, roi = earnings.profit_micros, earnings.roi
    amount = f"{'lost' if profit.value < 0 else 'made'} {rounded_money(abs(round(profit.value)), currency)}"
    if roi is None:
        return f"{amount} ({_days(earnings)})"
    return f"{amount} after ad cost (attributed ROI {roi.value:+.0%}, {_how_sure(roi)}; {_days(earnings)})"


def _days(earnings: Earnings) -> str:
    return f"{earnings.matured_days} {'day' if earnings.matured_days == 1 else 'days'} whose orders have come in"


def _how_sure(roi: Bounded) -> str:
    if roi.low is None or roi.high is None:
        return "on too few days to say how sure that is"
    likely = "likely a profit" if roi.low > 0 else "likely a loss" if roi.high < 0 else "it may be chance"
    return f"with 95 % confidence between {roi.low:+.0%} and {roi.high:+.0%}: {likely}"


def _campaigns(facts: Facts, phase: Phase, arm: Arm) -> list[CampaignResult]:
    return [
        each for each in facts.campaigns if each.arm is arm and each.days and phase_of_campaign(each.campaign) is phase
    ]
