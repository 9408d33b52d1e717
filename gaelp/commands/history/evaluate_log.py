"""The verb `evaluate`: what a policy would have got on a bandit log, by every estimator, and what that rests on.

An A/B test is answered in compared_arms.py.

Touch this to change what it prints; the estimators are in gaelp/evidence/history, the verdict in gaelp/domain/gates.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaelp.commands.console import DONE, Out, WrongUse, table
from gaelp.commands.history.checkpoint_policies import checkpoint_policy, is_checkpoint
from gaelp.commands.history.compared_arms import compare_arms, is_split_test
from gaelp.commands.history.given_logs import GivenLog, given_log
from gaelp.domain.log_evidence import LEAST_CLICK_ESS, LEAST_RANDOMISED_P, Grade, LogKind, interval_by
from gaelp.errors import GaelpError

if TYPE_CHECKING:
    from gaelp.arrays import F8, I8, Array
    from gaelp.messages.log_replay import Estimate, LogEvidence

EARLIER = 0.5  # of a log, on which `best-creative` is chosen; it is judged on the rest


@dataclass(frozen=True)
class _Asked:
    """A policy, the rows that it is judged on, and how they were chosen."""

    policy: F8
    segment: I8
    rows: dict[str, Array]
    remark: str


def evaluate(arguments: argparse.Namespace, out: Out) -> int:
    """Every estimator with its interval, effective sizes, weights, grade, and the verdict of criterion 5b.

    With --split: the arms of an A/B test.
    """
    if arguments.split:
        return compare_arms(arguments, out)
    import numpy as np

    from gaelp.evidence.history.off_policy import TESTED, randomised_p
    from gaelp.evidence.history.off_policy import evaluate as estimates_of
    from gaelp.messages.log_replay import LogEvidence

    log = _bandit_log(arguments)
    asked = _asked(log, arguments.policy)
    rows = asked.rows
    estimates = estimates_of(rows, asked.segment, {TESTED: asked.policy}, np.random.default_rng(arguments.seed))
    evidence = LogEvidence(
        log=log.info.name,
        kind=LogKind.BANDIT,
        grade=Grade.A,
        rows=len(rows["click"]),
        clicks=int(rows["click"].sum()),
        estimates=estimates,
        randomised_p=randomised_p(rows),
    )
    _show(log, evidence, arguments, asked.remark, out)
    return DONE


def _bandit_log(arguments: argparse.Namespace) -> GivenLog:
    try:
        return given_log(arguments.log, LogKind.BANDIT, arguments)
    except GaelpError:
        if is_split_test(arguments):
            raise WrongUse(
                f"{arguments.log} is an A/B test summed by arm, and has no policy to ask for: ask with --split equal, "
                "or with each arm's planned share, as in --split control=90 new=10"
            ) from None
        raise


def _show(log: GivenLog, evidence: LogEvidence, arguments: argparse.Namespace, remark: str, out: Out) -> None:
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.domain.gates.criteria_historical import grade_a_missed, judge_historical
    from gaelp.domain.gates.judging import alpha_for
    from gaelp.evidence.phase_measurements import measure_historical

    measures = measure_historical([evidence], alpha_for(arguments.attempt))
    verdict = next(each for each in judge_historical(measures, TrainingConfiguration()) if each.id == "5b")
    missed, rests_on = grade_a_missed(measures.logs[0]), evidence.estimates[1]
    grade = "none" if missed else str(Grade.A)
    document = {
        "log": evidence.log,
        "policy": arguments.policy,
        "rows": evidence.rows,
        "clicks": evidence.clicks,
        "note": remark,
        "estimates": {each.estimator: _entry(each) for each in evidence.estimates},
        "rests_on": {name: getattr(rests_on, name) for name in RESTS_ON} | {"randomised_p": evidence.randomised_p},
        "grade": grade,
        "refused": missed,
        "verdict": verdict.model_dump(mode="json"),
    }
    rows = [(e.estimator, f"{e.value:.5f}", f"{e.low:.5f} to {e.high:.5f}", interval_by(e.estimator, e.click_ess))
            for e in evidence.estimates]  # fmt: skip
    out.result(
        document,
        f"{log.head}; policy {arguments.policy}{f' ({remark})' if remark else ''}",
        table(("estimator", "clicks per impression", "90 % interval", "by"), rows),
        table(("rests on", "", "grade A needs"), _support(evidence, rests_on)),
        f"grade {grade}{': ' + '; '.join(missed) if missed else ''}",
        f"{verdict.label}: {verdict.reason}",
    )


RESTS_ON = ("row_ess", "click_ess", "largest_weight_share", "mean_weight", "mean_weight_error")


def _entry(estimate: Estimate) -> dict[str, Any]:
    entry = {
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "by": interval_by(estimate.estimator, estimate.click_ess),
    }
    if estimate.log_wealth is not None:
        entry |= {"log_wealth": estimate.log_wealth, "log_wealth_against": estimate.log_wealth_against}
    return entry


def _support(evidence: LogEvidence, estimate: Estimate) -> list[tuple[str, str, str]]:
    from gaelp.domain.gates.criteria_historical import (
        LARGEST_WEIGHT,
        LEAST_ROW_ESS,
        WEIGHT_ERRORS,
    )

    shown = evidence.randomised_p
    return [
        ("effective rows", f"{estimate.row_ess:,.0f} of {evidence.rows:,}", f"at least {LEAST_ROW_ESS}"),
        ("effective clicks", f"{estimate.click_ess:,.1f} of {evidence.clicks:,}", f"at least {LEAST_CLICK_ESS}"),
        ("largest weight", f"{estimate.largest_weight_share:.2%} of the sum", f"at most {LARGEST_WEIGHT:.0%}"),
        ("mean weight", f"{estimate.mean_weight:.3f} +- {estimate.mean_weight_error:.3f}",
         f"1 within {WEIGHT_ERRORS} of its errors"),
        ("items shown", "too few rows" if shown is None else f"chi-square p = {shown:.2g}",
         f"p of at least {LEAST_RANDOMISED_P}"),
    ]  # fmt: skip


def _asked(log: GivenLog, policy: str) -> _Asked:
    """The policy that the words name; one chosen or trained on a log is judged on the log's later part only."""
    import numpy as np

    from gaelp.evidence.history.policy_files import table_policy
    from gaelp.market.logged_policy import single, uniform

    columns = log.columns
    one, items = np.zeros(len(columns["click"]), np.int64), len(columns["item_ids"])
    if policy == "uniform":
        return _Asked(uniform(1, items), one, columns, "")
    if policy == "best-creative":
        earlier, later = _halves(columns)
        best = _best(earlier, items)
        remark = f"item {columns['item_ids'][best]}, chosen on the earlier half and judged on the later one"
        return _Asked(single(best, 1, items), np.zeros(len(later["click"]), np.int64), later, remark)
    if Path(policy).is_file():
        with Path(policy).open(encoding="utf-8-sig", newline="") as file:
            return _Asked(*table_policy(file, columns, policy), columns, "")
    if is_checkpoint(policy):
        _, later = _halves(columns)
        shares, segment, agent = checkpoint_policy(policy, later)
        return _Asked(shares, segment, later, f"of agent {agent}, judged on the later half")
    raise WrongUse(f"policy {policy!r} is neither uniform, best-creative, a file nor a checkpoint's digest")


def _halves(columns: dict[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
    from gaelp.records.logs.stored_logs import split

    try:
        return split(columns, EARLIER)
    except ValueError as error:
        raise WrongUse(str(error)) from None


def _best(rows: dict[str, Array], items: int) -> int:
    """The item of the highest shrunken click rate."""
    import numpy as np

    from gaelp.market.calibration import calibration_window, shrinkage

    one, action = np.zeros(len(rows["click"]), np.int64), rows["action"]
    shown = calibration_window.counts(one, action, None, 1, items)
    clicks = calibration_window.counts(one, action, rows["click"], 1, items)
    return int(shrinkage.click_rates(shown, clicks)[0].argmax())
