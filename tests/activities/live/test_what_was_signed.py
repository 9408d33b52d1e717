"""A campaign spends what was signed for it and nothing else, however its workflow was started."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from activities.compute.decisions import Decisions
from activities.live.claiming import NotNow
from activities.made_for import MadeForSomethingElse
from activities.records.senders import NotItsOwnWord
from gaelp.configuration import loading
from gaelp.domain.ad_accounts import AccountKind
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criteria_live_test import judge_conduct
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import CampaignReport
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.domain.spending.dollar_bounds import highest_bid_micros
from gaelp.evidence.phase_measurements import SpendingEvidence, measure_campaigns
from gaelp.ledger.booked_evidence import with_kept_decisions
from gaelp.messages.live_campaign import Apply, Decide, LiveCampaignInput, Observe
from tests.support.activity_senders import as_workflow
from tests.support.campaign_fixture import RUN, START, UNIT, CampaignFixture


def _started_by_hand(fixture: CampaignFixture, **changes: Any) -> None:
    """Change the campaign's order, context or progress, as somebody may who starts a LiveCampaign by hand."""
    campaign = fixture.campaign
    plan = campaign.order.plan
    for name, value in changes.items():
        if name in type(plan).model_fields and name != "daily_budget_micros":
            plan = plan.model_copy(update={name: value})
    context = campaign.context.model_copy(
        update={name: value for name, value in changes.items() if name in type(campaign.context).model_fields}
    )
    progress = campaign.progress.model_copy(
        update={name: value for name, value in changes.items() if name in type(campaign.progress).model_fields}
    )
    order = campaign.order.model_copy(update={"plan": plan})
    fixture.campaign = campaign.model_copy(update={"order": order, "context": context, "progress": progress})
    fixture.temporal = as_workflow(fixture.campaign.name)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"agent": "best-creative"}, "another agent"),
        ({"arm": "control"}, "another arm"),
        ({"checkpoint_digest": "0" * 64}, "another checkpoint"),
        ({"product": "product-b"}, "another content"),
        ({"campaign": "run-a/live-test/campaign-07"}, "lists no campaign"),
        ({"start": START + timedelta(days=3)}, "another day needs a new request"),
        ({"start": START - timedelta(days=1)}, "another day needs a new request"),
        ({"daily_budget_micros": 25 * UNIT + 1}, "a raise needs a new request"),
    ],
)
def test_a_campaign_started_by_hand_under_an_approved_request_spends_nothing(
    fixture: CampaignFixture, changes: dict[str, Any], words: str
) -> None:
    """Another agent, checkpoint, content, name, date or budget: nothing is reserved and the platform is not called."""
    _started_by_hand(fixture, **changes)
    launched = fixture.launch()
    assert not launched.launched and words in launched.reason
    assert fixture.ledger.reservations(fixture.account) == ()
    assert fixture.platform.calls == [] and fixture.platform.real.campaigns(fixture.account) == ()


def test_a_campaign_started_by_hand_with_another_configuration_spends_nothing(fixture: CampaignFixture) -> None:
    """A configuration that lowers no limit and checks no content is not the one that was signed."""
    config = fixture.inputs.config(fixture.campaign.context.config_digest)
    other = config.model_copy(update={"seed": config.seed + 1})
    fixture.inputs.store.put_document(loading.canonical(other))
    _started_by_hand(fixture, config_digest=loading.digest(other))
    launched = fixture.launch()
    assert not launched.launched and "another configuration" in launched.reason
    assert (fixture.ledger.reservations(fixture.account), fixture.platform.calls) == ((), [])


def test_a_running_campaign_gets_no_day_more_than_was_signed(fixture: CampaignFixture) -> None:
    """Three days were signed: a fourth is refused, and nothing is written for it."""
    fixture.running()
    for day in (1, 2):
        assert fixture.apply(day).applied
    fixture.platform.calls.clear()
    blocked = fixture.apply(3)
    assert not blocked.applied and "another day needs a new request" in blocked.halt
    assert fixture.platform.calls == [] and len(fixture.ledger.reservations(fixture.account)) == 3


def test_a_lease_reaches_over_no_day_that_is_not_reserved(fixture: CampaignFixture) -> None:
    """Whoever asks on the first day for the last one gets no lease until then: the days between would be billed."""
    assert fixture.launch().launched
    campaign = fixture.on_tick(2)
    asked = Apply(campaign=campaign, decision_digest=fixture.decided(campaign), at=fixture.at())
    blocked = fixture.temporal.run(fixture.campaigns.apply, asked)
    assert not blocked.applied and "a day is reserved while it lasts" in blocked.halt
    found = fixture.found()
    assert found is not None and not found.enabled
    assert found.end_at == fixture.at(24) and len(fixture.ledger.reservations(fixture.account)) == 1
    assert fixture.platform.real.report(fixture.account, found.platform_id, fixture.at(72)).days == ()


def test_a_call_on_a_real_account_spends_nothing_on_another_day_than_today(
    fixture: CampaignFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The campaign's first day is long ago by the wall clock; on that day the very same calls are made."""
    real = fixture.ledger.account(fixture.account).model_copy(update={"kind": AccountKind.REAL})
    monkeypatch.setattr(fixture.ledger, "account", lambda _: real)
    for call in (fixture.launch, fixture.apply):
        with pytest.raises(NotNow, match="nothing is done for another day than today"):
            call()
    assert (fixture.ledger.reservations(fixture.account), fixture.platform.calls) == ((), [])
    monkeypatch.setattr(fixture.campaigns._claiming, "_now", lambda: fixture.at(5))
    assert fixture.launch().launched and fixture.apply().applied


def test_an_approval_ends_with_its_run(fixture: CampaignFixture) -> None:
    """Days that were signed and not used are no money for whoever starts a campaign by hand after the run's end."""
    fixture.running()
    fixture.settle(24)
    fixture.platform.calls.clear()
    fixture.ledger.end_run(RUN, fixture.at(24))
    blocked = fixture.apply(1, enabled=False)
    assert not blocked.applied and "is withdrawn, not approved" in blocked.halt
    assert fixture.platform.calls == [] and len(fixture.ledger.reservations(fixture.account)) == 1


@pytest.mark.parametrize("sender", [f"{RUN}/live-test", f"{RUN}/live-test/campaign-01", "by-hand"])
def test_only_its_own_workflow_launches_a_campaign_and_applies_its_decisions(
    fixture: CampaignFixture, sender: str
) -> None:
    """Whoever has the activities called by another workflow spends nothing, and nothing is counted as the agent's."""
    own, fixture.temporal = fixture.temporal, as_workflow(sender)
    with pytest.raises(NotItsOwnWord, match="only its own workflow may"):
        fixture.launch()
    fixture.temporal = own
    assert fixture.launch().launched
    fixture.temporal = as_workflow(sender)
    fixture.platform.calls.clear()
    with pytest.raises(NotItsOwnWord, match="only its own workflow may"):
        fixture.apply(0)
    assert fixture.platform.calls == [] and fixture.ledger.decisions(f"{RUN}/live-test") == ()


def test_nothing_is_applied_but_what_the_agent_has_decided_for_that_very_tick(fixture: CampaignFixture) -> None:
    """Whoever answers in the deciding activity's place can name a decision of another tick, campaign, checkpoint or
    memory, or content that is none; nothing of it is reserved, written or counted."""
    assert fixture.launch().launched
    campaign, reserved = fixture.on_tick(1), fixture.ledger.reservations(fixture.account)
    context, plan = campaign.context, campaign.order.plan
    differing = {
        "tick": fixture.on_tick(2),
        "memory": fixture.on_tick(1, memory_digest="m" * 64),
        "budget": fixture.on_tick(1, daily_budget_micros=24 * UNIT),
        "start": fixture.on_tick(1, start=START + timedelta(hours=1)),
        "checkpoint": campaign.model_copy(update={"context": context.model_copy(update={"checkpoint_digest": "0"})}),
        "campaign": campaign.model_copy(
            update={"order": campaign.order.model_copy(update={"plan": plan.model_copy(update={"index": 1})})}
        ),
    }
    decisions = {name: fixture.decided(each) for name, each in differing.items()} | {"unmarked": fixture.decide()}
    fixture.platform.calls.clear()
    for name, digest in decisions.items():
        asked = Apply(campaign=campaign, decision_digest=digest, at=campaign.at())
        with pytest.raises(MadeForSomethingElse, match="the decision was not made for tick 1"):
            fixture.temporal.run(fixture.campaigns.apply, asked)
        assert fixture.platform.calls == [], name
    assert fixture.ledger.reservations(fixture.account) == reserved
    assert fixture.ledger.decisions(f"{RUN}/live-test") == ()
    own = Apply(campaign=campaign, decision_digest=fixture.decided(campaign), at=campaign.at())
    assert fixture.temporal.run(fixture.campaigns.apply, own).applied


def test_nothing_is_decided_on_an_observation_of_another_tick(fixture: CampaignFixture) -> None:
    """Neither an old one, nor one that was read at another instant, nor content that somebody else has named."""
    fixture.running()
    decide = Decisions(fixture.inputs).decide
    campaign = _learned(fixture)
    seen = fixture.temporal.run(fixture.observations.observe, Observe(campaign=campaign, at=campaign.at()))
    assert fixture.temporal.run(decide, Decide(campaign=campaign, observation_digest=seen.observation_digest))
    later = fixture.temporal.run(fixture.observations.observe, Observe(campaign=campaign, at=fixture.at(30)))
    following = campaign.model_copy(update={"progress": campaign.progress.model_copy(update={"tick": 2})})
    # As of the same instant, but as of a campaign that has more to spend, or a day whose length is another one.
    rich = fixture.on_tick(1, enabled=True, daily_budget_micros=900 * UNIT)
    short = fixture.on_tick(1, enabled=True, day_minutes=(1440, 60, 60))
    feigned = [
        fixture.temporal.run(
            fixture.observations.observe,
            Observe(campaign=each.model_copy(update={"context": campaign.context}), at=campaign.at()),
        )
        for each in (rich, short)
    ]
    own = [(campaign, each.observation_digest) for each in (later, *feigned)]
    for asked, digest in ((following, seen.observation_digest), *own):
        with pytest.raises(MadeForSomethingElse, match="the observation was not made for tick"):
            fixture.temporal.run(decide, Decide(campaign=asked, observation_digest=digest))


def _learned(fixture: CampaignFixture) -> LiveCampaignInput:
    """The campaign at its second tick with the state that its agent begins with."""
    campaign, inputs = fixture.on_tick(1, enabled=True), fixture.inputs
    context = campaign.context
    agent = inputs.agent(context.agent, context.config_digest)
    state = inputs.store.put_arrays(inputs.untrained(agent, context.config_digest, context.market_digest))
    return campaign.model_copy(update={"context": context.model_copy(update={"checkpoint_digest": state})})


def test_decisions_are_kept_once_each(fixture: CampaignFixture) -> None:
    """One that is applied, one that is clamped and one that is refused."""
    assert fixture.launch().launched
    most = highest_bid_micros(fixture.ledger.account(fixture.account))
    for _ in range(2):
        assert fixture.apply(0).applied
    assert fixture.apply(1, fixture.decide(most + UNIT), daily_budget_micros=20 * UNIT).applied
    assert not fixture.apply(2, daily_budget_micros=26 * UNIT).applied
    made = sorted(fixture.ledger.decisions(f"{RUN}/live-test"), key=lambda each: each.tick)
    assert [(each.applied, each.near_miss) for each in made] == [(True, False), (True, True), (False, True)]
    assert [each.day.day for each in made] == [5, 6, 7]
    (counted,) = with_kept_decisions((_ended(fixture),), made)
    assert (counted.actions, counted.near_misses, counted.planned_micros) == (3, 2, 45 * UNIT)


def test_each_blocked_attempt_is_in_the_verdict(fixture: CampaignFixture) -> None:
    """A bid above its bound, a budget above its ceiling and a day above the account's cap: all three are named."""
    assert fixture.launch().launched
    account = fixture.ledger.account(fixture.account)
    assert fixture.apply(0, fixture.decide(highest_bid_micros(account) + 1)).applied
    assert not fixture.apply(1, daily_budget_micros=26 * UNIT).applied
    fixture.ledger.put_account(account.model_copy(update={"daily_cap_micros": UNIT}))
    assert "daily cap" in fixture.apply(2).halt
    counted = with_kept_decisions((_ended(fixture),), fixture.ledger.decisions(f"{RUN}/live-test"))
    measures = measure_campaigns(SpendingEvidence(Phase.LIVE_TEST, counted), TrainingConfiguration(), 0.05)
    assert (measures.conduct.actions, measures.conduct.near_misses) == (3, 3)
    assert "3 attempts were blocked" in judge_conduct(measures).reason


def test_no_decision_is_kept_of_a_campaign_that_was_never_reserved(fixture: CampaignFixture) -> None:
    """Before it begins anybody can start a workflow under its id, and have what is refused counted as its agent's."""
    assert not fixture.apply(0, daily_budget_micros=26 * UNIT).applied
    assert fixture.ledger.decisions(f"{RUN}/live-test") == ()


def _ended(fixture: CampaignFixture) -> CampaignResult:
    plan = fixture.campaign.order.plan
    kept = {name: getattr(plan, name) for name in ("campaign", "index", "product", "arm")}
    return CampaignResult(**kept, state=EpisodeState.SETTLED, reason="drawdown")


def test_a_campaign_that_has_ended_does_not_begin_again(fixture: CampaignFixture) -> None:
    """It was halted with two signed days left, and its run goes on: an apply that is started by hand spends nothing."""
    fixture.running()
    fixture.settle(24)
    fixture.ledger.keep_result(_ended(fixture), fixture.at(24))
    fixture.platform.calls.clear()
    blocked = fixture.apply(1, enabled=False)
    assert not blocked.applied and "has ended" in blocked.halt
    assert fixture.platform.calls == [] and len(fixture.ledger.reservations(fixture.account)) == 1


def test_no_day_is_settled_at_what_another_day_cost(fixture: CampaignFixture) -> None:
    """A settling that is asked with another start finds each day by its date: the day that goes on stays in full."""
    fixture.running()
    assert fixture.apply(1, enabled=True).applied
    _started_by_hand(fixture, start=START - timedelta(days=1))
    fixture.settle(28, final=True)
    second = next(d for d in fixture.ledger.reservations(fixture.account) if d.key.endswith("day-001"))
    assert (second.state, second.counted_micros) == ("open", 50 * UNIT)


def test_a_day_that_goes_on_is_not_settled_though_the_platform_calls_it_final(fixture: CampaignFixture) -> None:
    """A platform that is wrong about it frees no room on the day."""

    def all_final(report: CampaignReport) -> CampaignReport:
        days = tuple(day.model_copy(update={"final": True}) for day in report.days)
        return report.model_copy(update={"days": days})

    fixture.running()
    fixture.platform.changed["report"] = all_final
    assert not fixture.settle(12, final=True).final
    (day,) = fixture.ledger.reservations(fixture.account)
    assert (day.state, day.counted_micros) == ("open", 50 * UNIT)


def test_a_raise_beyond_the_ceiling_is_refused_though_the_caps_have_room(
    fixtures: Callable[..., CampaignFixture],
) -> None:
    """The caps of all campaigns together are no licence for one of them."""
    fixture = fixtures(request={"daily_cap_micros": 50 * UNIT})
    fixture.running()
    blocked = fixture.apply(1, daily_budget_micros=26 * UNIT)
    assert not blocked.applied and "needs a new request" in blocked.halt
    assert fixture.platform.calls == []
