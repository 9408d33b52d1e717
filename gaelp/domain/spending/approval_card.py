"""The approval card: what a person reads before signing an approval request, in at most twelve lines.

One pure function makes it of the request and of facts that an activity has read in the ledger. It holds names, numbers
and digests only, none of them written by an agent. Terminal, page, report and event show the same text.

Touch this to show more on it; the facts are in card_facts.py.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil

from gaelp.domain.ad_accounts import AccountKind
from gaelp.domain.frozen import Frozen
from gaelp.domain.gates.undecidable_criteria import undecidable_in
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.monitoring.ladder import SUSPICION_DAYS
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approval_requests import ApprovalRequest, request_digest
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign
from gaelp.domain.spending.campaign_clock import HOURS_PER_DAY
from gaelp.domain.spending.campaign_planning import maturing_hours
from gaelp.domain.spending.campaign_records import Arm
from gaelp.domain.spending.card_facts import CardFacts
from gaelp.domain.spending.signed_starts import four_eyes, who_started
from gaelp.money import exact_money, micros, rounded_down, rounded_money

MOST_LINES = 12
GROUPS_SHOWN = 3
NAMES_SHOWN = 3
_LINE = re.compile(r"- \*\*(?P<label>.+?):\*\* (?P<text>.*)")
_MARKED = re.compile(r"\*\*(.+?)\*\*|`(.+?)`")

SYNTHETIC_MARKET = "Synthetic market: no log of this run calibrates the market that its agent was trained in."
KINDS = {"undecided": "undecided: more data can decide", "unsupported": "unsupported: these logs can never decide"}
HEADS = {"bid_micros": "bids", "creative_prob": "creative shares", "spend_rate": "pacing", "target": "targets"}
ROLES = {Arm.CANDIDATE: "the agent under test", Arm.CONTROL: "the control that it is compared with"}
LEARNING = {"emulator": "the emulator has no learning phase that a change could restart"}
"""By platform, what a change of a campaign does to the platform's own learning."""


class ApprovalCard(Frozen):
    """An open request, with the text that a person sees before signing."""

    request: ApprovalRequest
    request_digest: str
    text: str  # markdown, as card_text made it

    @property
    def shown(self) -> str:
        """The card, and under it what the signature is bound to."""
        return f"{self.text} Request `{self.request.request_id}`, digest `{self.request_digest}`."

    @property
    def is_as_signed(self) -> bool:
        """Whether request and text are those that the digest binds; a card of which this is false is not shown."""
        bound = self.request.card_digest == card_digest(self.text)
        return bound and self.request_digest == request_digest(self.request)


def card_digest(text: str) -> str:
    """SHA-256 hex of a card's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def card_text(request: ApprovalRequest, campaigns: Sequence[ApprovedCampaign], facts: CardFacts) -> str:
    """Markdown of what a person is about to sign: at most MOST_LINES lines, the digests last."""
    lines = (
        (f"{request.purpose.capitalize()} for {request.run}, phase {request.phase}", _asked(request, facts)),
        ("Worst case", _worst_case(request, campaigns)),
        ("Earned so far", _earned(request, facts)),
        ("Not proven", " ".join(_unproven(request, facts))),
        ("Advertises", _advertised(campaigns, facts)),
        ("Campaigns", _grouped(campaigns, request, facts)),
        ("Displaces", _displaced(request, facts)),
        ("Stop-loss", _stop_loss(request, facts)),
        ("Answer", _answer(request, campaigns, facts)),
        ("Without asking again", _free_changes(request, facts)),
        ("Ends, and who asks", _end(request, facts)),
        ("Bound", _bound(request)),
    )
    return "\n".join(f"- **{label}:** {text}" for label, text in lines)


CardLines = list[tuple[str, list[tuple[str, str]]]]
"""A card's lines: label, and the parts of its text with what each is."""


def card_lines(text: str) -> CardLines:
    """A card as a template of a page takes it: label, and parts of the text that are "plain", "strong" or "code"."""
    lines = []
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        label, said = (found["label"], found["text"]) if found else ("", line)
        lines.append((label, list(_parts(said))))
    return lines


def _parts(text: str) -> list[tuple[str, str]]:
    parts, end = [], 0
    for found in _MARKED.finditer(text):
        parts.append(("plain", text[end : found.start()]))
        parts.append(("strong", found[1]) if found[1] else ("code", found[2]))
        end = found.end()
    return [part for part in (*parts, ("plain", text[end:])) if part[1]]


# ------------------------------------------------------------ the lines


def _asked(request: ApprovalRequest, facts: CardFacts) -> str:
    total, daily = (exact_money(m, request.currency) for m in (request.total_cap_micros, request.daily_cap_micros))
    before = [
        f"{exact_money(each.total_cap_micros, each.currency)} in all and "
        f"{exact_money(each.daily_cap_micros, each.currency)} a day ({each.request_id})"
        for each in facts.approved_before
    ]
    unreal = ", an emulator's: no real money moves" if facts.now.account.kind is AccountKind.EMULATOR else ""
    return (
        f"agent {request.agent} asks for at most **{total}** in all and **{daily}** on any one day of account "
        f"{request.account}{unreal}. Approved before in this run: {'; '.join(before) or 'nothing'}."
        f"{_above_what_is_proven(request, facts)}"
    )


def _above_what_is_proven(request: ApprovalRequest, facts: CardFacts) -> str:
    tested, currency = facts.unproven_daily_micros, request.currency
    if request.phase is Phase.LIVE_TEST or not 0 < tested < request.daily_cap_micros:
        return ""
    return (
        f" **The live test has not proven a profit (criterion 8). That supports the same budget at most, "
        f"{exact_money(tested, currency)} a day; this asks for {request.daily_cap_micros / tested:.1f} times it.**"
    )


def _worst_case(request: ApprovalRequest, campaigns: Sequence[ApprovedCampaign]) -> str:
    if not campaigns:
        return "no campaign is listed, so nothing can be billed."
    summed = exact_money(sum(c.ceiling.worst_total_micros for c in campaigns), request.currency)
    return (
        f"all {request.campaign_count} campaigns bill their worst day on each of their days, {summed}; the caps allow "
        f"at most what is asked. Rule of a worst day: {'; '.join(sorted({c.ceiling.rule for c in campaigns}))}."
    )


def _earned(request: ApprovalRequest, facts: CardFacts) -> str:
    verdicts = ", ".join(gate.label for gate in facts.gates) or "no gate has judged this run"
    if facts.earned is None:
        return f"nothing, because no day of a campaign of this run has matured. Verdicts: {verdicts}."
    earned, currency = facts.earned, request.currency
    roi = "unknown" if earned.roi is None else f"{earned.roi:+.1%}"
    low = "no bound below 10 matured days" if earned.roi_low is None else f"at 95 % at least {earned.roi_low:+.1%}"
    return (
        f"attributed ROI {roi} ({low}): {rounded_money(earned.profit_micros, currency)} after "
        f"{rounded_money(earned.cost_micros, currency)} of cost, on {earned.days} days whose orders have come in. "
        f"Verdicts: {verdicts}."
    )


def _unproven(request: ApprovalRequest, facts: CardFacts) -> Iterator[str]:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for gate in facts.gates:
        for criterion in gate.criteria:
            if criterion.verdict is not Verdict.PASS:
                by_kind[str(criterion.inconclusive or criterion.verdict)].append(f"{criterion.id} {criterion.name}")
    if by_kind:
        listed = [f"{', '.join(dict.fromkeys(names))} ({KINDS.get(kind, kind)})" for kind, names in by_kind.items()]
        yield f"{'; '.join(listed)}."
    if not request.evidence_digest:
        yield "**The evidence is missing**: no phase of this run has passed a gate before this one."
    if request.unvalidated_heads:
        yield f"No log has validated its {' and its '.join(HEADS.get(h, h) for h in request.unvalidated_heads)}."
    if facts.terms.synthetic_market:
        yield SYNTHETIC_MARKET
    if not (by_kind or request.unvalidated_heads or facts.terms.synthetic_market) and request.evidence_digest:
        yield "Every criterion of the phases before has passed."


def _advertised(campaigns: Sequence[ApprovedCampaign], facts: CardFacts) -> str:
    named = [
        f"{product} (texts `{text}`)" for product, text in {c.product: c.content_digest[:12] for c in campaigns}.items()
    ]
    creatives = f"{facts.terms.creatives} creatives: items of the log, which have no texts of their own yet"
    return f"{_few(named)}, each with {creatives}."


def _grouped(campaigns: Sequence[ApprovedCampaign], request: ApprovalRequest, facts: CardFacts) -> str:
    groups: dict[tuple[Arm, str, int, int], list[ApprovedCampaign]] = defaultdict(list)
    for campaign in campaigns:
        line = campaign.ceiling
        groups[(campaign.arm, campaign.agent, line.daily_budget_micros, line.days)].append(campaign)
    told = [
        f"{len(group)} run by {agent}, {ROLES[arm]}, each up to {exact_money(budget, request.currency)} a day for "
        f"{days} days between {min(c.first_day for c in group)} and {max(c.last_day for c in group)}"
        for (arm, agent, budget, days), group in groups.items()
    ]
    more = f"; and {len(told) - GROUPS_SHOWN} more groups" if len(told) > GROUPS_SHOWN else ""
    return (
        f"{'; '.join(told[:GROUPS_SHOWN]) or 'none'}{more}. Days are those of {_calendar(facts)}. No other campaigns; "
        "more needs a new request."
    )


def _calendar(facts: CardFacts) -> str:
    """Whose days the campaigns' are; an emulator's clock is its own, while deadlines are the wall clock's."""
    unreal = facts.now.account.kind is AccountKind.EMULATOR
    return "the emulator's own calendar, which is not today's" if unreal else "the ad account's time zone"


def _displaced(request: ApprovalRequest, facts: CardFacts) -> str:
    now, currency = facts.now, request.currency
    left = now.account.total_cap_micros - now.counted_micros
    there = (
        f"of ours {now.campaigns} (of {now.runs} runs) may still be billed there and keep their settings, with budgets "
        f"of {rounded_money(now.budgets_micros, currency)} a day together"
        if now.campaigns
        else "no campaign of ours may still be billed there"
    )
    return (
        f"nothing, because all are new campaigns; {there}. The account's caps leave "
        f"{exact_money(rounded_down(left, currency), currency)} in all, of "
        f"{exact_money(now.account.total_cap_micros, currency)}."
    )


def _stop_loss(request: ApprovalRequest, facts: CardFacts) -> str:
    config = facts.terms.config
    days = ceil(maturing_hours(config) / HOURS_PER_DAY) + 1
    limit = exact_money(micros(config.live_test.drawdown_limit), request.currency)
    unseen, why = min(days * request.daily_cap_micros, request.total_cap_micros), f"a day matures within {days} days"
    whole = "all campaigns together have no such limit"
    if request.phase is Phase.LIVE_TEST:
        whole = "the phase ends between two campaigns once all have lost that"
    if request.phase is Phase.LIVE_TEST and facts.earned is not None:
        # What earlier campaigns lost does not count for the next one, which may lose as much anew.
        unseen, why = request.total_cap_micros, f"{why}, and what earlier campaigns lost pauses no later one"
    return (
        f"a campaign is paused once its matured days have lost {limit} in sum; {whole}. A loss can pass that amount: "
        f"{why}, so up to **{exact_money(unseen, request.currency)}** may be billed before that can act. Where "
        f"monitoring suspects that orders are miscounted, that sum leaves out later days, for {SUSPICION_DAYS} days "
        f"or until somebody undoes that hold. `starter.py stop {request.run}` pauses within 2 minutes."
    )


def _answer(request: ApprovalRequest, campaigns: Sequence[ApprovedCampaign], facts: CardFacts) -> str:
    matures = timedelta(days=ceil(maturing_hours(facts.terms.config) / HOURS_PER_DAY) + 1)
    last = max((campaign.last_day for campaign in campaigns), default=request.expires_at.date())
    never = ", ".join(each.id for each in undecidable_in(request.phase, facts.terms.config, None))
    if never:
        chance = f"it can be FAIL and, by these settings and this version, never PASS ({never} can never be decided)"
    elif request.phase is Phase.LIVE_TEST:
        chance = "its chance is not computed here: `starter.py plan --gate live` tells it for stated sales"
    else:
        chance = "its chance is not known"
    return f"the gate's verdict comes by {(last + matures).isoformat()} of {_calendar(facts)}; {chance}."


def _free_changes(request: ApprovalRequest, facts: CardFacts) -> str:
    config, platform = facts.terms.config, facts.now.account.platform
    learning = LEARNING.get(platform, f"what restarts the learning of {platform} is not known: expect it of any change")
    budgets = "budgets stay as they are"
    if request.phase is Phase.SCALED:
        step, days = config.scaled.raise_step, config.scaled.period_days
        budgets = f"budgets within the ceilings above, by at most {step:.0%} up every {days} days, down at once"
    often = "every hour" if config.clock.tick_hours == 1 else f"every {config.clock.tick_hours} hours"
    return f"bids, creative shares and pacing {often}; {budgets}; {learning}."


def _end(request: ApprovalRequest, facts: CardFacts) -> str:
    since = f"started {_minute(facts.started_at)}" if facts.started_at else "never registered"
    two_people = four_eyes(facts.now.account, request, facts.now.approved_alone)
    return (
        f"by the wall clock, nothing is spent after {_minute(request.expires_at)}; no answer until "
        f"{_minute(facts.deadline)} is a refusal. Run {request.run} asks, {since}; {who_started(facts.starter)} "
        f"({two_people})."
    )


def _bound(request: ApprovalRequest) -> str:
    return (
        f"checkpoint `{request.checkpoint_digest}`, configuration `{request.config_digest}`, "
        f"market `{request.market_digest}`, evidence `{request.evidence_digest or 'none'}`, "
        f"exposure `{request.exposure_digest}`, campaigns `{request.campaigns_digest}`, fence {request.fence} "
        "(a stop of the account raises it, and an approval under an older one is void)."
    )


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"{', '.join(names[:NAMES_SHOWN]) or 'nothing'}{more}"
