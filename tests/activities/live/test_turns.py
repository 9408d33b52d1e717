"""The end of one tick and the beginning of the next in one call, on the real emulator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from activities.compute.decisions import Decisions, beside_credentials
from activities.inputs import Inputs
from activities.live.turns import Turns
from gaelp.agents.agent_entry_points import UnknownAgent, available, load_harmless
from gaelp.agents.agent_failures import AgentFailed
from gaelp.agents.contract import Agent
from gaelp.domain.spending.campaign_records import Arm
from gaelp.messages.live_campaign import AppliedAndObserved, Apply, Decide, Decided, LiveCampaignInput, Observe
from gaelp.platforms.protocol import PlatformError
from tests.support.campaign_fixture import CampaignFixture


def _nobody(decide: Decide) -> None:
    """No agent decides here."""


def _turn(fixture: CampaignFixture, decide_here: Callable[[Decide], Decided | None] = _nobody) -> AppliedAndObserved:
    """The first tick's decision, and what the second one observes and decides."""
    campaign = fixture.campaign
    asked = Apply(campaign=campaign, decision_digest=fixture.decided(campaign), memory_digest="m" * 64, at=fixture.at())
    both: AppliedAndObserved = fixture.temporal.run(
        Turns(fixture.campaigns, fixture.observations, decide_here).apply_and_observe, asked
    )
    return both


def test_the_next_tick_is_observed_as_its_own_activity_would(fixture: CampaignFixture) -> None:
    """The same observation, by digest, the same days, and the same posts in the ledger."""
    fixture.launch()
    both = _turn(fixture)
    assert both.applied.applied and both.following is not None and both.following.spend_micros > 0
    posted = fixture.kinds("post")
    assert posted == ["post"]
    assert both.following == fixture.observe(24, enabled=True)
    assert fixture.kinds("post") == posted


def test_what_was_applied_stands_though_the_next_tick_cannot_be_read(fixture: CampaignFixture) -> None:
    """The reading is left to its own tick; a failure of it is none of the write."""
    fixture.launch()

    def away() -> None:
        raise PlatformError("the platform is away", permanent=False)

    fixture.platform.before["report"] = away
    both = _turn(fixture)
    assert both.applied.applied and both.following is None
    assert fixture.observe(24, enabled=True).spend_micros > 0


def test_nothing_is_read_after_an_apply_that_was_blocked(fixture: CampaignFixture) -> None:
    """A stopped campaign is paused next, and its clock is not moved before."""
    fixture.launch()
    fixture.stop()
    both = _turn(fixture)
    assert not both.applied.applied and both.following is None and fixture.kinds("post") == []


def _learned(fixture: CampaignFixture, agent: str, **changes: object) -> LiveCampaignInput:
    """The campaign with an agent that has the state it begins with, as it stands at the second tick."""
    context, inputs = fixture.campaign.context, fixture.inputs
    state = inputs.untrained(inputs.agent(agent, context.config_digest), context.config_digest, context.market_digest)
    context = context.model_copy(update={"checkpoint_digest": inputs.store.put_arrays(state)})
    order = fixture.campaign.order
    order = order.model_copy(update={"plan": order.plan.model_copy(update={"agent": agent})})
    return fixture.on_tick(1, **changes).model_copy(update={"context": context, "order": order})


def test_the_next_tick_is_decided_as_its_own_activity_would(fixture: CampaignFixture) -> None:
    """Decision and memory are equal by digest to those of the agent's own process; it is asked as of the next tick."""
    fixture.launch()
    asked: list[Decide] = []
    both = _turn(fixture, lambda decide: asked.append(decide) or Decided(decision_digest="d", memory_digest="n"))
    assert both.decided == Decided(decision_digest="d", memory_digest="n") and both.following is not None
    (decide,) = asked
    assert decide.observation_digest == both.following.observation_digest
    assert (decide.campaign.progress.tick, decide.campaign.progress.memory_digest) == (1, "m" * 64)
    for agent in ("fixed-bid", "linear-thompson", "pid-pacing"):
        campaign = _learned(fixture, agent)
        seen = fixture.temporal.run(fixture.observations.observe, Observe(campaign=campaign, at=campaign.at()))
        given = Decide(campaign=campaign, observation_digest=seen.observation_digest)
        apart = fixture.temporal.run(Decisions(fixture.inputs).decide, given)
        assert beside_credentials(fixture.inputs.store)(given) == apart, agent


def test_only_an_incumbent_of_the_control_arm_decides_without_a_process_of_its_own(fixture: CampaignFixture) -> None:
    """The same agent in the candidate arm has a state that anybody may have made, and is loaded apart."""
    fixture.launch()
    asked: list[Decide] = []
    _turn(fixture, lambda decide: asked.append(decide) or Decided(decision_digest="d", memory_digest="n"))
    campaign = _learned(fixture, "fixed-bid")
    decide = Decisions(Inputs(fixture.inputs.store, load=_loads_nothing)).decide
    for arm in Arm:
        plan = campaign.order.plan.model_copy(update={"arm": arm})
        order = campaign.order.model_copy(update={"plan": plan})
        given = Decide(
            campaign=campaign.model_copy(update={"order": order}), observation_digest=asked[0].observation_digest
        )
        if arm is Arm.CONTROL:
            assert fixture.temporal.run(decide, given).decision_digest
        else:
            with pytest.raises(UnknownAgent, match="apart"):
                fixture.temporal.run(decide, given)


def _loads_nothing(name: str) -> Agent:
    raise UnknownAgent(f"{name} would be loaded apart")


@pytest.mark.parametrize("agent", ["vowpalwabbit", "remote", "somebody-elses"])
def test_an_agent_that_must_not_run_beside_credentials_decides_elsewhere(fixture: CampaignFixture, agent: str) -> None:
    """One that parses its state with a foreign library, asks over HTTP, or is not ours; as the incumbent too."""
    here = beside_credentials(fixture.inputs.store)
    plan = fixture.campaign.order.plan.model_copy(update={"agent": agent})
    campaign = fixture.campaign.model_copy(update={"order": fixture.campaign.order.model_copy(update={"plan": plan})})
    assert here(Decide(campaign=campaign, observation_digest="o" * 64)) is None
    with pytest.raises(UnknownAgent, match="must not run"):
        load_harmless(agent)
    config = fixture.inputs.config(campaign.context.config_digest).model_copy(update={"incumbent": agent})
    digest = fixture.inputs.store.put_document(config.model_dump(mode="json"))
    context = fixture.campaign.context.model_copy(update={"config_digest": digest})
    campaign = fixture.campaign.model_copy(update={"context": context})
    assert here(Decide(campaign=campaign, observation_digest="o" * 64)) is None


def test_every_other_agent_of_ours_may_decide_beside_credentials() -> None:
    """Those that read their state with numpy alone: a list, so that a new agent is looked at."""
    harmless = set()
    for agent in available():
        try:
            harmless.add(load_harmless(agent).name)
        except UnknownAgent:
            continue
    numbers = {"best-creative", "fixed-bid", "incremental-thompson", "linear-bid", "linear-thompson", "online-lp"}
    assert harmless == {*numbers, "pid-pacing", "policy-search", "uniform"}


def test_what_was_applied_stands_though_the_agent_fails(fixture: CampaignFixture) -> None:
    """The decision is left to its own activity, which says whose failure it is."""
    fixture.launch()

    def fails(decide: Decide) -> Decided:
        raise AgentFailed("agent 'fixed-bid' failed")

    both = _turn(fixture, fails)
    assert both.applied.applied and both.following is not None and both.decided is None


def test_nothing_is_decided_where_the_campaign_must_halt(fixture: CampaignFixture) -> None:
    """An observation that halts it leaves no decision to make."""
    fixture.launch()
    asked: list[Decide] = []
    turns = Turns(fixture.campaigns, fixture.observations, lambda decide: asked.append(decide))
    fixture.platform.changed["report"] = lambda report: report.model_copy(update={"disapproved": ("creative-1",)})
    apply = Apply(campaign=fixture.campaign, decision_digest=fixture.decided(fixture.campaign), at=fixture.at())
    both = fixture.temporal.run(turns.apply_and_observe, apply)
    assert both.following is not None and "disapproved" in both.following.halt and not asked
