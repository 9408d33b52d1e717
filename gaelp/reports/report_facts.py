"""What a report knows about one run, gathered from the warehouse, the ledger and the content store.

It reads; it decides nothing and recomputes no verdict.

Touch this when the report should show something more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from gaelp.domain.ad_accounts import AccountKind
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import BatchPurpose
from gaelp.domain.ids import FIRST_BATCH
from gaelp.domain.monitoring.alerts import Alert, alerts_of, read_alerts
from gaelp.domain.monitoring.ladder import StepTaken
from gaelp.domain.phases import PHASE_ORDER, Outcome, Phase
from gaelp.domain.spending.approval_card import CardLines, card_lines
from gaelp.domain.spending.approval_requests import asked_in_a_sentence
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.domain.spending.ledger_records import JournalEntry
from gaelp.evidence.monitoring.learning_trend import WINDOWS
from gaelp.messages.log_replay import GapEvidence
from gaelp.records.content_store import ContentStore
from gaelp.records.logs.stored_logs import is_market_synthetic
from gaelp.records.warehouse.run_rows import newest_rewards, run_rows
from gaelp.records.warehouse.warehouse import Warehouse
from gaelp.reports import journal_money
from gaelp.reports.booked_campaigns import AskedRequest, ReportedLedger, campaigns_of
from gaelp.reports.journal_money import SpendDay
from gaelp.reports.stored_evidence import StoredEvidence, stored_evidence

_PAGE = 1000
_LESSONS = (
    "SELECT DISTINCT round, position, task, mastered, batches, reward, lost FROM curriculum WHERE run = @run "
    "ORDER BY round, position"
)

_GAPS = "SELECT log, quantity, unit, logged, low, high, events, simulated, assumed FROM gaps WHERE run = @run"


@dataclass(frozen=True)
class Sources:
    """Where a report's facts are."""

    warehouse: Warehouse
    ledger: ReportedLedger
    store: ContentStore


LOST = ("estimation_micros", "allocation_micros", "over_bidding_micros", "under_bidding_micros")


@dataclass(frozen=True)
class Batch:
    """A settled batch of simulated episodes."""

    number: int
    exam: bool
    reward: float
    episodes: int
    lost: dict[str, float] = field(default_factory=dict)  # parts of the regret, in shares of the optimum


@dataclass(frozen=True)
class Span:
    """A phase on the wall clock."""

    phase: Phase
    start: datetime
    end: datetime
    verdict: str  # of its gate; "" where the run ended before the gate

    @property
    def seconds(self) -> float:
        """How long the phase took."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class Facts:
    """Everything the page shows. Money is integer micros of the account's currency."""

    run: str
    started: dict[str, Any]
    ended: dict[str, Any] | None
    config: TrainingConfiguration | None
    account_kind: AccountKind | None  # none: the ledger does not know the account
    synthetic_market: bool  # no log calibrates the market; False where the configuration is not known
    criteria: dict[Phase, list[dict[str, Any]]]
    batches: list[Batch]
    newest_rewards: list[float]  # of the newest training episodes, in their order
    spans: list[Span]
    spend: list[SpendDay]
    campaign_worst: dict[str, int]
    still_billable: dict[str, int]  # phase -> micros for days that are reserved and not settled, at worst
    journal: list[JournalEntry]
    lessons: list[dict[str, Any]]  # rows of the table `curriculum`, by round
    campaigns: list[CampaignResult]  # that have reported a day, those that still run too
    steps: Sequence[StepTaken]  # of monitoring, undone ones too
    approved: dict[str, dict[str, int]]  # phase -> request -> total cap in micros
    asked: list[str]  # a sentence for each request that waits for a person
    asked_micros: dict[str, int]  # phase -> the total cap that is asked for it
    cards: list[CardLines]  # of those that can be signed
    evidence: StoredEvidence
    gaps: list[GapEvidence]  # between the run's market and its logs

    @property
    def outcome(self) -> Outcome | None:
        """How the run ended; None while it has not."""
        return Outcome(self.ended["outcome"]) if self.ended else None

    @property
    def currency(self) -> str:
        """Of the account; empty where the configuration is not known."""
        return self.config.currency if self.config else ""

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """What a person should know of the run, equal alerts as one, by the journal."""
        return alerts_of(read_alerts(self.journal), None)

    @property
    def billed_micros(self) -> int:
        """What the platform billed, over all phases."""
        return sum(day.billed_micros for day in self.spend)

    @property
    def unjudged(self) -> Phase | None:
        """The phase that has begun and that no gate has judged."""
        return next((span.phase for span in self.spans if not span.verdict), None)

    @property
    def open_violations(self) -> int:
        """Of this run, those that nobody has cleared."""
        kinds = [entry.kind for entry in self.journal]
        return kinds.count("violation") - kinds.count("violation-resolved")


def gather(sources: Sources, run: str) -> Facts:
    """Read the run's facts. Raises UnknownRun where the warehouse has no row that says it began."""
    warehouse, ledger = sources.warehouse, sources.ledger
    started, ended = run_rows(warehouse, run)
    criteria, config = _criteria(warehouse, run), _config(started.get("config"))
    journal = [entry for entry in _journal(ledger) if _concerns(entry, run, started)]
    days, approved = journal_money.campaign_days(journal), journal_money.approved_requests(journal)
    billed = {(each.campaign, each.day): each.billed for each in days}
    waiting = () if ended else ledger.undecided_requests(run)
    return Facts(
        run=run,
        started=started,
        ended=ended,
        config=config,
        account_kind=next((a.kind for a in ledger.accounts() if a.account == started["account"]), None),
        synthetic_market=config is not None and is_market_synthetic(warehouse, config.historical.logs),
        criteria=criteria,
        batches=_batches(warehouse, run),
        newest_rewards=newest_rewards(warehouse, run, max(WINDOWS)),
        spans=_spans(started, ended, criteria),
        spend=journal_money.by_day(days),
        campaign_worst=journal_money.worst_by_campaign(days),
        still_billable=journal_money.still_billable(days),
        journal=journal,
        lessons=warehouse.query(_LESSONS, {"run": run}),
        gaps=[GapEvidence.model_validate(row) for row in warehouse.query(_GAPS, {"run": run})],
        campaigns=campaigns_of(ledger, run, billed, [key for of_phase in approved.values() for key in of_phase]),
        steps=ledger.steps_of_run(run),
        approved=approved,
        asked=[_asked(each) for each in waiting],
        asked_micros={each.request.phase.value: each.request.total_cap_micros for each in waiting},
        cards=[card_lines(each.text) for each in waiting if each.state == "open"],
        evidence=stored_evidence(sources.store, _evidence_digests(criteria)),
    )


def _asked(waiting: AskedRequest) -> str:
    return asked_in_a_sentence(waiting.request, void=waiting.state == "void")


def _evidence_digests(criteria: dict[Phase, list[dict[str, Any]]]) -> dict[Phase, str]:
    return {phase: rows[0]["evidence_digest"] for phase, rows in criteria.items() if rows[0].get("evidence_digest")}


def _config(text: str | None) -> TrainingConfiguration | None:
    try:
        return TrainingConfiguration.model_validate_json(text or "")
    except ValidationError:  # a run of another version: its report has no limits, and says so
        return None


def _criteria(warehouse: Warehouse, run: str) -> dict[Phase, list[dict[str, Any]]]:
    rows = warehouse.query("SELECT * FROM verdicts WHERE run = @run ORDER BY at", {"run": run})
    # One criterion may be judged once per log: its name tells them apart.
    latest = {(row["phase"], row["criterion"], row["name"]): row for row in rows}
    of_phases: dict[Phase, list[dict[str, Any]]] = {}
    for phase in PHASE_ORDER:
        of_phase = [row for (name, *_), row in latest.items() if name == phase]
        if of_phase:
            of_phases[phase] = sorted(of_phase, key=lambda row: (*_natural(row["criterion"]), row["name"]))
    return of_phases


def _natural(criterion: str) -> tuple[int, str]:
    digits = "".join(c for c in criterion if c.isdigit())
    return int(digits or 0), criterion


def _batches(warehouse: Warehouse, run: str) -> list[Batch]:
    sql = (
        "SELECT DISTINCT episode, reward, episodes, optimum_micros, estimation_micros, allocation_micros, "
        "over_bidding_micros, under_bidding_micros, purpose FROM episodes WHERE run = @run AND phase = 'simulation' "
        "AND state = 'settled' AND reward IS NOT NULL AND purpose IN ('train', 'exam') ORDER BY episode"
    )
    batches = []
    for row in warehouse.query(sql, {"run": run}):
        number = int(row["episode"].rpartition("-")[2]) - FIRST_BATCH[BatchPurpose(row["purpose"])]
        optimum = row["optimum_micros"]
        lost = {name.removesuffix("_micros"): (row[name] or 0) / optimum for name in LOST} if optimum else {}
        batches.append(Batch(number, row["purpose"] == BatchPurpose.EXAM, row["reward"], row["episodes"] or 1, lost))
    return batches


def _spans(
    started: dict[str, Any], ended: dict[str, Any] | None, criteria: dict[Phase, list[dict[str, Any]]]
) -> list[Span]:
    """From gate to gate; the phase in which the run ended before its gate lasts until the end."""
    spans, begin = [], started["at"]
    for phase, rows in criteria.items():
        end = max(row["at"] for row in rows)
        spans.append(Span(phase, begin, end, rows[0]["verdict"]))
        begin = end
    missing = [phase for phase in PHASE_ORDER if phase not in criteria]
    went_on = all(row["promote"] for rows in criteria.values() for row in rows)
    if ended and missing and went_on and ended["at"] > begin:
        spans.append(Span(missing[0], begin, ended["at"], ""))
    return spans


def _journal(ledger: ReportedLedger) -> Iterator[JournalEntry]:
    after = 0
    while page := ledger.journal(after, _PAGE):
        yield from page
        after = page[-1].sequence


def _concerns(entry: JournalEntry, run: str, started: dict[str, Any]) -> bool:
    """Entries of the run, refusals of its requests, and stops of its account while it may have run."""
    if entry.kind == "fence":
        return bool(entry.account == started["account"] and entry.at >= started["at"])
    return entry.run == run or (not entry.run and entry.key.startswith(f"{run}/"))
