"""One self-contained HTML page about a run, with its plots beside it as PNG.

The page holds no script and loads nothing: its content policy forbids both, and every text is escaped.

Touch this when the page gets another picture or section; report_words.py has its words.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from gaelp.domain.ad_accounts import AccountKind
from gaelp.domain.gates.criteria_table import required_in
from gaelp.domain.phases import GOOD_ENDS, PHASE_ORDER, Phase
from gaelp.domain.spending.campaign_records import Arm
from gaelp.evidence.monitoring.learning_trend import window_trends
from gaelp.evidence.reported.baseline_comparison import Comparison
from gaelp.evidence.reported.criterion_bounds import bound_in_words
from gaelp.evidence.reported.learning_rows import learning_rows, level_changes
from gaelp.evidence.reported.step_rows import step_rows
from gaelp.money import bare_money
from gaelp.reports import plots, profit_plot, report_words
from gaelp.reports.booked_campaigns import SPENDING
from gaelp.reports.curriculum_map import curriculum_map
from gaelp.reports.earned_rows import EarnedRow, curves, did_it_earn, earned_rows, latest_phase, losses
from gaelp.reports.first_lines import FirstLines, ReportedState, first_lines
from gaelp.reports.report_facts import Facts, Sources, gather

FIRST, FIRST_NARROW = "first", "first-narrow"
"""The picture that the page begins with, and the same for a telephone."""


@dataclass(frozen=True)
class BuiltReport:
    """The page's place, and what it says first, for --json."""

    page: Path
    first_lines: FirstLines
    earned: list[EarnedRow]
    facts: Facts

    def document(self) -> dict[str, Any]:
        """What the page says in numbers."""
        evidence = self.facts.evidence
        return {
            "run": self.facts.run,
            "report": self.page.absolute(),
            "first_lines": asdict(self.first_lines),
            "account_kind": self.facts.account_kind,
            "worst_from_here_micros": report_words.worst_from_here(self.facts),
            "earned": [asdict(row) for row in self.earned],
            "baselines": [asdict(each) for each in evidence.comparisons],
            "estimates": [_estimates(each) for each in evidence.estimates],
            "learning": [asdict(each) for each in window_trends(self.facts.newest_rewards)],
            "steps": [each.model_dump(mode="json") for each in self.facts.steps],
            "alerts": [each.model_dump(mode="json") for each in self.facts.alerts],
            "gaps": [
                {**each.model_dump(mode="json"), "gap": each.gap, "assumed_gap": each.assumed_gap}
                for each in self.facts.gaps
            ],
        }


def _estimates(log: Any) -> dict[str, Any]:
    return {
        "log": log.log,
        "grade": log.grade,
        "missed": log.missed,
        "randomised_p": log.randomised_p,
        "estimates": [each.estimate.model_dump(mode="json") | {"by": each.interval_by} for each in log.estimates],
    }


def build_report(sources: Sources, run: str, output: Path) -> BuiltReport:
    """Write `output`/report.html and its PNGs. Raises UnknownRun."""
    facts = gather(sources, run)
    rows = earned_rows(facts)
    stands = first_lines(_state(facts, rows), facts.config)
    output.mkdir(parents=True, exist_ok=True)
    images = {}
    for name, figure in _figures(facts).items():
        images[name] = ""
        if figure is not None:
            data = plots.png(figure)
            (output / f"{name}.png").write_bytes(data)
            images[name] = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    page = output / "report.html"
    page.write_text(_render(facts, rows, stands, images), encoding="utf-8")
    return BuiltReport(page, stands, rows, facts)


def _state(facts: Facts, rows: list[EarnedRow]) -> ReportedState:
    earned = {row.phase: row.earnings for row in rows if not row.campaign and row.arm is Arm.CANDIDATE}
    return ReportedState(
        run=facts.run,
        outcome=facts.outcome,
        reason=report_words.ended_because(facts),
        criteria=facts.criteria,
        earned=earned,
        asked=facts.asked,
        lost=report_words.lost_passes_in_words(facts),
        unjudged=facts.unjudged or "",
        open_violations=facts.open_violations,
        which_money=" (no real money)" if facts.account_kind is AccountKind.EMULATOR else "",
    )


def _figures(facts: Facts) -> dict[str, Figure | None]:
    latest = latest_phase(facts)
    others = {
        f"profit-{phase}": _profit(facts, phase, profit_plot.WIDE) if phase is not latest else None
        for phase in SPENDING
    }
    return {
        FIRST: _first(facts, latest, profit_plot.WIDE),
        FIRST_NARROW: _first(facts, latest, profit_plot.NARROW),
        **others,
        "timeline": plots.timeline(facts.spans),
        "learning": plots.learning_curve(facts),
        "regret": plots.regret(facts),
        "curriculum": curriculum_map(facts.lessons),
        "spend": plots.spend(facts),
        "gap": plots.market_gap(facts.gaps),
    }


def _first(facts: Facts, latest: Phase | None, size: tuple[float, float]) -> Figure | None:
    """Profit where money was spent, else the exam beside the baselines."""
    if latest is not None:
        return _profit(facts, latest, size)
    exam = exam_of(facts)
    threshold = facts.config.simulation.average_reward if facts.config else None
    return profit_plot.beside_baselines(exam, threshold, size) if exam else None


def exam_of(facts: Facts) -> Comparison | None:
    """The comparison on the exam's episodes."""
    return next((each for each in facts.evidence.comparisons if each.place == "exam"), None)


def _profit(facts: Facts, phase: Phase, size: tuple[float, float]) -> Figure | None:
    title = f"profit in {phase} after ad cost, {facts.currency}"
    return profit_plot.profit_curves(curves(facts, phase), losses(facts, phase), title, size)


def _render(facts: Facts, rows: list[EarnedRow], stands: FirstLines, images: Mapping[str, str]) -> str:
    environment = Environment(
        loader=PackageLoader("gaelp.reports", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["money"] = lambda amount: bare_money(round(amount), facts.currency)
    environment.filters["figure"] = _figure
    environment.filters["bound"] = lambda row: bound_in_words(row["estimate"], row["bound"])
    environment.filters["gate"] = report_words.gate
    environment.filters["share"] = lambda value: f"{value:+.0%}"
    environment.filters["instant"] = lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    earned_words = did_it_earn(rows, facts.currency)
    return environment.get_template("report.html").render(
        facts=facts,
        images=images,
        marks=report_words.MARKS,
        phases=PHASE_ORDER,
        criteria_of={phase: [f"{each.id} {each.name}" for each in required_in(phase)] for phase in PHASE_ORDER},
        first_lines=stands,
        earned=rows,
        answers=report_words.answers(facts, stands.why, earned_words),
        because=report_words.ended_because(facts) if facts.outcome in GOOD_ENDS else "",
        first_of=latest_phase(facts),
        spending=SPENDING,
        counts=report_words.counts(facts),
        learning=learning_rows(window_trends(facts.newest_rewards)),
        level_changes=level_changes([batch.reward for batch in facts.batches if not batch.exam]),
        limits=report_words.limits(facts),
        still_billable=report_words.still_billable(facts),
        begun={day.phase for day in facts.spend},
        steps=step_rows(facts.steps, facts.currency),
        alerts=facts.alerts,
        events=report_words.events(facts),
        currency=facts.currency,
        config=_pretty(facts.started.get("config")),
    )


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}"


def _pretty(text: str | None) -> str:
    return json.dumps(json.loads(text), indent=2, sort_keys=True) if text else ""
