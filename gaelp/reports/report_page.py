"""One self-contained HTML page about a run, with its plots beside it as PNG.

The page holds no script and loads nothing: its content policy forbids both, and every text is escaped.

Touch this to change what the page says.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gaelp.domain.gates.criteria_table import required_in
from gaelp.domain.phases import PHASE_ORDER, Outcome, Phase
from gaelp.domain.spending.approval_card import SYNTHETIC_MARKET
from gaelp.money import micros, rounded_money
from gaelp.records.warehouse.warehouse import Warehouse
from gaelp.reports import plots
from gaelp.reports.curriculum_map import curriculum_map
from gaelp.reports.gap_plot import gap_plot
from gaelp.reports.report_facts import Facts, HasJournal, gather

MARKS = {"PASS": "✓", "FAIL": "✗", "INCONCLUSIVE": "?", "INVALID": "!"}
MAY = {
    Outcome.GRADUATED: "This agent may run live campaigns, inside the envelope that its account's owner approved.",
    Outcome.GRADUATED_UNPROVEN: "This agent may not handle real money yet. It went through every phase on an emulator "
    "and nothing it showed speaks against it, but not everything is proven.",
    Outcome.PROMOTED: "This agent may not spend yet. It went through the phases that this run asked for. The reason "
    "says whether they are proven; a run with --from-phase takes the agent further.",
    Outcome.NOT_GRADUATED: "This agent may not spend. It was refused.",
    Outcome.STOPPED: "This agent may not spend. The run was stopped before it could prove itself.",
    Outcome.INTERRUPTED: "This agent may not spend. Something that is no doing of it interrupted the run, so its last "
    "phase was not judged and used no attempt: start it again.",
}
RUNNING = "The run has not ended, so this agent may do nothing beyond the phase it is in."


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


def build_report(warehouse: Warehouse, ledger: HasJournal, run: str, output: Path) -> Path:
    """Write `output`/report.html and its PNGs; return the page's path. Raises UnknownRun."""
    facts = gather(warehouse, ledger, run)
    output.mkdir(parents=True, exist_ok=True)
    images = {"timeline": "", "learning": "", "regret": "", "curriculum": "", "spend": "", "gap": ""}
    drawn = {
        "timeline": plots.timeline(facts.spans),
        "learning": plots.learning_curve(facts),
        "regret": plots.regret(facts),
        "curriculum": curriculum_map(facts.lessons),
        "spend": plots.spend(facts),
        "gap": gap_plot(facts.gaps),
    }
    for name, figure in drawn.items():
        if figure is not None:
            data = plots.png(figure)
            (output / f"{name}.png").write_bytes(data)
            images[name] = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    page = output / "report.html"
    page.write_text(_render(facts, images), encoding="utf-8")
    return page


def _render(facts: Facts, images: dict[str, str]) -> str:
    environment = Environment(
        loader=PackageLoader("gaelp.reports", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["money"] = rounded_money
    environment.filters["figure"] = _figure
    environment.filters["instant"] = lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return environment.get_template("report.html").render(
        facts=facts,
        images=images,
        marks=MARKS,
        phases=PHASE_ORDER,
        criteria_of={phase: [f"{each.id} {each.name}" for each in required_in(phase)] for phase in PHASE_ORDER},
        may=MAY[facts.outcome] if facts.outcome else RUNNING,
        why=reasons(facts),
        counts=_counts(facts),
        limits=limits(facts),
        synthetic_market=SYNTHETIC_MARKET,
        events=_events(facts),
        currency=facts.config.currency if facts.config else "",
        config=_pretty(facts.started.get("config")),
    )


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:,.4g}"


def _pretty(text: str | None) -> str:
    return json.dumps(json.loads(text), indent=2, sort_keys=True) if text else ""


def _counts(facts: Facts) -> dict[str, int]:
    verdicts = [row["criterion_verdict"] for rows in facts.criteria.values() for row in rows]
    return {verdict: verdicts.count(verdict) for verdict in MARKS if verdict in verdicts}


def reasons(facts: Facts) -> list[str]:
    """Why the run ended so: its own reason, then each criterion that did not pass, the worst first."""
    run_reasons = [facts.ended["reason"]] if facts.ended and facts.ended["reason"] else []
    order = ("FAIL", "INVALID", "INCONCLUSIVE")
    rows = [row for of_phase in facts.criteria.values() for row in of_phase]
    open_rows = [row for verdict in order for row in rows if row["criterion_verdict"] == verdict]
    open_rows.sort(key=lambda row: row["formula"] == "not-assessed")
    return run_reasons + [f"{row['name']} ({row['phase']}): {row['reason']}" for row in open_rows]


def limits(facts: Facts) -> list[Limit]:
    """Each spend limit with the worst case that was reserved under it; empty where the limits are not known."""
    if facts.config is None:
        return []
    rows = []
    for phase in (Phase.LIVE_TEST, Phase.SCALED):
        worst = max((day.worst_micros for day in facts.spend if day.phase == phase), default=0)
        rows.append(Limit(f"{phase}, any one day", plots.daily_cap(phase, facts.config), worst))
    campaign = max(facts.campaign_worst.values(), default=0)
    rows.append(Limit("any one campaign, over its life", micros(facts.config.limits.campaign), campaign))
    # A settled day holds what it was billed, an open one its worst case; after the run they are settled.
    rows.append(Limit("the whole run, billed", micros(facts.config.limits.run), facts.billed_micros))
    return rows


def _events(facts: Facts) -> list[dict[str, Any]]:
    """What people and safety did: approvals, refusals, fences, violations, freezes; not each cent."""
    quiet = {"reserve", "post", "settle", "claim", "resolve", "run", "attempt"}
    return [
        {"at": entry.at, "kind": entry.kind, "phase": entry.phase, "key": entry.key, "detail": _detail(entry.detail)}
        for entry in facts.journal
        if entry.kind not in quiet
    ]


def _detail(detail: str) -> str:
    """A journal entry's JSON as `name value` pairs, money as money; whatever is no object is shown as it is."""
    try:
        pairs = json.loads(detail or "{}")
    except ValueError:
        return detail
    if not isinstance(pairs, dict):
        return detail
    return ", ".join(_pair(name, value) for name, value in pairs.items() if value not in ("", None))


def _pair(name: str, value: Any) -> str:
    if name.endswith("_micros") and isinstance(value, int):
        return f"{name.removesuffix('_micros')} {rounded_money(value)}"
    return f"{name} {value}"
