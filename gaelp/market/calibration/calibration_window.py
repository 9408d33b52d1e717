"""What calibration may read of a log: its earlier rows, counted. Touch this to calibrate on another window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gaelp.arrays import F8, I8, Array
from gaelp.errors import GaelpError

HOUR_PRIOR = 24.0  # observed hours that the hour-of-day profile weighs in the weekday-hour curve
HOURS = 168
HOUR_US = 3_600_000_000
PER_ROW = ("time_us", "hour", "weekday", "action", "click", "user_features")


class CalibrationError(GaelpError, ValueError):
    """The logs cannot be calibrated on; the message names the log and the remedy."""

    permanent = True


def earlier(log: Mapping[str, Array], share: float, name: str, columns: Sequence[str] = PER_ROW) -> dict[str, Array]:
    """Those columns of the log's first `share` of rows, less the rows of the instant at which that share ends.

    By rows, as gaelp.records.logs.stored_logs.split cuts the later part that history is judged on: the two never
    overlap. A log without times (negative ones) is cut in its own order. `name` is how an error calls the log.
    """
    time = np.asarray(log["time_us"], np.int64)
    if len(time) == 0:
        raise CalibrationError(f"{name} has no rows: ingest it again, or leave it out of the logs")
    if time.min() < 0:
        time = np.arange(len(time))
    cut = int(len(time) * share)
    # A share of 1 takes everything: nothing is judged on the rest, as for the emulator's world.
    keep = time < np.sort(time)[cut] if cut < len(time) else np.ones(len(time), bool)
    if not keep.any():
        raise CalibrationError(
            f"{name} has no row before the later {1 - share:.0%} begins: "
            "give a longer log, or raise historical.calibration_share"
        )
    return {column: np.asarray(log[column])[keep] for column in columns}


def hourly(logs: Sequence[Mapping[str, Array]]) -> F8:
    """Traffic weights f8[168], mean 1: the weekday-hour counts per observed hour, shrunken to the hour of the day."""
    rows, hours = np.zeros(HOURS), np.zeros(HOURS)
    for log in logs:
        time, slot = log["time_us"], log["weekday"] * 24 + log["hour"]
        if time.min() < 0 or slot.min() < 0:
            continue  # a log without times says nothing about hours
        rows += np.bincount(slot, minlength=HOURS)
        _, first = np.unique(time // HOUR_US, return_index=True)
        hours += np.bincount(slot[first], minlength=HOURS)
    if not rows.any():
        return np.ones(HOURS)
    rows_of_day, hours_of_day = (counts.reshape(7, 24).sum(axis=0) for counts in (rows, hours))
    level = rows.sum() / max(hours.sum(), 1.0)
    profile = np.tile((rows_of_day + level) / (hours_of_day + 1.0), 7)
    weights = (rows + HOUR_PRIOR * profile) / (hours + HOUR_PRIOR)
    return np.asarray(weights / weights.mean())


def common_candidates(logs: Sequence[Mapping[str, Array]]) -> Array:
    """The candidate features f4[K, G] that all logs share. Raises CalibrationError where they do not."""
    first = np.asarray(logs[0]["candidate_features"])
    for index, log in enumerate(logs):
        features = np.asarray(log["candidate_features"])
        if features.shape != first.shape:
            raise CalibrationError(
                f"bandit log {index + 1} has candidates {features.shape}, log 1 has {first.shape}: "
                "calibrate on logs of one campaign only"
            )
        action = np.asarray(log["action"])
        if len(action) and (action.min() < 0 or action.max() >= len(features)):
            raise CalibrationError(
                f"bandit log {index + 1} shows candidate {int(action.max())}, but it lists only {len(features)}: "
                "give the item file that belongs to the log"
            )
    return np.asarray(first)


def counts(segment: I8, action: I8, weight: I8 | None, segments_: int, candidates: int) -> I8:
    """Rows, or the sum of `weight`, per segment and candidate, i8[S, K]."""
    flat = np.bincount(segment * candidates + action, weights=weight, minlength=segments_ * candidates)
    return flat.astype(np.int64).reshape(segments_, candidates)
