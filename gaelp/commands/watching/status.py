"""The verbs `status` and `list`: where runs stand by Temporal, and what they have spent and ask by the ledger.

Touch this to change what they print; gaelp/commands/watching/snapshot.py reads what Temporal knows.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, instant, money, table
from gaelp.commands.watching.progress import headline
from gaelp.commands.watching.run_books import RunBooks
from gaelp.commands.watching.snapshot import PhaseView, RunView, awaiting, details, listed, view
from gaelp.domain.gates.demotion import lost_in_words
from gaelp.domain.ids import phase_id
from gaelp.domain.monitoring.alerts import Alert, alerts_of, open_in_words
from gaelp.domain.phases import Phase, Status
from gaelp.errors import GaelpError
from gaelp.money import bare_money

if TYPE_CHECKING:
    from gaelp.evidence.monitoring.learning_trend import WindowTrend
    from gaelp.evidence.reported.baseline_comparison import Comparison
    from gaelp.evidence.reported.earnings import Bounded
    from gaelp.ledger.ledger import Ledger
    from gaelp.settings import Settings


@dataclass(frozen=True)
class BookedRun:
    """A run with what the ledger knows of it."""

    run: RunView
    asked: Sequence[dict[str, Any]] = ()  # of people; nothing of a run that has ended
    alerts: Sequence[Alert] = ()
    lost: Sequence[str] = ()  # a sentence for each pass that it has lost

    def document(self) -> dict[str, Any]:
        """As --json prints it."""
        return {**self.run.document(), "asked": self.asked, "alerts": self.alerts, "lost": self.lost}


def status(arguments: argparse.Namespace, out: Out) -> int:
    """Where one run stands."""
    settings = connections.read_settings()
    run = connections.run_name(arguments.run)

    async def read() -> tuple[RunView, str]:
        client = await connections.temporal(settings)
        now = await view(client, run)
        return now, "" if now.ended or not now.phases else await details(client, phase_id(run, now.phases[-1].phase))

    seen, progress = asyncio.run(read())
    (booked,) = _booked(settings, [seen], out)
    now = booked.run
    rows = [
        (p.phase, p.state, p.verdict, bare_money(p.spend_micros, now.currency), *_ends(p), p.reason) for p in now.phases
    ]
    columns = ("phase", "state", "verdict", f"spent {now.currency}".rstrip(), "began", "ended", "reason")
    ending = [now.reason] if now.reason else []
    compared, web = _compared(settings, now), connections.web_address(settings, run)
    learning = _learning(settings, now, out)
    figures = {"baselines": [asdict(each) for each in compared], "learning": [asdict(each) for each in learning]}
    out.result(
        {**booked.document(), "web": web, "progress": progress, **figures},
        headline(now),
        *(each["sentence"] for each in booked.asked),
        *now.held,
        *booked.lost,
        *filter(None, [open_in_words(booked.alerts, run)]),
        *ending,
        "  ".join(f"{key}={value}" for key, value in sorted(now.memo.items())),
        *([table(columns, rows)] if rows else []),
        *criteria_of(now.phases),
        *baselines_of(compared),
        *gaps_of(now),
        *([progress] if progress else []),
        *learning_of(learning),
        web,
    )
    return DONE


def _ends(phase: PhaseView) -> tuple[str, str]:
    return instant(phase.started), instant(phase.ended)


def _compared(settings: Settings, now: RunView) -> Sequence[Comparison]:
    """The agent beside the baselines, by the evidence of the gates so far."""
    digests = {phase.phase: phase.evidence_digest for phase in now.phases if phase.evidence_digest}
    if not digests:
        return ()
    from gaelp.records.content_store import ContentStore
    from gaelp.reports.stored_evidence import stored_evidence

    return stored_evidence(ContentStore(settings.store), digests).comparisons


def _learning(settings: Settings, now: RunView, out: Out) -> Sequence[WindowTrend]:
    """How the reward moves, of a run that has come no further than the simulation; none without ten episodes."""
    if not now.phases or now.phases[-1].phase is not Phase.SIMULATION:
        return ()
    from gaelp.evidence.monitoring.learning_trend import WINDOWS, window_trends
    from gaelp.records.warehouse.run_rows import newest_rewards

    try:
        warehouse = connections.open_warehouse(settings)
        try:
            return window_trends(newest_rewards(warehouse, now.run, max(WINDOWS)))
        finally:
            warehouse.close()
    except GaelpError as error:
        out.note(f"the warehouse cannot be read, so how the reward moves is not shown: {error}")
        return ()


def learning_of(trends: Sequence[WindowTrend]) -> list[Any]:
    """A row for each window of the newest training episodes."""
    if not trends:
        return []
    from gaelp.evidence.reported.learning_rows import learning_rows

    columns = ("newest training episodes", "mean reward", "change in 100 episodes, 90 % interval", "trend")
    return [table(columns, [(each.episodes, each.mean, each.slope, each.trend) for each in learning_rows(trends)])]


def baselines_of(compared: Sequence[Comparison]) -> list[Any]:
    """A row for each policy of each comparison, with the agent's lead over it in pairs."""
    rows = [
        (each.place, policy.policy, _interval(policy.value), _interval(policy.agents_lead), each.unit)
        for each in compared
        for policy in each.policies
    ]
    columns = ("beside the baselines", "policy", "value, 90 % interval", "the agent's lead, 90 % interval", "in")
    return [table(columns, rows)] if rows else []


def _interval(figure: Bounded | None) -> str:
    if figure is None:
        return "-"
    return f"{_figure(figure.value)} ({_figure(figure.low)} to {_figure(figure.high)})"


def criteria_of(phases: Sequence[PhaseView]) -> list[Any]:
    """Each criterion of the gates so far, with its bound; the reason says what is missing."""
    from gaelp.evidence.reported.criterion_bounds import bound_in_words

    rows = [
        (phase.phase, f"{each.id} {each.name}", each.label, _figure(each.estimate),
         bound_in_words(each.estimate, each.bound), _figure(each.threshold), each.n, each.reason)
        for phase in phases
        for each in phase.criteria
    ]  # fmt: skip
    columns = ("phase", "criterion", "verdict", "estimate", "bound", "threshold", "n", "why")
    return [table(columns, rows)] if rows else []


def gaps_of(now: RunView) -> list[Any]:
    """The run's market beside the later part of each log, quantity by quantity."""
    rows = [
        (each.log, each.quantity, each.unit, f"{_figure(each.logged)} ({_figure(each.low)} to {_figure(each.high)})",
         _figure(each.simulated), f"{each.gap:+.1%}", _figure(each.assumed), f"{each.assumed_gap:+.1%}", each.events)
        for phase in now.phases
        for each in phase.gaps
    ]  # fmt: skip
    columns = ("log", "quantity", "", "logged later", "simulated", "gap", "without a log", "gap", "events")
    return [table(columns, rows)] if rows else []


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}"


def _booked(settings: Settings, runs: Sequence[RunView], out: Out) -> list[BookedRun]:
    """The runs with the ledger's spend and where monitoring holds them, and what else the ledger knows of each.

    One that has ended asks nothing and is held nowhere. As Temporal last had it, with a note, where the ledger cannot
    be read.
    """
    books = RunBooks(settings)
    try:
        ledger = books.ledger()
        return [
            BookedRun(
                replace(books.read(each), spend_micros=ledger.spent(each.run)),
                [] if each.ended else asked_of(ledger, each.run),
                alerts_of(ledger.alert_book(each.run), connections.now()),
                lost_of(ledger, each.run),
            )
            for each in runs
        ]
    except GaelpError as error:
        out.note(f"the ledger cannot be read, so spend is as Temporal last had it: {error}")
        return [BookedRun(each) for each in runs]
    finally:
        books.close()


def _waits_for(asked: Sequence[dict[str, Any]], run: RunView) -> str:
    return "; ".join(filter(None, [*(each["sentence"] for each in asked), *run.held, run.waits]))


def lost_of(ledger: Ledger, run: str) -> list[str]:
    """A sentence for each pass of a run that a later FAIL of the same agent state has taken."""
    return [lost_in_words(each.phase, each.lost_to) for each in ledger.verdicts(run) if each.lost_to]


def asked_of(ledger: Ledger, run: str) -> list[dict[str, Any]]:
    """What a person is asked to approve, with its amounts in a sentence, and whether a stop has voided it since."""
    from gaelp.domain.spending.approval_requests import asked_in_a_sentence

    asked = []
    for stored in ledger.undecided_requests(run):
        request, void = stored.request, stored.state == "void"
        sentence = asked_in_a_sentence(request, void=void)
        if void:
            sentence += "; within the hour, or at once where it is told to: temporal workflow signal --workflow-id "
            sentence += f"{phase_id(request.run, request.phase)} --name look"
        asked.append(
            {
                "request": request.request_id,
                "total_cap_micros": request.total_cap_micros,
                "daily_cap_micros": request.daily_cap_micros,
                "void": void,
                "sentence": sentence,
            }
        )
    return asked


def list_runs(arguments: argparse.Namespace, out: Out) -> int:
    """All runs, newest first."""
    settings = connections.read_settings()

    async def read() -> list[RunView]:
        client = await connections.temporal(settings)
        runs, waiting = await asyncio.gather(listed(client, arguments.limit), awaiting(client))
        return [
            replace(each, state=Status.AWAITING_APPROVAL, awaiting_approval=True) if each.run in waiting else each
            for each in runs
        ]

    runs = _booked(settings, asyncio.run(read()), out)
    rows = [
        (r.run.run, r.run.state, r.run.phase, r.run.memo.get("agent", ""), r.run.memo.get("profile", ""),
         money(r.run.spend_micros, r.run.currency),
         instant(r.run.started), instant(r.run.ended), _waits_for(r.asked, r.run))
        for r in runs
    ]  # fmt: skip
    columns = ("run", "state", "phase", "agent", "profile", "spent", "began", "ended", "waits for")
    document = {"runs": [each.document() for each in runs]}
    out.result(document, table(columns, rows) if rows else "no runs")
    return DONE
