"""The verb `certify`: how often the simulation's gate is wrong, by trials of the gate itself.

Touch this to change what it prints; the agents are in gaelp/evidence/gate_certification.py.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from gaelp.commands.console import DONE, Out, table
from gaelp.commands.power.exam_settings import figure_place, level_of, read_configuration
from gaelp.errors import FAILED


def certify(arguments: argparse.Namespace, out: Out) -> int:
    """Trials without Temporal; exit code 1 where a share lies above its level beyond chance."""
    import numpy as np

    from gaelp.evidence.gate_certification import CONFIDENCE, EXCEEDED, Certified, certified
    from gaelp.evidence.simulated_exams import exam_plan
    from gaelp.reports.plots import png
    from gaelp.reports.power_plots import certified_shares

    began, config = time.monotonic(), read_configuration(arguments)
    plan = exam_plan(config, level_of(arguments))
    found = certified(plan, arguments.trials, np.random.default_rng(config.seed))
    place = figure_place(arguments, "certify.png")
    Path(place).write_bytes(png(certified_shares(found)))

    def row(each: Certified) -> tuple[object, ...]:
        low, high = each.bounds
        limit = "" if each.limit is None else f"{each.limit:.4f}"
        return (each.agent, each.criterion, f"{each.trials:,}", f"{each.share:.4f}", f"{low:.4f}", f"{high:.4f}",
                limit, each.finding)  # fmt: skip

    columns = ("agent", "criteria", "trials", "passed", "at least", "at most", "level", "finding")
    rows = [row(each) for each in found]
    exceeded = [each.agent for each in found if each.finding == EXCEEDED]
    document = {
        "level": plan.alpha,
        "looks": plan.looks.episodes,
        "confidence": 1 - CONFIDENCE,
        "agents": [dict(zip(columns, each, strict=True)) for each in rows],
        "exceeded": exceeded,
        "figure": str(place),
        "seconds": round(time.monotonic() - began, 1),
    }
    verdict = f"the gate passes more than it may: {', '.join(exceeded)}" if exceeded else "no level is exceeded"
    out.result(document, table(columns, rows), f"{verdict}; {document['seconds']} s; {place}")
    return FAILED if exceeded else DONE
