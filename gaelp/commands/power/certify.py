"""The verb `certify`: how often the simulation's gate is wrong, by exams of the gate itself and by whole runs.

Touch this to change what it prints; the agents are in gaelp/evidence/certification/gate_certification.py.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gaelp.commands.console import DONE, Out, table
from gaelp.commands.power.exam_settings import figure_place, level_of, read_configuration
from gaelp.errors import FAILED

if TYPE_CHECKING:
    from gaelp.evidence.certification.gate_certification import Certified

COLUMNS = ("agent", "judged by", "trials", "passed", "at least", "at most", "level", "finding", "exact", "last 50")


def certify(arguments: argparse.Namespace, out: Out) -> int:
    """Exams without Temporal, then whole runs where asked for; exit code 1 where a level is exceeded beyond chance."""
    import numpy as np

    from gaelp.commands.power.certified_runs import certified_runs, kinds
    from gaelp.evidence.certification.gate_certification import CONFIDENCE, EXCEEDED, certified
    from gaelp.evidence.certification.naive_rule import compared_rates
    from gaelp.evidence.certification.simulated_exams import exam_plan
    from gaelp.reports.plots import png
    from gaelp.reports.power_plots import certified_shares

    began, config = time.monotonic(), read_configuration(arguments)
    plan, rng = exam_plan(config, level_of(arguments)), np.random.default_rng(config.seed)
    found = certified(plan, arguments.exams, rng)
    if arguments.trials is not None:
        found = (*found, *certified_runs(kinds(config), arguments.trials, out.note))
    place = figure_place(arguments, "certify.png")
    Path(place).write_bytes(png(certified_shares(found, compared_rates(plan, rng))))
    rows = [_row(each) for each in found]
    exceeded = [each.agent for each in found if each.finding == EXCEEDED]
    document = {
        "level": plan.alpha,
        "looks": plan.looks.episodes,
        "confidence": 1 - CONFIDENCE,
        "agents": [dict(zip(COLUMNS, each, strict=True)) for each in rows],
        "exceeded": exceeded,
        "figure": str(place),
        "seconds": round(time.monotonic() - began, 1),
    }
    verdict = f"the gate passes more than it may: {', '.join(exceeded)}" if exceeded else "no level is exceeded"
    out.result(document, table(COLUMNS, rows), f"{verdict}; {document['seconds']} s; {place}")
    return FAILED if exceeded else DONE


def _row(each: Certified) -> tuple[object, ...]:
    def known(share: float | None) -> str:
        return "" if share is None else f"{share:.4f}"

    judged = "whole runs" if each.runs else f"criteria {each.criterion}" if " " in each.criterion else each.criterion
    low, high = each.bounds
    return (each.agent, judged, f"{each.trials:,}", f"{each.share:.4f}", f"{low:.4f}", f"{high:.4f}",
            known(each.limit), each.finding, known(each.exact), known(each.naive))  # fmt: skip
