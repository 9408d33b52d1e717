"""Bandit logs in the Open Bandit format, made from a seed, so that no test above the unit needs real data."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

START = datetime(2019, 11, 24, tzinfo=UTC)
ITEMS = 12


def write_log(folder: Path, seed: int, rows: int = 3000, later: timedelta = timedelta(0)) -> Path:
    """A week's uniformly randomised log, `later` than START, with its item features beside it; the log's path."""
    rng = np.random.Generator(np.random.Philox(seed))
    folder.mkdir(parents=True, exist_ok=True)
    at = np.sort(rng.integers(0, 7 * 24 * 3600, rows))
    users = rng.choice(list("abcd"), (rows, 4), p=[0.4, 0.3, 0.2, 0.1])
    with (folder / "log.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        features = [f"user_feature_{i}" for i in range(4)]
        writer.writerow(["", "timestamp", "item_id", "position", "click", "propensity_score", *features])
        for row in range(rows):
            item, click = int(rng.integers(ITEMS)), int(rng.random() < 0.01)
            stamp = (START + later + timedelta(seconds=int(at[row]))).isoformat(sep=" ")
            writer.writerow([row, stamp, item, 1 + row % 3, click, 1 / ITEMS, *users[row]])
    with (folder / "item_context.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["", "item_id", "item_feature_0", "item_feature_1"])
        for item in range(ITEMS):
            writer.writerow([item, item, float(rng.normal()), f"category-{item % 3}"])
    return folder / "log.csv"
