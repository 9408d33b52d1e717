"""What a report knows about one run, gathered from the warehouse and the ledger's journal.

It reads; it decides nothing and recomputes no verdict.

Touch this when the report should show something more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from pydantic import ValidationError

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import BatchPurpose
from gaelp.domain.ids import FIRST_BATCH
from gaelp.domain.phases import PHASE_ORDER, Outcome, Phase
from gaelp.domain.spending.ledger_records import JournalEntry
from gaelp.errors import GaelpError
from gaelp.messages.log_replay import GapEvidence
from gaelp.records.logs.stored_logs import is_market_synthetic
from gaelp.records.warehouse.warehouse import Warehouse

_PAGE = 1000
_LESSONS = (
    "SELECT DISTINCT round, position, task, mastered, batches, reward, lost FROM curriculum WHERE run = @run "
    "ORDER BY round, position"
)

_GAPS = "SELECT log, quantity, unit, logged, low, high, events, simulated, assumed FROM gaps WHERE run = @run"


class HasJournal(Protocol):
    """The part of the ledger that a report reads."""

    def journal(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Entries numbered above `after`, in order."""
        ...


class UnknownRun(GaelpError, LookupError):
    """The warehouse holds nothing of that run."""


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
class SpendDay:
    """All campaigns of one phase on one day of the ad account."""

    phase: str
    day: date
    worst_micros: int
    billed_micros: int


@dataclass(frozen=True)
class Facts:
    """Everything the page shows. Money is integer micros of the account's currency."""

    run: str
    started: dict[str, Any]
    ended: dict[str, Any] | None
    config: TrainingConfiguration | None
    synthetic_market: bool  # no log calibrates the market; False where the configuration is not known
    criteria: dict[Phase, list[dict[str, Any]]]
    batches: list[Batch]
    spans: list[Span]
    spend: list[SpendDay]
    campaign_worst: dict[str, int]
    journal: list[JournalEntry]
    lessons: list[dict[str, Any]] = field(default_factory=list)  # rows of the table `curriculum`, by round
    gaps: list[GapEvidence] = field(default_factory=list)  # between the run's market and its logs

    @property
    def outcome(self) -> Outcome | None:
        """How the run ended; None while it has not."""
        return Outcome(self.ended["outcome"]) if self.ended else None

    @property
    def billed_micros(self) -> int:
        """What the platform billed, over all phases."""
        return sum(day.billed_micros for day in self.spend)


def gather(warehouse: Warehouse, ledger: HasJournal, run: str) -> Facts:
    """Read the run's facts. Raises UnknownRun where the warehouse has no row that says it began."""
    rows = warehouse.query("SELECT * FROM runs WHERE run = @run ORDER BY at", {"run": run})
    started = next((row for row in rows if row["event"] == "started"), None)
    if started is None:
        raise UnknownRun(f"run {run!r} is not in the warehouse: see `starter.py list` for the runs there are")
    ended = next((row for row in rows if row["event"] == "ended"), None)
    criteria, config = _criteria(warehouse, run), _config(started.get("config"))
    journal = [entry for entry in _journal(ledger) if _concerns(entry, run, started)]
    keys = _campaign_days(journal)
    return Facts(
        run=run,
        started=started,
        ended=ended,
        config=config,
        synthetic_market=config is not None and is_market_synthetic(warehouse, config.historical.logs),
        criteria=criteria,
        batches=_batches(warehouse, run),
        spans=_spans(started, ended, criteria),
        spend=_by_day(keys),
        campaign_worst=_by_campaign(keys),
        journal=journal,
        lessons=warehouse.query(_LESSONS, {"run": run}),
        gaps=[GapEvidence.model_validate(row) for row in warehouse.query(_GAPS, {"run": run})],
    )


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


def _journal(ledger: HasJournal) -> Iterator[JournalEntry]:
    after = 0
    while page := ledger.journal(after, _PAGE):
        yield from page
        after = page[-1].sequence


def _concerns(entry: JournalEntry, run: str, started: dict[str, Any]) -> bool:
    """Entries of the run, refusals of its requests, and stops of its account while it may have run."""
    if entry.kind == "fence":
        return bool(entry.account == started["account"] and entry.at >= started["at"])
    return entry.run == run or (not entry.run and entry.key.startswith(f"{run}/"))


@dataclass
class _Key:
    phase: str
    campaign: str
    day: date
    worst: int = 0
    billed: int = 0


def _campaign_days(journal: list[JournalEntry]) -> list[_Key]:
    """One row per reservation key; amounts in the journal are absolute, so the last one of a kind counts."""
    keys: dict[str, _Key] = {}
    for entry in journal:
        if entry.kind not in ("reserve", "post", "settle", "freeze"):
            continue
        row = keys.setdefault(entry.key, _Key(entry.phase, entry.campaign, _day(entry)))
        if entry.kind == "reserve":
            row.worst = max(row.worst, entry.amount_micros)
        elif entry.kind in ("post", "settle"):
            row.billed = entry.amount_micros
    return list(keys.values())


def _day(entry: JournalEntry) -> date:
    detail = json.loads(entry.detail or "{}")
    return date.fromisoformat(detail["day"]) if "day" in detail else entry.at.date()


def _by_day(keys: list[_Key]) -> list[SpendDay]:
    totals: dict[tuple[str, date], list[int]] = {}
    for key in keys:
        total = totals.setdefault((key.phase, key.day), [0, 0])
        total[0] += key.worst
        total[1] += key.billed
    return [SpendDay(phase, day, worst, billed) for (phase, day), (worst, billed) in sorted(totals.items())]


def _by_campaign(keys: list[_Key]) -> dict[str, int]:
    worst: dict[str, int] = {}
    for key in keys:
        worst[key.campaign] = worst.get(key.campaign, 0) + key.worst
    return worst
