"""From the results of an exam to the numbers that criteria 1 to 4 judge."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeAmounts, EpisodeState
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.gates.measurements import Anchor, SimulationMeasures
from gaelp.evidence.exam_measurements import ExamEvidence, measure_simulation, scaled_difference
from gaelp.messages.episode_batch import BatchResult

CONFIG = TrainingConfiguration()
ALPHA = alpha_for(1)


def batch(index: int, values: list[float], **changes: object) -> BatchResult:
    known = {"index": index, "purpose": "exam", "state": EpisodeState.SETTLED, "trajectory_digest": None}
    rest = {"episodes": len(values), "rewards": values, "raw_rewards": values, "successes": [True] * len(values)}
    anchors = {"anchor_rewards": [0.5] * len(values)}
    return BatchResult.model_validate(known | rest | anchors | changes)


def failed(index: int) -> BatchResult:
    return BatchResult(index=index, purpose="exam", state=EpisodeState.FAILED, trajectory_digest=None, episodes=0)


def measured(
    exams: Sequence[BatchResult],
    config: TrainingConfiguration,
    alpha: float,
    anchor: Anchor = Anchor.ENTRY,
    block: Sequence[BatchResult] = (),
) -> SimulationMeasures:
    return measure_simulation(ExamEvidence(exams, anchor, block), config, alpha)


def test_a_failed_batch_counts_as_failed_episodes():
    """A crash is a batch of episodes with reward 0, ratio -1 and no success, never a dropped one."""
    found = measured([batch(0, [0.9] * 32), failed(1)], CONFIG, ALPHA)
    assert found.reward.n == found.success.looks[-1].n == 32 + CONFIG.simulation.campaigns_per_batch
    assert found.reward.mean == pytest.approx(0.45)
    assert found.success.looks[-1].successes == 32
    assert found.cvar == -1.0


def test_a_failed_batch_has_as_many_episodes_as_a_settled_one() -> None:
    """Own campaigns that share an audience are one episode, whether their batch failed or not; a foreign world's are
    episodes by themselves."""
    for environment, episodes in (("gaelp/AdMarket-v0", 8), ("mine/World-v0", 32)):
        chosen = {"environment": environment, "market": {"own_campaigns": 4}}
        config = TrainingConfiguration.model_validate(chosen)
        found = measured([batch(0, [1.0] * episodes), failed(1)], config, ALPHA)
        assert (found.success.looks[-1].n, found.seeds) == (2 * episodes, 2 * episodes)


def test_batches_are_read_in_index_order():
    """The order in which batches arrive changes nothing."""
    rng = np.random.default_rng(0)
    batches = [batch(i, rng.random(32).tolist()) for i in range(4)]
    assert measured(batches, CONFIG, ALPHA) == measured(batches[::-1], CONFIG, ALPHA)


def test_cvar_is_the_mean_of_the_worst_tenth():
    """Of 100 ratios the ten worst average, and the upper bound lies above."""
    ratios = [-0.5] * 5 + [0.1] * 5 + [0.9] * 90
    found = measured([batch(0, [0.9] * 100, raw_rewards=ratios)], CONFIG, ALPHA)
    assert found.cvar == pytest.approx(-0.2)
    assert found.cvar_high is not None and found.cvar_high > -0.2


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rewards": [math.nan] * 4}, "not finite"),
        ({"raw_rewards": [-math.inf] * 4}, "not finite"),
        ({"rewards": [1.4] * 4}, "outside"),
        ({"successes": [True]}, "measures for its episodes"),
    ],
)
def test_broken_batches_become_problems(changes: dict[str, object], problem: str):
    """Numbers that cannot be are named by their batch."""
    found = measured([batch(3, [0.9] * 4, **changes)], CONFIG, ALPHA)
    assert problem in found.problems[0] and "exam batch 3" in found.problems[0]


def test_no_exam_measures_nothing():
    """Without batches there is no number, and no error."""
    found = measured((), CONFIG, ALPHA)
    assert (found.reward.n, found.cvar, found.seeds, found.problems) == (0, None, 0, ())


def test_replaced_seeds_are_counted_among_those_drawn():
    """32 episodes with 2 replaced are 34 seeds."""
    found = measured([batch(0, [0.9] * 32, replaced=2)], CONFIG, ALPHA)
    assert (found.replaced, found.seeds) == (2, 34)


def test_rewards_of_nothing_and_of_all_are_sound() -> None:
    """0 and 1 are rewards; the first one outside is named."""
    assert measured([batch(0, [0.0, 1.0])], CONFIG, ALPHA).problems == ()
    found = measured([batch(1, [0.5, -0.1, 1.4])], CONFIG, ALPHA)
    assert found.problems == ("exam batch 1 has a reward of -0.1, outside [0, 1]",)
    assert (found.reward.n, found.reward.mean, found.cvar) == (0, 0.0, None)  # broken data give no numbers


@pytest.mark.filterwarnings("error")
def test_an_exam_without_episodes_has_a_mean_of_nothing() -> None:
    """A number that JSON can hold, and no warning of an empty mean."""
    found = measured((), CONFIG, ALPHA)
    assert (found.reward.mean, found.success.looks, found.cvar_high) == (0.0, (), None)


def test_the_worst_tenth_of_a_few_is_the_worst_one() -> None:
    """Of ten ratios one, of eleven two, rounded up."""
    for n, worst in ((5, -1.0), (10, -1.0), (11, -0.5)):
        ratios = [-1.0] + [0.0] * (n - 1)
        assert measured([batch(0, [0.5] * n, raw_rewards=ratios)], CONFIG, ALPHA).cvar == worst


def test_the_upper_bound_of_the_worst_tenth_is_a_quantile_of_resamples() -> None:
    """Of ten ratios with one of -1 a resample's worst is -1 in 1 - 0.9^10 = 65 %, and else 0."""
    exam = [batch(0, [0.5] * 10, raw_rewards=[-1.0] + [0.0] * 9)]
    for alpha, high in ((0.6, -1.0), (0.1, 0.0)):
        assert measured(exam, CONFIG, alpha).cvar_high == high


# ------------------------------------------------------------ looks, anchor and block


def exam(value: float = 0.8, anchor: float = 0.5, number: int = 16) -> list[BatchResult]:
    return [batch(i, [value] * 32, anchor_rewards=[anchor] * 32) for i in range(number)]


def test_a_look_is_the_batches_that_were_planned_for_it() -> None:
    """Four batches of 32 a look; what was left out of a look makes it and the later ones smaller."""
    assert [look.n for look in measured(exam(), CONFIG, ALPHA).success.looks] == [128, 256, 384, 512]
    fewer = [batch(0, [0.8] * 30, replaced=2), *exam()[1:8]]
    assert [look.n for look in measured(fewer, CONFIG, ALPHA).success.looks] == [126, 254]


def test_the_counts_that_decide_stand_beside_each_look() -> None:
    """114 of 128 and 220 of 256 pass; the mirrored counts fail."""
    looks = measured(exam(number=8), CONFIG, ALPHA).success.looks
    assert [(look.passes_from, look.successes) for look in looks] == [(114, 128), (220, 256)]
    assert all(0 < look.fails_to < 0.8 * look.n for look in looks)


@pytest.mark.parametrize(
    ("anchor", "reward", "earned", "asked", "absolute"),
    [
        (Anchor.ENTRY, 0.8, 0.5, 0.8 - 1.05 * 0.5, False),
        (Anchor.INCUMBENT, 0.8, 0.09, 0.8 - 0.09 - 0.05, True),
        (Anchor.GRADUATED_ENTRY, 0.8, 0.82, 0.8 - 0.95 * 0.82, False),
        (Anchor.GRADUATED_ENTRY, 0.04, 0.05, 0.04 - 0.95 * 0.05, False),
    ],
)
def test_the_difference_that_is_asked_for(
    anchor: Anchor, reward: float, earned: float, asked: float, absolute: bool
) -> None:
    """5 % more than the anchor; 0.05 more than one below 0.1; 95 % of one that had passed. Bounds are in rewards."""
    found = measured(exam(reward, earned), CONFIG, ALPHA, anchor).against_anchor
    assert found is not None and found.absolute is absolute
    assert found.difference.mean == pytest.approx(asked)
    assert found.difference.low <= asked <= found.difference.high
    assert found.difference.threshold == 0.0


def test_the_improvement_that_is_asked_for_is_the_setting() -> None:
    """With simulation.improvement at 0.5 an agent at 0.7 does not exceed an anchor at 0.5."""
    config = TrainingConfiguration.model_validate({"simulation": {"improvement": 0.5}})
    found = measured(exam(0.7, 0.5), config, ALPHA).against_anchor
    assert found is not None and found.difference.mean == pytest.approx(0.7 - 1.5 * 0.5)


def test_the_scaled_difference_stays_within_the_unit_interval() -> None:
    """At both extremes of reward and anchor, and scaled back it is what was asked for."""
    ends = np.array([0.0, 1.0])
    for improvement, absolute in ((0.05, False), (0.05, True), (-0.05, False)):
        values, null, width = scaled_difference(ends, ends[::-1], improvement, absolute)
        assert values.min() == pytest.approx(0.0) and values.max() == pytest.approx(1.0)
        assert 0 < null < 1
        best = 1.0 - (improvement if absolute else 0.0)
        assert (values[1] - null) * width == pytest.approx(best)


def test_a_failed_batch_is_no_improvement() -> None:
    """Its episodes count as the worst that can be: nothing earned beside an anchor that earned all."""
    found = measured([*exam(number=3), failed(3)], CONFIG, ALPHA).against_anchor
    assert found is not None
    assert found.difference.mean == pytest.approx((3 * (0.8 - 1.05 * 0.5) - 1.05) / 4)


def test_a_batch_without_its_anchors_rewards_is_broken() -> None:
    """An exam that tells of some of its episodes only is named."""
    assert "measures for its episodes" in measured([batch(0, [0.8] * 4, anchor_rewards=())], CONFIG, ALPHA).problems[0]


def test_the_block_is_the_first_episodes_that_count() -> None:
    """Of two batches of 32 the announced 50, in their order; a collapse in what is left over is not one."""
    rewards = np.full(64, 0.8)
    rewards[[3, 60]] = 0.1
    block = [batch(i, part.tolist(), purpose="block") for i, part in enumerate(np.split(rewards, 2))]
    found = measured(exam(), CONFIG, ALPHA, block=block[::-1]).block
    assert found is not None
    assert (found.episodes, found.announced, found.collapses, found.allowed, found.problems) == (50, 50, 1, 1, ())


def test_a_block_that_is_too_short_or_broken_is_a_problem() -> None:
    """49 of 50 episodes, and a reward that is none; a failed batch is a batch of collapses."""
    short = measured(exam(), CONFIG, ALPHA, block=[batch(0, [0.8] * 49, purpose="block")]).block
    assert short is not None and short.problems == ("the block has 49 of the 50 announced episodes",)
    broken = measured(exam(), CONFIG, ALPHA, block=[batch(0, [math.nan] * 50, purpose="block")]).block
    assert broken is not None and "block batch 0" in broken.problems[0] and "not finite" in broken.problems[0]
    crashed = measured(exam(), CONFIG, ALPHA, block=[batch(0, [0.8] * 32, purpose="block"), failed(1)]).block
    assert crashed is not None and crashed.collapses == 18


def test_the_size_of_the_block_is_the_setting() -> None:
    """consistency_episodes of 60 announces 60."""
    config = TrainingConfiguration.model_validate({"simulation": {"consistency_episodes": 60}})
    found = measured(exam(), config, ALPHA, block=[batch(0, [0.8] * 64, purpose="block")]).block
    assert found is not None and found.announced == 60


def test_the_incumbents_reward_is_measured_on_the_same_worlds() -> None:
    """Its profits over the optima, clipped to [0, 1]; without amounts it is not known."""
    amounts = EpisodeAmounts(incumbent_profit_micros=(-5, 40, 300), optimum_micros=(100, 100, 200))
    settled = batch(0, [0.8] * 3).model_copy(update={"amounts": amounts})
    assert measured([settled], CONFIG, ALPHA).incumbent == pytest.approx(1.4 / 3)
    assert measured([batch(0, [0.8] * 3)], CONFIG, ALPHA).incumbent is None


def test_the_best_simple_rule_is_that_of_the_highest_mean_reward() -> None:
    """Over all episodes of the batches that settled, of the rules that played in each of them."""
    first = batch(0, [0.8] * 2, rule_rewards={"online-lp": [0.9, 0.9], "pid-pacing": [0.2, 0.2], "linear-bid": [1, 1]})
    second = batch(1, [0.8], rule_rewards={"online-lp": [0.0], "pid-pacing": [1.0]})
    found = measured([first, second, failed(2)], CONFIG, ALPHA).best_rule
    assert found is not None and (found.name, found.reward) == ("online-lp", pytest.approx(0.6))


def test_no_simple_rule_is_shown_where_none_played() -> None:
    """Neither without batches, nor where batches name none, nor where all failed."""
    for exams in ([], [batch(0, [0.8])], [failed(0)]):
        assert measured(exams, CONFIG, ALPHA).best_rule is None
