"""The map of a curriculum over time."""

from __future__ import annotations

from typing import Any

from gaelp.reports.curriculum_map import curriculum_map
from gaelp.reports.plots import png


def row(number: int, task: str, *, batches: int = 1, mastered: bool = False, lost: int = 0) -> dict[str, Any]:
    """A row of the table `curriculum`."""
    return {
        "round": number, "task": task, "batches": batches, "reward": 0.25 if batches else None,
        "mastered": mastered, "lost": lost,
    }  # fmt: skip


def test_no_curriculum_has_no_map() -> None:
    """A run without tasks draws nothing."""
    assert curriculum_map([]) is None


def test_each_cell_tells_reward_mastery_and_loss() -> None:
    """A trained task shows its reward, a mastered one a mark, and `lost` stands in the one round that lost it."""
    rows = [
        row(0, "a", mastered=True), row(0, "b", batches=0),
        row(1, "a", batches=0, lost=1), row(1, "b"),
        row(2, "a", lost=1), row(2, "b", batches=0),
    ]  # fmt: skip
    figure = curriculum_map(rows)
    assert figure is not None
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["0.25 ✓", "lost", "0.25", "", "0.25", ""]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    assert png(figure).startswith(b"\x89PNG")
