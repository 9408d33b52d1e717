"""The page about all runs: one self-contained HTML file in the style of the report, without a script.

Touch this when the page gets another column; the words are those of its template, pages/fleet.html.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gaelp.money import bare_money
from gaelp.reports.fleet.fleet_facts import Fleet


def in_one_sentence(fleet: Fleet) -> str:
    """How many runs there are, and how many of them wait, run and have ended."""
    words = fleet.words
    open_ones = words["waiting"] + words["running"] + words["not begun"]
    if not fleet.runs:
        return "No run was ever started."
    parts = {"waiting for you": words["waiting"], "running": words["running"], "not begun": words["not begun"]}
    said = [f"{count} {what}" for what, count in parts.items() if count]
    said += [f"{len(fleet.runs) - open_ones} ended"] if len(fleet.runs) > open_ones else []
    return f"{len(fleet.runs):,} run{'s' if len(fleet.runs) > 1 else ''}: {', '.join(said)}."


def document(fleet: Fleet, page: Path) -> dict[str, Any]:
    """What the page says, for --json."""
    runs = [{**asdict(each), "waits": list(each.waits), "held": list(each.held)} for each in fleet.runs]
    sums = {
        currency: {"spent_micros": spent, "earned_micros": earned, "worst_micros": worst}
        for currency, (spent, earned, worst) in fleet.sums().items()
    }
    whole = {"report": page.absolute(), "sentence": in_one_sentence(fleet), "sums": sums, "runs": runs}
    return dict(json.loads(json.dumps(whole, default=str)))


def write_fleet_page(fleet: Fleet, page: Path) -> None:
    """Write the page; it links to the report of each run that has one in a folder of its name beside it."""
    environment = Environment(
        loader=PackageLoader("gaelp.reports", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["money"] = lambda amount, currency: bare_money(round(amount), currency)
    environment.filters["day"] = lambda at: f"{at.astimezone(UTC):%Y-%m-%d}"
    page.parent.mkdir(parents=True, exist_ok=True)
    reports = {each.run for each in fleet.runs if (page.parent / each.run / "report.html").is_file()}
    text = environment.get_template("fleet.html").render(
        runs=fleet.runs, sentence=in_one_sentence(fleet), sums=fleet.sums(), reports=reports
    )
    page.write_text(text, encoding="utf-8")
