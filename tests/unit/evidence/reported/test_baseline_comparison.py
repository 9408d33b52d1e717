"""The agent beside the baselines: pairs, not two means, and only what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.domain.episodes import BatchPurpose, EpisodeAmounts, EpisodeState
from gaelp.domain.gates.measurements import Anchor
from gaelp.domain.log_evidence import Grade, LogKind
from gaelp.evidence.history.off_policy import LOGGING, TESTED, evaluate_paired
from gaelp.evidence.reported.baseline_comparison import in_exam, on_log
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.log_replay import Estimate, LogEvidence, PairedDifference

EPISODES = 64


def batch(rewards: np.ndarray, incumbent: np.ndarray, anchors: np.ndarray) -> BatchResult:
    names = EpisodeAmounts.model_fields
    amounts = {name: (0,) * EPISODES for name in names} | {
        "optimum_micros": (1_000_000,) * EPISODES,
        "incumbent_profit_micros": tuple(int(each * 1_000_000) for each in incumbent),
    }
    return BatchResult(
        index=0, purpose=BatchPurpose.EXAM, state=EpisodeState.SETTLED, trajectory_digest=None, episodes=EPISODES,
        rewards=tuple(rewards.tolist()), anchor_rewards=tuple(anchors.tolist()), amounts=EpisodeAmounts(**amounts),
    )  # fmt: skip


def test_a_lead_on_equal_worlds_is_measured_in_pairs() -> None:
    """Worlds differ by 0.3, the agent leads by 0.1 on each: the lead's interval is narrow, the values' are wide."""
    world = np.random.default_rng(1).uniform(0.2, 0.5, EPISODES)
    played = batch(world + 0.1, world, world + 0.05)
    played = played.model_copy(update={"rule_rewards": {"linear-bid": tuple((world - 0.1).tolist())}})
    found = in_exam([played], Anchor.ENTRY)
    assert found is not None and [each.policy for each in found.policies] == [
        "agent", "incumbent", "linear-bid", "as it entered the phase",
    ]  # fmt: skip
    agent, incumbent, rule, entry = found.policies
    assert rule.agents_lead is not None and rule.agents_lead.value == pytest.approx(0.2)
    assert agent.agents_lead is None and incumbent.agents_lead is not None and entry.agents_lead is not None
    assert incumbent.agents_lead.value == pytest.approx(0.1, abs=1e-5)
    assert entry.agents_lead.value == pytest.approx(0.05, abs=1e-9)
    for each in (incumbent.agents_lead, entry.agents_lead):
        assert each.low is not None and each.high is not None and each.high - each.low < 1e-5
    assert agent.value.low is not None and agent.value.high is not None and agent.value.high - agent.value.low > 0.01


def test_an_anchor_that_is_the_incumbent_is_listed_once_and_an_empty_exam_not_at_all() -> None:
    """No policy stands twice, and a batch that tells no episode compares nothing."""
    world = np.full(EPISODES, 0.4)
    found = in_exam([batch(world, world, world)], Anchor.INCUMBENT)
    assert found is not None and len(found.policies) == 2
    assert in_exam([], Anchor.ENTRY) is None


def logged(rows: int = 6000) -> dict[str, np.ndarray]:
    """Three items shown alike, of which the third is clicked four times as often."""
    rng = np.random.default_rng(2)
    action = rng.integers(0, 3, rows)
    click = rng.random(rows) < np.array([0.05, 0.05, 0.2])[action]
    hour = np.arange(rows) % 24
    return {"action": action, "propensity": np.full(rows, 1 / 3), "click": click.astype(np.int64), "hour": hour}


def evidence_of(policies: dict[str, np.ndarray], size: int = 6000) -> LogEvidence:
    rows = logged(size)
    estimates, differences = evaluate_paired(
        rows, np.zeros(len(rows["click"]), np.int64), policies, np.random.default_rng(0)
    )
    return LogEvidence(
        log="made", kind=LogKind.BANDIT, grade=Grade.A, rows=len(rows["click"]), clicks=int(rows["click"].sum()),
        estimates=estimates, differences=differences,
    )  # fmt: skip


def shares(*each: float) -> np.ndarray:
    return np.broadcast_to(np.array(each), (24, 1, 3)).copy()


def test_the_agent_stands_beside_logging_uniform_and_the_best_creative() -> None:
    """Its lead over uniform holds the truth, 0.1; that over itself under another name is nothing."""
    third = shares(0, 0, 1)
    found = on_log(evidence_of({TESTED: third, "uniform": shares(1 / 3, 1 / 3, 1 / 3), "best-creative": third}))
    assert found is not None
    leads = {each.policy: each.agents_lead for each in found.policies}
    assert list(leads) == ["agent", "logging policy", "uniform", "best-creative"]
    for name in ("logging policy", "uniform"):
        lead = leads[name]
        assert lead is not None and lead.low is not None and lead.high is not None and lead.low < 0.1 < lead.high
        assert lead.low > 0
    same = leads["best-creative"]
    assert same is not None and (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_a_comparison_of_too_few_clicks_is_called_no_evidence() -> None:
    """As its estimates are, because a bootstrap of few clicks is too narrow."""
    for size, marked in ((6000, False), (60, True)):
        found = on_log(evidence_of({TESTED: shares(0, 0, 1)}, size))
        assert found is not None and found.unit.endswith("too few clicks, no evidence") is marked


def test_without_the_agent_there_is_nothing_to_compare() -> None:
    """A log that was asked about baselines alone has estimates, no differences and no comparison."""
    evidence = evidence_of({"uniform": shares(1 / 3, 1 / 3, 1 / 3)})
    assert evidence.differences == () and on_log(evidence) is None
    assert {each.policy for each in evidence.estimates} == {LOGGING, "uniform"}


def replayed(clicks: float, auctions: float = 5000.0) -> LogEvidence:
    """A market log on which the agent won that many clicks, and the logger enough."""
    names = {TESTED: (clicks, auctions), LOGGING: (90.0, 9000.0)}
    estimates = tuple(
        Estimate(estimator="replay", policy=name, value=2.0, low=1.0, high=3.0, row_ess=rows, click_ess=won)
        for name, (won, rows) in names.items()
    )
    return LogEvidence(
        log="auctions", kind=LogKind.MARKET, grade=Grade.B, rows=9000, clicks=90, estimates=estimates, unit="EUR",
        differences=(PairedDifference(policy=LOGGING, value=0.0, low=-0.5, high=0.5),),
    )  # fmt: skip


@pytest.mark.parametrize(("clicks", "auctions", "few"), [(30, 5000, False), (29, 5000, True), (0, 0, False)])
def test_replayed_bids_are_compared_in_their_unit(clicks: float, auctions: float, few: bool) -> None:
    """Fewer than 30 clicks are called no evidence; a policy that wins no auction brings nothing for certain."""
    found = on_log(replayed(clicks, auctions))
    assert found is not None and found.unit == ("EUR; too few clicks, no evidence" if few else "EUR")
    agent, logger = found.policies
    assert (agent.policy, logger.policy, logger.agents_lead and logger.agents_lead.low) == (
        "agent", "logging policy", -0.5,
    )  # fmt: skip
