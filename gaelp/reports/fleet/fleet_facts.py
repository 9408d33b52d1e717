"""What the page about all runs knows of each, by few queries over all of them, so that a thousand runs are cheap.

It reads the warehouse and the ledger, and asks Temporal nothing. Touch this to say one more thing of each run.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from gaelp.domain.monitoring.alerts import Alert, AlertBook, alerts_of, open_in_words
from gaelp.domain.monitoring.ladder import StepTaken, standing_in_words, waiting_in_words
from gaelp.domain.phases import Outcome
from gaelp.domain.simple_rules import without_bar
from gaelp.domain.spending.approval_requests import ApprovalRequest, asked_in_a_sentence, most_in_all
from gaelp.records.warehouse.warehouse import Warehouse
from gaelp.reports.booked_campaigns import AskedRequest
from gaelp.reports.first_lines import WORDS

_RUNS = "SELECT run, event, at, agent, profile, outcome, reason FROM runs ORDER BY at"
_JUDGED = "SELECT DISTINCT run, phase FROM verdicts"
# One row for each campaign that has ended; `agent` holds its arm and its product (activities/records/recording.py).
_EARNED = (
    "SELECT run, SUM(profit_micros) AS profit, COUNT(*) AS campaigns FROM episodes "
    "WHERE phase IN ('live-test', 'scaled') AND agent LIKE 'candidate: %' AND profit_micros IS NOT NULL GROUP BY run"
)


class AccountOfRun(Protocol):
    """A run as the ledger has registered it."""

    @property
    def run(self) -> str:
        """Its name."""
        ...

    @property
    def account(self) -> str:
        """Which it was started for."""
        ...

    @property
    def at(self) -> datetime:
        """When."""
        ...

    @property
    def stopped_at(self) -> datetime | None:
        """Since when it is stopped."""
        ...


class MoneyOfPhase(Protocol):
    """What a phase of a run has in the books, in micros."""

    @property
    def spent_micros(self) -> int:
        """As far as its platforms have reported."""
        ...

    @property
    def counted_micros(self) -> int:
        """What every cap counts for it: the worst case of an open day, the bill of a settled one."""
        ...


class CurrencyOfAccount(Protocol):
    """An account, of which the page needs the currency."""

    @property
    def account(self) -> str:
        """Its name."""
        ...

    @property
    def currency(self) -> str:
        """Of all its amounts."""
        ...


class FleetLedger(Protocol):
    """The part of the ledger that the page reads."""

    def accounts(self) -> Sequence[CurrencyOfAccount]:
        """All accounts."""
        ...

    def runs(self) -> Sequence[AccountOfRun]:
        """Every run that ever was, oldest first."""
        ...

    def sums_of_phases(self) -> Mapping[str, Mapping[str, MoneyOfPhase]]:
        """What each phase of each run that reserved anything has in the books."""
        ...

    def standing_requests(self) -> Sequence[AskedRequest]:
        """What is asked or approved, of runs that have not ended."""
        ...

    def steps_not_undone(self) -> Sequence[StepTaken]:
        """The steps of monitoring that stand, of all runs."""
        ...

    def alert_book(self) -> AlertBook:
        """What was raised of all runs."""
        ...


@dataclass(frozen=True)
class FleetRun:
    """One run; amounts are micros of its account's currency."""

    run: str
    account: str
    currency: str
    agent: str
    profile: str
    word: str  # where it stands, as its report's badge says it
    waits: tuple[str, ...]  # a sentence for each request that waits for a person
    held: tuple[str, ...]  # and for each campaign that monitoring holds back, with the command that undoes it
    alerts: str  # how many are open, and the command that shows them
    began: datetime
    ended: datetime | None
    outcome: str  # empty while it has none
    reason: str
    spent_micros: int
    earned_micros: int | None  # profit of the candidate's campaigns that have ended, matured days; none: none has ended
    campaigns: int  # of which that is
    worst_micros: int  # what it may have cost in all, at the most: of each phase, what is booked, approved or asked


@dataclass(frozen=True)
class Fleet:
    """All runs: those that wait for a person, those that run, then the ended ones, newest first in each."""

    runs: tuple[FleetRun, ...]

    @property
    def words(self) -> Counter[str]:
        """How many runs stand where."""
        return Counter(each.word for each in self.runs)

    def sums(self) -> dict[str, tuple[int, int, int]]:
        """Currency -> what was spent, earned, and may have cost at the most, of all runs together."""
        added: dict[str, tuple[int, int, int]] = {}
        for each in self.runs:
            before = added.get(each.currency, (0, 0, 0))
            amounts = (each.spent_micros, each.earned_micros or 0, each.worst_micros)
            added[each.currency] = (before[0] + amounts[0], before[1] + amounts[1], before[2] + amounts[2])
        return added


@dataclass(frozen=True)
class WatchedRun:
    """What the ledger has of a run for people to look at."""

    standing: list[AskedRequest] = field(default_factory=list)
    steps: list[StepTaken] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)


def gather_fleet(warehouse: Warehouse, ledger: FleetLedger, now: datetime) -> Fleet:
    """Read every run that was ever registered; `now` is by the wall clock, for what is silenced."""
    events: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in warehouse.query(_RUNS):
        events[row["run"]].setdefault(row["event"], row)
    earned = {row["run"]: row for row in warehouse.query(_EARNED)}
    currencies = {each.account: each.currency for each in ledger.accounts()}
    judged = {(row["run"], row["phase"]) for row in warehouse.query(_JUDGED)}
    watched, money = _watched(ledger, judged, now), ledger.sums_of_phases()
    runs = [
        _fleet_run(run, currencies.get(run.account, ""), events[run.run], watched[run.run], money.get(run.run, {}))
        for run in ledger.runs()
    ]
    with_profit = [_with_profit(each, earned.get(each.run)) for each in runs]
    return Fleet(tuple(sorted(with_profit, key=_order)))


def _watched(ledger: FleetLedger, judged: Collection[tuple[str, str]], now: datetime) -> defaultdict[str, WatchedRun]:
    watched: defaultdict[str, WatchedRun] = defaultdict(WatchedRun)
    for each in ledger.standing_requests():
        if each.state != "approved" or (each.request.run, each.request.phase) not in judged:  # else its phase is over
            watched[each.request.run].standing.append(each)
    for step in ledger.steps_not_undone():
        watched[step.run].steps.append(step)
    for alert in alerts_of(ledger.alert_book(), now):
        watched[alert.run].alerts.append(alert)
    return watched


def _fleet_run(
    run: AccountOfRun,
    currency: str,
    events: Mapping[str, Mapping[str, Any]],
    watched: WatchedRun,
    money: Mapping[str, MoneyOfPhase],
) -> FleetRun:
    started, ended = events.get("started", {}), events.get("ended", {})
    asked = [] if ended else [each for each in watched.standing if each.state != "approved"]
    steps = [] if ended else watched.steps
    return FleetRun(
        run=run.run,
        account=run.account,
        currency=currency,
        agent=started.get("agent") or "",
        profile=started.get("profile") or "",
        word=_word(run, started, ended, needed=bool(asked or waiting_in_words(steps))),
        waits=tuple(asked_in_a_sentence(each.request, void=each.state == "void") for each in asked),
        held=standing_in_words(steps),
        alerts=open_in_words(watched.alerts, run.run),
        began=started.get("at") or run.at,
        ended=ended.get("at"),
        outcome=ended.get("outcome") or "",
        reason=without_bar(ended.get("reason") or ""),
        spent_micros=sum(each.spent_micros for each in money.values()),
        earned_micros=None,
        campaigns=0,
        worst_micros=_worst([] if ended else [each.request for each in watched.standing], money),
    )


def _worst(standing: Sequence[ApprovalRequest], money: Mapping[str, MoneyOfPhase]) -> int:
    """Phase by phase what is in the books, or what may still come to be there: an approval caps its phase alone."""
    return sum(
        max(
            money[phase].counted_micros if phase in money else 0,
            most_in_all(each for each in standing if each.phase == phase),
        )
        for phase in {*money, *(each.phase.value for each in standing)}
    )


def _word(run: AccountOfRun, started: Mapping[str, Any], ended: Mapping[str, Any], *, needed: bool) -> str:
    if ended:
        return WORDS[Outcome(ended["outcome"])]
    if run.stopped_at is not None:
        return "stopped"
    if not started:
        return "not begun"
    return "waiting" if needed else "running"


def _with_profit(run: FleetRun, earned: Mapping[str, Any] | None) -> FleetRun:
    if earned is None:
        return run
    values = {**vars(run), "earned_micros": int(earned["profit"]), "campaigns": int(earned["campaigns"])}
    return FleetRun(**values)


def _order(run: FleetRun) -> tuple[int, float]:
    first = {"waiting": 0, "running": 1, "not begun": 2}.get(run.word, 3)
    return first, -(run.ended or run.began).timestamp()
