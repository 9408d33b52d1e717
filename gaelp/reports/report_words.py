"""The words of a report: what an agent may do, the reasons, the limits, and what people and safety did.

Touch this to reword the report.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gaelp.domain.ad_accounts import AccountKind
from gaelp.domain.gates.criteria_traps import flattering_traps
from gaelp.domain.gates.demotion import lost_in_words
from gaelp.domain.gates.undecidable_criteria import undecidable_in
from gaelp.domain.phases import GOOD_ENDS, Outcome, Phase
from gaelp.domain.spending.approval_card import SYNTHETIC_MARKET
from gaelp.money import micros, rounded_money
from gaelp.reports import plots
from gaelp.reports.booked_campaigns import SPENDING
from gaelp.reports.first_lines import named_criteria
from gaelp.reports.journal_money import signed_daily
from gaelp.reports.report_facts import Facts

MARKS = {"PASS": "✓", "FAIL": "✗", "INCONCLUSIVE": "?", "INVALID": "!"}
MAY = {
    Outcome.GRADUATED: "This agent may run live campaigns, inside the envelope that its account's owner approved.",
    Outcome.GRADUATED_UNPROVEN: "This agent may not handle real money yet, and as its run has ended, it spends nothing "
    "on the emulator either. It went through every phase there and no criterion failed, but not all are proven.",
    Outcome.PROMOTED: "This agent may not spend yet. It went through the phases that this run asked for. The reason "
    "says whether they are proven; a run with --from-phase takes the agent further.",
    Outcome.NOT_GRADUATED: "This agent may not spend. It was refused.",
    Outcome.STOPPED: "This agent may not spend. The run was stopped before it could prove itself.",
    Outcome.INTERRUPTED: "This agent may not spend. Something that is no doing of it interrupted the run, so its last "
    "phase was not judged and used no attempt: start it again.",
}
LOST = (
    "This agent may not go on with the state that this run left: the same state has failed since, and must pass the "
    "whole gate again."
)
RUNNING = "The run has not ended, so this agent may do nothing beyond the phase it is in."
WAITING = "Nothing that spends: it waits for a signature, and until then it spends nothing of what it asks."
NOTHING_EARNED = "Nothing, and nothing was lost: no campaign has reported a day."
ENDED = "The run has ended: to spend again takes a new run and a new signature."
STOPS = {"run-stopped": "the run", "fence": "everything of the account"}  # by the journal's kind: what was stopped


@dataclass(frozen=True)
class Limit:
    """A spend limit and how near the run came to it."""

    name: str
    limit_micros: int
    worst_micros: int

    @property
    def share(self) -> float:
        """Worst case as a share of the limit."""
        return self.worst_micros / self.limit_micros if self.limit_micros else 0.0


def counts(facts: Facts) -> dict[str, int]:
    """How many criteria have each verdict, INCONCLUSIVE by its kind."""
    labels = [_label(row) for rows in facts.criteria.values() for row in rows]
    return {label: labels.count(label) for mark in MARKS for label in dict.fromkeys(labels) if label.startswith(mark)}


def _label(row: dict[str, Any]) -> str:
    kind = row["inconclusive"]
    return f"{row['criterion_verdict']} ({kind})" if kind else str(row["criterion_verdict"])


def may(facts: Facts) -> str:
    """What the agent may do now."""
    if facts.outcome is None:
        return WAITING if facts.asked else RUNNING
    return LOST if facts.outcome in GOOD_ENDS and lost_passes_in_words(facts) else MAY[facts.outcome]


def lost_passes_in_words(facts: Facts) -> list[str]:
    """Each pass of the run that a later FAIL of the same agent state has taken, in a sentence."""
    lost = [(entry.phase, json.loads(entry.detail or "{}")) for entry in facts.journal if entry.kind == "pass-lost"]
    return [lost_in_words(phase, str(detail.get("to", ""))) for phase, detail in lost]


def ended_because(facts: Facts) -> str:
    """Why the run ended, in one sentence: of a stop, who stopped what, when and why. Empty while it goes on."""
    if facts.ended is None:
        return ""
    stops = [entry for entry in facts.journal if entry.kind in STOPS and entry.at <= facts.ended["at"]]
    if facts.outcome is not Outcome.STOPPED or not stops:
        return str(facts.ended["reason"] or "")
    stop, detail = stops[-1], json.loads(stops[-1].detail or "{}")
    who, why = detail.get("by") or "somebody", detail.get("reason") or "no reason was given"
    return f"{who} stopped {STOPS[stop.kind]} at {stop.at:%Y-%m-%d %H:%M} UTC, because of: {why}"


def answers(facts: Facts, why: str, earned: str) -> list[tuple[str, str]]:
    """What a person asks first, each with its answer; `why` says what is not proven, `earned` what was earned."""
    market = f" {SYNTHETIC_MARKET}" if facts.synthetic_market else ""
    return [
        ("Money", which_money(facts)),
        ("May do now", may(facts)),
        ("Earned", f"{earned}{_flattered(facts)}" if earned else NOTHING_EARNED),
        ("Not proven yet" if facts.outcome is None else "Why not promoted", f"{why}{market}"),
        ("To sign", _to_sign(facts)),
        ("Worst case from here", worst_case(facts)),
    ]


def which_money(facts: Facts) -> str:
    """Whether real money moves; where that is not known, every amount counts as real."""
    account = facts.started.get("account") or "of this run"
    if facts.account_kind is AccountKind.EMULATOR:
        return f"Account {account} is an emulator's: no real money moves, and every amount here is the emulator's."
    if facts.account_kind is AccountKind.REAL:
        return f"Account {account} is a real ad account: every amount here is real money."
    return f"The ledger does not know the account {account}: take every amount here as real money."


def _flattered(facts: Facts) -> str:
    """What a trap exam says against believing the profit, to be read beside it."""
    reasons = [str(row["reason"]) for rows in facts.criteria.values() for row in rows if row["criterion"] == "15"]
    traps = [trap for reason in reasons for trap in flattering_traps(reason)]
    if not traps:
        return ""
    return (
        f" This may flatter it: in its trap exams (15) the agent fell into {', '.join(traps)}, where it is credited "
        "with more than its ads bring."
    )


def _to_sign(facts: Facts) -> str:
    if not facts.asked:
        return "Nothing."
    said = ["That spend, on the terms of the card below. No answer is a refusal."]
    if facts.config is None:
        return said[0]
    for phase in facts.asked_micros:
        if never := [each.id for each in undecidable_in(Phase(phase), facts.config, None)]:
            said.append(
                f"It cannot make this run ready: the gate of {phase} can be FAIL and never PASS, because "
                f"{named_criteria(never)} can never be decided with these settings and this version."
            )
    return " ".join(said)


def worst_from_here(facts: Facts) -> int:
    """Micros that the run may still cost: of each phase what is reserved, or approved or asked and not billed yet."""
    return _worst(facts, facts.asked_micros)


def _worst(facts: Facts, asked: Mapping[str, int]) -> int:
    total = 0
    for phase in SPENDING:
        going_on = facts.outcome is None and phase not in facts.criteria
        cap = max(asked.get(phase, 0), *facts.approved.get(phase, {}).values(), 0) if going_on else 0
        billed = sum(day.billed_micros for day in facts.spend if day.phase == phase)
        total += max(facts.still_billable.get(phase, 0), cap - billed)
    return total


def worst_case(facts: Facts) -> str:
    """What the run may still cost from here on, and by what that is bounded."""
    worst, without = (rounded_money(_worst(facts, asked), facts.currency) for asked in (facts.asked_micros, {}))
    if facts.asked:
        refused = f"at most {without}" if _worst(facts, {}) else "nothing more"
        return f"At most {worst} more if you sign, {refused} if you do not."
    if facts.outcome is None and _worst(facts, {}):
        return f"At most {worst} more: what was approved and is not billed yet."
    if facts.outcome is None:
        return f"{worst} until somebody signs a spend: nothing is approved or reserved."
    if _worst(facts, {}):
        return f"At most {worst} more, for days that are reserved and not settled yet. {ENDED}"
    why = "every day that was reserved is settled" if facts.spend else "nothing was reserved"
    return f"{worst} more: {why}. {ENDED}"


def gate(row: Mapping[str, Any]) -> str:
    """What the gate's verdict meant for the run, by a criterion's row of it."""
    if not row["promote"]:
        return "The run went no further."
    if row["proven"]:
        return "Everything is proven, and the run went on."
    return "Not everything is proven. The run went on all the same, as mode advisory allows on an emulator's account."


def still_billable(facts: Facts) -> str:
    """What the run may still cost for what it has reserved; what is asked for comes on top of it."""
    if not facts.spend:
        return "Nothing was reserved and nothing was spent."
    more = sum(facts.still_billable.values())
    if not more:
        return "Nothing more of what was reserved: every day of it is settled."
    return f"Days that are reserved and not settled yet may still bill up to {rounded_money(more, facts.currency)}."


def limits(facts: Facts) -> list[Limit]:
    """Each spend limit with the worst case that was reserved under it; empty where the limits are not known."""
    if facts.config is None:
        return []
    rows = []
    for phase in (Phase.LIVE_TEST, Phase.SCALED):
        worst = max((day.worst_micros for day in facts.spend if day.phase == phase), default=0)
        if signed := signed_daily(facts.journal).get(phase):
            rows.append(Limit(f"{phase}, any one day, as it was signed", signed, worst))
        rows.append(Limit(f"{phase}, any one day, by its settings", plots.daily_cap(phase, facts.config), worst))
    campaign = max(facts.campaign_worst.values(), default=0)
    rows.append(Limit("any one campaign, over its life", micros(facts.config.limits.campaign), campaign))
    # A settled day holds what it was billed, an open one its worst case; after the run they are settled.
    rows.append(Limit("the whole run, billed", micros(facts.config.limits.run), facts.billed_micros))
    return rows


def events(facts: Facts) -> list[dict[str, Any]]:
    """What people and safety did: approvals, refusals, fences, violations, freezes; not each cent."""
    quiet = {"reserve", "post", "settle", "claim", "resolve", "run", "run-begun", "run-ended", "attempt", "verdict"}
    in_sections = {"monitoring-step", "monitoring-undone", "alert", "alert-resolved", "alert-silenced"}  # of their own
    return [
        {
            "at": entry.at,
            "kind": entry.kind,
            "phase": entry.phase,
            "key": entry.key,
            "detail": _withdrawn(facts) if entry.kind == "withdraw" else _detail(entry.detail, facts.currency),
        }
        for entry in facts.journal
        if entry.kind not in quiet | in_sections
    ]


def _withdrawn(facts: Facts) -> str:
    why = "was stopped" if facts.outcome is Outcome.STOPPED else "has ended"
    return f"by GAELP itself, because the run {why}: nothing may be spent under this request any more"


def _detail(detail: str, currency: str) -> str:
    """A journal entry's JSON as `name value` pairs, money as money; whatever is no object is shown as it is."""
    try:
        pairs = json.loads(detail or "{}")
    except ValueError:
        return detail
    if not isinstance(pairs, dict):
        return detail
    shown = [pair for pair in pairs.items() if pair[1] not in ("", None) and pair[0] not in ("signature", "passkey")]
    return ", ".join(_pair(*pair, currency) for pair in shown)


def _pair(name: str, value: Any, currency: str) -> str:
    if name.endswith("_micros") and isinstance(value, int):
        return f"{name.removesuffix('_micros')} {rounded_money(value, currency)}"
    return f"{name} {value}"
