"""The verb `plan`: how many exam episodes a true effect needs, by the simulation's gate itself.

Touch this to change what it prints; `--gate live-test` is in live_plan.py beside it.
"""

from __future__ import annotations

import argparse

from gaelp.commands.console import DONE, Out, WrongUse, table
from gaelp.commands.exports.file_plan import file_plan
from gaelp.commands.exports.unread_options import OF_A_LIVE_TEST, OF_AN_EXAM, OF_AN_EXPORT, refuse_unread
from gaelp.commands.power.exam_settings import figure_place, level_of, read_configuration
from gaelp.commands.power.live_plan import live_plan

TIMES = (1, 2, 4, 8)  # as many batches in each look as the configuration plans, and more
TRIALS = 300
TARGET = 0.8
COLUMNS = ("exam_batches", "episodes", "1 reward", "2 success", "3 improvement", "4 block", "1 to 4")
SHARES = ("success", "reward", "anchor", "spread")


def plan(arguments: argparse.Namespace, out: Out) -> int:
    """Power of what the configuration plans, and of more, as a table and a plot."""
    if arguments.file is not None or arguments.account is not None:
        return file_plan(arguments, out)
    refuse_unread(arguments, OF_AN_EXPORT, "of a plan by a FILE")
    if arguments.gate.startswith("live"):
        refuse_unread(arguments, OF_AN_EXAM, "of the gate simulation only")
        return live_plan(arguments, out)
    refuse_unread(arguments, OF_A_LIVE_TEST, "of a live test only: say --gate live-test, or give a FILE")
    return _exam_plan(arguments, out)


def _exam_plan(arguments: argparse.Namespace, out: Out) -> int:
    import numpy as np

    from gaelp.evidence.certification.gate_certification import power
    from gaelp.evidence.certification.simulated_exams import exam_plan
    from gaelp.evidence.certification.stated_agents import StatedAgent
    from gaelp.reports.plots import png
    from gaelp.reports.power_plots import exam_power

    _check_shares(arguments)
    config, alpha = read_configuration(arguments), level_of(arguments)
    agent = StatedAgent("", arguments.reward, arguments.spread, arguments.success, arguments.anchor, normal=True)
    rng = np.random.default_rng(config.seed)
    sizes = [config.simulation.exam_batches * times for times in TIMES]
    plans = [exam_plan(config, alpha, size) for size in sizes]
    powers = [power(agent, each, TRIALS, rng) for each in plans]
    episodes = [each.looks.episodes[-1] for each in plans]
    place = figure_place(arguments, "plan.png")
    place.write_bytes(png(exam_power(episodes, powers, TARGET)))
    enough = next((n for n, shares in zip(episodes, powers, strict=True) if shares[-1] >= TARGET), None)
    exams = list(zip(sizes, episodes, powers, strict=True))
    rows = [(size, f"{n:,}", *(f"{100 * share:.0f} %" for share in shares)) for size, n, shares in exams]
    document = {
        "level": alpha,
        "trials": TRIALS,
        "exams": [
            {"exam_batches": size, "episodes": n, "power": dict(zip(COLUMNS[2:], shares, strict=True))}
            for size, n, shares in exams
        ],
        "enough": enough,
        "figure": str(place),
    }
    out.result(
        document,
        table(COLUMNS, rows),
        f"{_answer(enough, episodes[-1])} (by {TRIALS} trials at level {alpha:.4f}); {place}",
    )
    return DONE


def _check_shares(arguments: argparse.Namespace) -> None:
    for name in SHARES:
        if not 0 <= getattr(arguments, name) <= 1:
            raise WrongUse(f"--{name} is {getattr(arguments, name):g}, and it is a share from 0 to 1")


def _answer(enough: int | None, most: int) -> str:
    if enough is None:
        return f"no exam of up to {most:,} episodes passes in {TARGET:.0%} of cases"
    return f"an exam of {enough:,} episodes passes in {TARGET:.0%} of cases or more"
