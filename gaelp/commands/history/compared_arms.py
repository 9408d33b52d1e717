"""The verb `evaluate` on an A/B test: each arm's click rate, its difference from the control's, and the split.

Touch this to change what it prints; the intervals are in gaelp/evidence/history/arm_comparison.py.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gaelp.commands.console import DONE, Out, WrongUse, table
from gaelp.commands.history.given_logs import given_log
from gaelp.domain.gates.criteria_scaled import SPLIT_P
from gaelp.domain.log_evidence import LogKind
from gaelp.errors import GaelpError

if TYPE_CHECKING:
    from gaelp.evidence.history.arm_comparison import ExperimentResult

_COLUMNS = ("arm", "impressions", "planned", "clicks", "click rate", "90 % interval", "less control", "90 % interval")
_NOT_AS_PLANNED = (
    "the arms' impressions were not split as planned, so that what lies between the arms may not be their own doing; "
    "where users were split and not impressions, only the numbers of users can show it"
)


def compare_arms(arguments: argparse.Namespace, out: Out) -> int:
    """The arms of each experiment of the log beside its control."""
    shares = _shares(arguments.split)
    log = given_log(arguments.log, LogKind.SPLIT_TEST, arguments)
    from gaelp.evidence.history.arm_comparison import compare

    try:
        results = compare(log.columns, shares)
    except ValueError as error:
        raise WrongUse(f"{log.info.name}: {error}") from None
    document = {"log": log.info.name, "experiments": [_document(each) for each in results]}
    out.result(document, log.head, *(part for each in results for part in _shown(each)))
    return DONE


def is_split_test(arguments: argparse.Namespace) -> bool:
    """Whether the log can be read as an A/B test; asked where it could not be read as what was asked for."""
    try:
        given_log(arguments.log, LogKind.SPLIT_TEST, arguments)
    except GaelpError:
        return False
    return True


def _shares(words: list[str]) -> dict[str, float]:
    """Arm -> planned share, in any unit and in the words' order; empty where all are equal. Raises WrongUse."""
    if words == ["equal"]:
        return {}
    found: dict[str, float] = {}
    for word in words:
        arm, _, number = word.rpartition("=")
        try:
            share = float(number)
        except ValueError:
            share = math.nan
        if not arm or not (math.isfinite(share) and share > 0):
            raise WrongUse(f"--split {word}: say equal, or each arm with a share over 0, as in control=90 new=10")
        if arm in found:
            raise WrongUse(f"--split names {arm!r} twice")
        found[arm] = share
    return found


def _document(result: ExperimentResult) -> dict[str, Any]:
    arms = [asdict(arm) | {"rate": arm.rate} for arm in result.arms]
    as_planned = result.split_p >= SPLIT_P
    return {"experiment": result.experiment, "arms": arms, "split_p": result.split_p, "as_planned": as_planned}


def _shown(result: ExperimentResult) -> tuple[Any, ...]:
    rows = []
    for arm in result.arms:
        beside = ("", "")
        if arm.difference is not None:
            beside = (f"{arm.difference:+.5f}", f"{arm.difference_low:+.5f} to {arm.difference_high:+.5f}")
        rate = (f"{arm.rate:.5f}", f"{arm.low:.5f} to {arm.high:.5f}")
        rows.append((arm.arm, f"{arm.impressions:,}", f"{arm.planned:.1%}", f"{arm.clicks:,}", *rate, *beside))
    split = f"split of the impressions: chi-square p = {result.split_p:.2g}, at least {SPLIT_P} is needed"
    wrong = () if result.split_p >= SPLIT_P else (_NOT_AS_PLANNED,)
    return (table(_COLUMNS, rows, result.experiment), split, *wrong)
