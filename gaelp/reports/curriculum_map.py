"""The map of a curriculum over time: each task's reward in each round, and when it was mastered. Touch this to draw
something else of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

MASTERED, LOST = "✓", "lost"


def curriculum_map(rows: Sequence[dict[str, Any]]) -> Figure | None:
    """Tasks by rounds: shade and number are the reward of a task's batches, empty where it had none.

    `rows` are of the table `curriculum`, in order of round and position. None where the run had no curriculum.
    """
    if not rows:
        return None
    rounds = sorted({row["round"] for row in rows})
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    cells = {(row["task"], row["round"]): row for row in rows}
    reward = [[_reward(cells.get((task, number))) for number in rounds] for task in tasks]
    figure = Figure(figsize=(9, 1.2 + 0.35 * len(tasks)))
    axes = figure.subplots()
    image = axes.imshow(reward, aspect="auto", cmap="cividis", vmin=0, vmax=1)
    for line, task in enumerate(tasks):
        for column, number in enumerate(rounds):
            text = _text(cells.get((task, number)), cells.get((task, number - 1)))
            shade = reward[line][column]
            colour = "white" if not math.isnan(shade) and shade < 0.5 else "black"
            axes.text(column, line, text, ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(rounds)), [str(number + 1) for number in rounds])
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set(xlabel=f"learning round ({MASTERED} mastered after it, {LOST}: not mastered any more)")
    figure.colorbar(image, ax=axes, label="reward in training")
    return figure


def _reward(row: dict[str, Any] | None) -> float:
    return row["reward"] if row and row["batches"] and row["reward"] is not None else math.nan


def _text(row: dict[str, Any] | None, before: dict[str, Any] | None) -> str:
    """The reward of the round's batches, and whether the task is mastered after it."""
    if row is None:
        return ""
    reward = _reward(row)
    parts = [] if math.isnan(reward) else [f"{reward:.2f}"]
    if row["mastered"]:
        parts.append(MASTERED)
    elif row["lost"] > (before["lost"] if before else 0):
        parts.append(LOST)
    return " ".join(parts)
