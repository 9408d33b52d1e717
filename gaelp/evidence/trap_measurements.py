"""From what traps cost in each episode to what criterion 15 judges. Touch this to measure them otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gaelp.arrays import F8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.measurements import TrapMeasure, TrapsMeasure
from gaelp.domain.trap_exams import LARGEST_GAIN, TRAPS, WHOLE_LOSS, required_traps
from gaelp.evidence import stake_mixture

WIDTH = LARGEST_GAIN + WHOLE_LOSS


def measure_traps(
    losses: Mapping[str, Sequence[float]], config: TrainingConfiguration, alpha: float
) -> TrapsMeasure | None:
    """Of each trap that was played, in the order of TRAPS; None where there is none and none is required."""
    required = required_traps(config)
    measured = tuple(
        _measured(name, np.array(losses[name]), name in required, alpha) for name in TRAPS if name in losses
    )
    missing = tuple(name for name in required if name not in losses)
    return TrapsMeasure(traps=measured, missing=missing) if measured or missing else None


def _measured(name: str, losses: F8, required: bool, alpha: float) -> TrapMeasure:
    """The mean of losses f8[N] in [-LARGEST_GAIN, WHOLE_LOSS] with bounds, each at level alpha."""
    threshold, looks = TRAPS[name].threshold, [losses.size] if losses.size else []
    values, tested = (losses + LARGEST_GAIN) / WIDTH, (threshold + LARGEST_GAIN) / WIDTH
    low = stake_mixture.lower_bound(values, looks, alpha, tested)
    high = 1.0 - stake_mixture.lower_bound(1.0 - values, looks, alpha, 1.0 - tested)
    return TrapMeasure(
        name=name,
        required=required,
        episodes=losses.size,
        loss=float(losses.mean()) if losses.size else 0.0,
        low=low * WIDTH - LARGEST_GAIN,
        high=high * WIDTH - LARGEST_GAIN,
        threshold=threshold,
    )
