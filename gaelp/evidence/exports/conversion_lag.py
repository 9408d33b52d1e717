"""How late conversions come, from a triangle of click day by age, and what young days will still bring.

The distribution of ages is the nonparametric maximum-likelihood estimate for counts whose ages are known to an interval
and that are seen only up to the age at which their day was last watched (B. W. Turnbull, The empirical distribution
function with arbitrarily grouped, censored and truncated data, JRSS B 38, 1976, by its self-consistency equations).
Intervals are percentiles over click days drawn again with replacement. It is taken that lags do not change from day to
day, and that nothing comes after the last age that any day was watched for.

Touch this to estimate it otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.domain.exports.conversion_ages import ConversionTriangle

MATURE = 0.9  # share of a day's conversions that have come
LEAST_SHARE = 0.05  # of its conversions must have come before anything is said of what a day will bring
RESAMPLES = 200
LEVEL = 0.95
_STEPS, _CLOSE = 5_000, 1e-9
_RESAMPLE_STEPS, _RESAMPLE_CLOSE = 300, 1e-5  # far below what days drawn again differ by


@dataclass(frozen=True)
class BoundedEstimate:
    """An estimate with its two bounds at LEVEL."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class YoungDay:
    """A click day that is not mature: what it has, and what it will still bring; None where too little has come."""

    day: date
    age: int
    conversions: float
    share: float  # of its conversions that have come, as estimated
    to_come: float | None


@dataclass(frozen=True)
class ConversionLag:
    """How late conversions come; ages are whole days after the click's day, and 0 is that day."""

    shares: tuple[float, ...]  # that have come by the end of each age; the last one is 1
    median: BoundedEstimate
    late: BoundedEstimate  # the age at which MATURE of them have come
    conversions: float  # that it rests on
    mature_until: date | None  # the last click day that is older than the upper bound of `late`
    young: tuple[YoungDay, ...]
    to_come: BoundedEstimate  # from all young days of which it can be said


def conversion_lag(triangle: ConversionTriangle, today: date, rng: np.random.Generator) -> ConversionLag:
    """Estimate it; `today` is the day after the last one watched. Raises ValueError where no conversion was seen."""
    cells = _Cells.of(triangle)
    if not cells.counts.sum() > 0:
        raise ValueError("there is no conversion in it whose age is known")
    shares = _shares(cells, cells.counts, np.full(cells.ages, 1 / cells.ages), (_STEPS, _CLOSE))
    days = sorted(triangle.watched)
    so_far = np.array(list(triangle.so_far.values()))
    ages = np.array([(today - day).days - 1 for day in days])
    drawn = [_resampled(cells, shares, len(days), rng) for _ in range(RESAMPLES)]
    late = _bounded(_age_at(shares, MATURE), [_age_at(each, MATURE) for each in drawn])
    is_young = ages <= late.high
    coming = _to_come(shares, so_far, ages) * is_young
    later = [rng.poisson(_to_come(each, so_far, ages) * is_young).sum() for each in drawn]
    young = tuple(
        _young_day(days[at], int(ages[at]), float(so_far[at]), shares) for at in np.flatnonzero(is_young).tolist()
    )
    mature = [day for day, still in zip(days, is_young.tolist(), strict=True) if not still]
    return ConversionLag(
        shares=tuple(shares.tolist()),
        median=_bounded(_age_at(shares, 0.5), [_age_at(each, 0.5) for each in drawn]),
        late=late,
        conversions=float(cells.counts.sum()),
        mature_until=mature[-1] if mature else None,
        young=young,
        to_come=_bounded(float(coming.sum()), later),
    )


@dataclass(frozen=True)
class _Cells:
    """The cells as arrays of one length, and how many ages there are."""

    day: I8  # number of the click day
    first: I8
    last: I8
    watched: I8  # last age of the cell's day
    counts: F8
    ages: int

    @classmethod
    def of(cls, triangle: ConversionTriangle) -> _Cells:
        number = {day: at for at, day in enumerate(sorted(triangle.watched))}
        used = [cell for cell in triangle.cells if cell.conversions > 0]
        return cls(
            day=np.array([number[cell.day] for cell in used], np.int64),
            first=np.array([cell.first_age for cell in used], np.int64),
            last=np.array([cell.last_age for cell in used], np.int64),
            watched=np.array([triangle.watched[cell.day] for cell in used], np.int64),
            counts=np.array([cell.conversions for cell in used]),
            ages=max(triangle.watched.values()) + 1,
        )


def _shares(cells: _Cells, counts: F8, start: F8, until: tuple[int, float]) -> F8:
    """The share of conversions that have come by each age, f8[A], by the self-consistency equations."""
    chance, (steps, close) = start, until
    for _ in range(steps):
        come = np.concatenate(([0.0], chance.cumsum()))
        inside = counts / np.maximum(come[cells.last + 1] - come[cells.first], 1e-300)
        seen = np.bincount(cells.first, inside, cells.ages + 1) - np.bincount(cells.last + 1, inside, cells.ages + 1)
        hidden = np.bincount(cells.watched + 1, counts / np.maximum(come[cells.watched + 1], 1e-300), cells.ages + 1)
        weight = chance * np.maximum(seen.cumsum()[:-1] + hidden.cumsum()[:-1], 0.0)
        updated = weight / weight.sum()
        moved = np.abs(updated - chance).max()
        chance = updated
        if moved < close:
            break
    come_by: F8 = np.minimum(chance.cumsum() / chance.sum(), 1.0)
    return come_by


def _resampled(cells: _Cells, shares: F8, days: int, rng: np.random.Generator) -> F8:
    """The shares of click days that were drawn again; those of all days where no conversion was drawn."""
    times = rng.multinomial(days, np.full(days, 1 / days))
    counts = cells.counts * times[cells.day]
    kept = counts > 0
    if not kept.any():
        return shares
    some = _Cells(cells.day[kept], cells.first[kept], cells.last[kept], cells.watched[kept], counts[kept], cells.ages)
    # Every age may have weight again: one that had none in the whole would stay without for ever.
    start = np.diff(shares, prepend=0.0) * 0.99 + 0.01 / cells.ages
    return _shares(some, some.counts, start, (_RESAMPLE_STEPS, _RESAMPLE_CLOSE))


def _age_at(shares: F8, share: float) -> float:
    """The first age by whose end so much has come."""
    return float(np.searchsorted(shares, share - 1e-9))


def _to_come(shares: F8, so_far: F8, ages: I8) -> F8:
    """What each day will still bring, as its conversions so far and the share that has come say."""
    come = shares[np.minimum(ages, len(shares) - 1)]
    return np.where(come >= LEAST_SHARE, so_far * (1 / np.maximum(come, LEAST_SHARE) - 1), 0.0)


def _young_day(day: date, age: int, conversions: float, shares: F8) -> YoungDay:
    come = float(shares[min(age, len(shares) - 1)])
    to_come = conversions * (1 / come - 1) if come >= LEAST_SHARE else None
    return YoungDay(day, age, conversions, come, to_come)


def _bounded(value: float, drawn: Sequence[float]) -> BoundedEstimate:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return BoundedEstimate(value, float(min(low, value)), float(max(high, value)))
