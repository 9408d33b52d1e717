"""Criterion 5a at the boundaries of each of its conditions. Touch with gaelp/domain/gates/criteria_forecast.py."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criteria_forecast import fidelity
from gaelp.domain.gates.measurements import ForecastMeasure, LogMeasures
from gaelp.domain.gates.verdicts import Inconclusive, Verdict

PASS, FAIL, INCONCLUSIVE, INVALID = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.INVALID


def forecast(quantity: str, **changes: Any) -> ForecastMeasure:
    return ForecastMeasure.model_validate(
        {
            "quantity": quantity, "cells": 90, "weeks": 4, "events": 2000.0, "reachable": 0.95, "match": 0.96,
            "match_low": 0.95, "match_high": 0.97, "ratio": 1.0, "ratio_low": 0.95, "ratio_high": 1.05,
        } | changes
    )  # fmt: skip


def log(*forecasts: ForecastMeasure, **changes: Any) -> LogMeasures:
    known = {"log": "march", "kind": "report", "grade": "R", "rows": 1000, "clicks": 9000, "state": "settled"}
    return LogMeasures.model_validate(known | {"forecasts": forecasts} | changes)


@pytest.mark.parametrize(("changes", "verdict", "said"), [
    ({}, PASS, "at least 0.95, within 0.95 to 1.05"),
    ({"match_low": 0.949}, INCONCLUSIVE, "a bound of 0.95, and 0.95 to 1.05, are needed"),
    ({"ratio_low": 0.949}, INCONCLUSIVE, "a bound of 0.95, and 0.95 to 1.05, are needed"),
    ({"ratio_high": 1.051}, INCONCLUSIVE, "a bound of 0.95, and 0.95 to 1.05, are needed"),
    ({"match": 0.9, "match_low": 0.85, "match_high": 0.949}, FAIL, "below 0.95"),
    ({"ratio_low": 1.051, "ratio_high": 1.2}, FAIL, "outside 0.95 to 1.05"),
    ({"ratio_low": 0.8, "ratio_high": 0.949}, FAIL, "outside 0.95 to 1.05"),
    ({"events": 1999.0}, INCONCLUSIVE, "1,999 events in 4 weeks, and 2,000 in 4 are needed"),
    ({"weeks": 3}, INCONCLUSIVE, "2,000 events in 3 weeks"),
    ({"ratio": math.nan}, INVALID, "no numbers, or 0 on every day"),
])  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_every_quantity_must_match(first: bool, changes: dict[str, Any], verdict: Verdict, said: str) -> None:
    """The worse of cost and conversions decides, whichever it is, and both stand in the reason."""
    spoiled, good = {True: ("cost", "conversions"), False: ("conversions", "cost")}[first]
    answer = fidelity(log(forecast(good), forecast(spoiled, **changes)), 0.95)
    assert answer.verdict is verdict and said in answer.reason
    assert "Cost of march" in answer.reason and "Conversions of march" in answer.reason
    assert answer.inconclusive is (Inconclusive.UNDECIDED if verdict is INCONCLUSIVE else None)
    if changes:
        assert answer.unit == f"match of {spoiled}"


def test_a_report_on_which_no_model_could_match_is_unsupported() -> None:
    """More days of as few events would not help, and the reason says what would."""
    few = forecast("cost", reachable=0.949, match=0.9, match_low=0.85, match_high=0.92)
    answer = fidelity(log(few, forecast("conversions")), 0.95)
    assert (answer.verdict, answer.inconclusive) == (INCONCLUSIVE, Inconclusive.UNSUPPORTED)
    assert "even a perfect model matches at 0.949 only; report fewer and larger campaigns" in answer.reason


def test_a_quantity_that_is_not_there_is_named_and_never_passes() -> None:
    """A report without conversions, and one that was not replayed."""
    answer = fidelity(log(forecast("cost")), 0.95)
    assert (answer.verdict, answer.inconclusive) == (INCONCLUSIVE, Inconclusive.UNSUPPORTED)
    assert "supports no forecast of conversions" in answer.reason
    failed = fidelity(log(state=EpisodeState.FAILED, reason="it is gone"), 0.95)
    assert failed.verdict is INVALID and "it is gone" in failed.reason
