"""Criteria 6 and 7 on one log: does the calibrated market tell policies or arms apart, and order them.

Touch this only together with docs/gates.md.
"""

from __future__ import annotations

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criterion import CriterionNumbers, Formula, Judgement, criterion_verdict, finite
from gaelp.domain.gates.measurements import LogMeasures, PanelMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.log_evidence import LEAST_RANDOMISED_P, LogKind
from gaelp.domain.policy_ranks import RanksMeasure

FEWEST_PAIRS = 40
LEVEL_BAND = (0.9, 1.1)
LEAST_RELIABILITY = 0.9
LEAST_CORRELATION_BOUND = 0.6
MOST_CARRIED = 0.1

WORDS = {LogKind.BANDIT: ("arm", "arms"), LogKind.MARKET: ("policy", "policies")}
"""What is ranked on a log of that kind."""


def panel_accuracy(log: LogMeasures, threshold: float) -> CriterionVerdict:
    """Criterion 6: of two policies the better one is predicted, and the level of values is right."""
    panel = log.panel
    if panel is None or log.state != EpisodeState.SETTLED:
        return criterion_verdict(
            "6", _nothing(log, "panel of policies"), Formula.PANEL_PAIRS, CriterionNumbers(), log.log, panel is None
        )
    share = panel.right / panel.pairs if panel.pairs else None
    numbers = CriterionNumbers(share, panel.right_low, threshold, "share of pairs of policies", panel.pairs)
    return criterion_verdict("6", _accuracy(panel, log.log, threshold), Formula.PANEL_PAIRS, numbers, log.log)


def rank_correlation(log: LogMeasures, threshold: float) -> CriterionVerdict:
    """Criterion 7: the order of a market log's policies, or of a bandit log's arms, is predicted."""
    ranks, (one, many) = log.panel or log.arms, WORDS[LogKind(log.kind)]
    if ranks is None or log.state != EpisodeState.SETTLED:
        return criterion_verdict(
            "7", _nothing(log, f"ranks of {many}"), Formula.PANEL_RANKS, CriterionNumbers(), log.log, ranks is None
        )
    unit = f"Spearman's correlation over {many}"
    numbers = CriterionNumbers(ranks.correlation, ranks.correlation_low, threshold, unit, ranks.policies)
    if log.randomised_p is not None and log.randomised_p < LEAST_RANDOMISED_P:
        why = (
            f"Items of {log.log} were not shown as often as their propensities say (chi-square p = "
            f"{log.randomised_p:.1g}), so that what its arms brought is not known."
        )
        return criterion_verdict("7", (Verdict.INCONCLUSIVE, why), Formula.PANEL_RANKS, numbers, log.log, True)
    judgement = _correlation(ranks, (one, many), log.log, threshold)
    return criterion_verdict("7", judgement, Formula.PANEL_RANKS, numbers, log.log)


def _nothing(log: LogMeasures, what: str) -> Judgement:
    if log.state != EpisodeState.SETTLED:
        return Verdict.INVALID, f"Log {log.log} was not replayed ({log.state}): {log.reason or 'no reason was given'}."
    return Verdict.INCONCLUSIVE, f"Log {log.log} supports no {what}: {log.reason or 'it has none'}."


def _accuracy(panel: PanelMeasure, log: str, threshold: float) -> Judgement:
    """The level is judged first: whoever is a quarter too high may still order policies well."""
    if not finite(panel.level, panel.level_low, panel.level_high):
        return Verdict.INVALID, f"The level of predicted over actual values on {log} is no number."
    lowest, highest = LEVEL_BAND
    level = f"predicted over actual value is {panel.level:.2f} ({panel.level_low:.2f} to {panel.level_high:.2f})"
    if panel.level_low > highest or panel.level_high < lowest:
        return Verdict.FAIL, f"On {log} the {level}, outside {lowest} to {highest}."
    if panel.pairs < FEWEST_PAIRS:
        return Verdict.INCONCLUSIVE, (
            f"On {log} {panel.pairs} of the {FEWEST_PAIRS} needed pairs of policies differ by more than the noise: "
            f"more than its {panel.clicks:,} clicks are needed."
        )
    result = f"On {log} the better of two policies was predicted in {panel.right} of {panel.pairs} pairs"
    if panel.right_high < threshold:
        return Verdict.FAIL, f"{result}: below {threshold:.0%}."
    if panel.level_low < lowest or panel.level_high > highest:
        return Verdict.INCONCLUSIVE, f"{result}, but the {level} and not yet within {lowest} to {highest}."
    if panel.right_low >= threshold:
        return Verdict.PASS, f"{result}: at least {threshold:.0%}, and the {level}."
    return Verdict.INCONCLUSIVE, f"{result}: the bound {panel.right_low:.3f} is below {threshold:g}."


def _correlation(panel: RanksMeasure, words: tuple[str, str], log: str, threshold: float) -> Judgement:
    one, many = words
    if not finite(panel.correlation, panel.most_carried, panel.reliability):
        return Verdict.INVALID, f"The values of the {many} on {log} do not vary, or one of them is no number."
    result = (
        f"On {log} the ranks of {panel.policies} {many} correlate at {panel.correlation:.2f} (at least "
        f"{panel.correlation_low:.2f}); the one predicted best earned {_regret(panel)}"
    )
    if panel.reliability < LEAST_RELIABILITY:
        return Verdict.INCONCLUSIVE, (
            f"{result}. The actual values themselves are reliable to {panel.reliability:.2f} only, and "
            f"{LEAST_RELIABILITY} is needed: more than its {panel.clicks:,} clicks are needed."
        )
    if panel.most_carried > MOST_CARRIED:
        return Verdict.INCONCLUSIVE, f"{result}. One {one} carries {panel.most_carried:.2f} of it."
    if panel.correlation_high < threshold:
        return Verdict.FAIL, f"{result}: below {threshold:g}."
    if panel.correlation >= threshold and panel.correlation_low >= LEAST_CORRELATION_BOUND:
        return Verdict.PASS, f"{result}."
    return Verdict.INCONCLUSIVE, f"{result}: {threshold:g} with a bound of {LEAST_CORRELATION_BOUND} is needed."


def _regret(panel: RanksMeasure) -> str:
    return f"{panel.regret:.1%} less than the best" if finite(panel.regret) else "nothing"
