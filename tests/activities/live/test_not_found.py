"""What is not found is not gone: a created campaign that does not read back counts in full, and its account stops."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from activities.live.locating import LAG_SECONDS
from gaelp.domain.platform_records import CampaignReport, CampaignSpec
from gaelp.domain.spending.advertised_content import creatives_of
from gaelp.messages.live_campaign import PauseAndSettle
from gaelp.platforms.protocol import DuplicateName, OutcomeUnknown, PlatformError
from tests.support.campaign_fixture import RUN, UNIT, CampaignFixture
from tests.support.local_runs import LocalRuns

ALWAYS = 10_000


@pytest.fixture
def hidden(local_runs: LocalRuns, fixture: CampaignFixture) -> Any:
    """Let the emulator answer so many calls of some verbs as if it had no such campaign."""
    settings = local_runs.settings
    with httpx.Client(
        base_url=f"{settings.emulator_url}/control",
        headers={"Authorization": f"Bearer {settings.emulator_token}"},
        trust_env=False,
    ) as control:

        def hide(*verbs: str, calls: int = ALWAYS) -> None:
            for verb in verbs:
                fault = {"verb": verb, "kind": "missing", "calls": calls, "account": fixture.account}
                control.post("/faults", json=fault).raise_for_status()

        yield hide
        control.delete("/faults").raise_for_status()


def _violations(fixture: CampaignFixture) -> list[tuple[str, str]]:
    return [(v.kind, v.severity) for v in fixture.ledger.violations(RUN)]


def test_a_live_campaign_that_is_not_returned_stays_reserved_in_full(fixture: CampaignFixture, hidden: Any) -> None:
    """Its worst case counts, the violation is critical, the fence rises, and what it spent is not forgotten."""
    fixture.running()
    fixture.observe(12)
    spent = fixture.ledger.spent(RUN)
    assert spent > 0
    hidden("list", "read")
    paused = fixture.settle(24 + 240, final=True)
    assert not paused.final and paused.spend_micros == spent
    (day,) = fixture.ledger.reservations(fixture.account)
    assert (day.state, day.counted_micros) == ("open", 50 * UNIT)
    assert _violations(fixture) == [("campaign-unknown", "critical")] and fixture.ledger.fence(fixture.account) == 1
    assert fixture.waits == list(LAG_SECONDS)  # a reading that lags had its time
    fixture.settle(24 + 240, final=True)
    assert fixture.ledger.fence(fixture.account) == 1  # once


def test_the_next_campaign_of_the_account_gets_no_money(fixture: CampaignFixture, hidden: Any) -> None:
    """Neither this run nor another spends on while one campaign is unknown."""
    fixture.running()
    hidden("list", "read")
    observed = fixture.observe(12)
    assert observed.stop_account and "does not return it" in observed.halt and not observed.enabled
    blocked = fixture.apply(1)
    assert not blocked.applied and "a stop has raised the fence" in blocked.halt


def test_a_campaign_that_cannot_be_read_is_paused_by_its_id_all_the_same(fixture: CampaignFixture, hidden: Any) -> None:
    """Hidden, it is still paused: a pause can only reduce spend."""
    fixture.running()
    hidden("list", "read")
    fixture.settle(24)
    assert fixture.platform.calls == ["pause"]


def test_a_campaign_of_its_name_on_another_account_is_not_paused_in_its_place(
    local_runs: LocalRuns, fixture: CampaignFixture, hidden: Any
) -> None:
    """Somebody settles one of that name on another account by hand: hidden, the true one is paused by its own id."""
    mine, other = fixture.running(), f"{fixture.account}-other"
    fixture.ledger.put_account(fixture.ledger.account(fixture.account).model_copy(update={"account": other}))
    product, shares = fixture.campaign.order.plan.product, mine.creative_prob
    spec = CampaignSpec(
        external_name=mine.external_name, account=other, product=product, end_at=mine.end_at,
        daily_budget_micros=mine.daily_budget_micros, segments=len(shares),
        creatives=creatives_of(product, len(shares[0])), bid_micros=mine.bid_micros, creative_prob=shares,
    )  # fmt: skip
    fixture.platform.real.create_paused(spec, fixture.at())
    context = fixture.campaign.context.model_copy(update={"account": other})
    forged = fixture.campaign.model_copy(update={"context": context})
    asked = PauseAndSettle(campaign=forged, at=fixture.at(1), reason="by hand", final=False)
    fixture.temporal.run(fixture.campaigns.pause_and_settle, asked)
    hidden("list", "read")
    fixture.settle(24)
    states = [each["state"] for each in local_runs.control("GET", "/campaigns")]
    assert [s["enabled"] for s in states if s["platform_id"] == mine.platform_id] == [False]


def test_a_platform_whose_reading_fails_is_paused_all_the_same(fixture: CampaignFixture) -> None:
    """The pause is sent first; then the reading's failure is raised, so that it is tried again."""
    fixture.running()

    def broken() -> None:
        raise PlatformError("no answer", permanent=False)

    fixture.platform.before["read"] = broken
    with pytest.raises(PlatformError, match="no answer"):
        fixture.settle(24)
    assert fixture.platform.calls == ["pause"]


def test_a_campaign_that_is_hidden_by_its_name_is_found_by_its_id(fixture: CampaignFixture, hidden: Any) -> None:
    """The platform id comes first: nothing is lost, and the day is settled at what it cost."""
    fixture.running()
    hidden("list")
    assert fixture.observe(12).enabled
    paused = fixture.settle(24 + 240, final=True)
    assert paused.final and paused.spend_micros > 0 and _violations(fixture) == []


def test_a_reading_that_lags_after_a_create_is_waited_for(fixture: CampaignFixture, hidden: Any) -> None:
    """Readings that miss the new campaign are no reason to give it up, nor to create another."""
    hidden("list", "read", calls=1)
    assert fixture.launch().launched
    assert fixture.platform.calls == ["create_paused"] and fixture.waits == [LAG_SECONDS[0]]


def test_a_create_that_was_lost_and_lags_is_not_settled_at_nothing(fixture: CampaignFixture, hidden: Any) -> None:
    """Its answer was lost and no reading finds it: the create may be repeated under its name, and stays unknown."""

    def lost() -> None:
        raise OutcomeUnknown("the connection broke")

    fixture.platform.after["create_paused"] = lost
    with pytest.raises(OutcomeUnknown):
        fixture.launch()
    hidden("list", "read")
    fixture.retrying()
    with pytest.raises(OutcomeUnknown):
        fixture.launch()
    assert [c.intent for c in fixture.ledger.unresolved_claims(fixture.account)] == ["create"]
    assert not fixture.settle(24 + 240, final=True).final
    assert [(r.state, r.counted_micros) for r in fixture.ledger.reservations(fixture.account)] == [("open", 50 * UNIT)]


def _lost(fixture: CampaignFixture, *, made: bool) -> None:
    """A create whose answer is lost, carried out or not."""

    def lost() -> None:
        raise OutcomeUnknown("the connection broke")

    (fixture.platform.after if made else fixture.platform.before)["create_paused"] = lost
    with pytest.raises(OutcomeUnknown):
        fixture.launch()
    fixture.retrying()


@pytest.mark.parametrize("unique", [True, False])
def test_a_lost_create_is_repeated_only_where_names_are_unique(fixture: CampaignFixture, unique: bool) -> None:
    """Elsewhere a second one would be made: it stays unknown, counts in full, and the account stops."""
    _lost(fixture, made=False)
    fixture.platform.calls.clear()
    fixture.platform.unique_names = unique
    launched = fixture.launch()
    assert launched.launched is unique and fixture.platform.calls == ["create_paused"] * unique
    if unique:
        return
    assert "the platform does not return it" in launched.reason
    assert _violations(fixture) == [("campaign-unknown", "critical")] and fixture.ledger.fence(fixture.account) == 1
    assert not fixture.settle(24 + 240, final=True).final
    assert [r.counted_micros for r in fixture.ledger.reservations(fixture.account)] == [50 * UNIT]


@pytest.mark.parametrize("given", ["nothing", "ten times the budget"])
def test_a_campaign_renamed_before_its_create_was_answered_is_not_made_again(
    fixture: CampaignFixture, local_runs: LocalRuns, given: str
) -> None:
    """A campaign that nobody of ours knows has the settings or the texts that were asked for: a person must look."""
    _lost(fixture, made=True)
    state = fixture.found()
    assert state is not None
    if given == "ten times the budget":
        fixture.platform.real.set_budget(fixture.account, state.platform_id, 250 * UNIT, fixture.at())
    path = f"/accounts/{fixture.account}/campaigns/{state.platform_id}/name"
    local_runs.control("PUT", path, json={"name": "spring sale"})
    fixture.platform.calls.clear()
    assert not fixture.launch().launched and fixture.platform.calls == []
    assert _violations(fixture) == [("campaign-unknown", "critical")]
    assert len(fixture.platform.real.campaigns(fixture.account)) == 1


def test_a_campaign_of_somebody_else_does_not_keep_a_create_from_being_repeated(fixture: CampaignFixture) -> None:
    """It has another budget and advertises another product, so it is not what was asked for."""
    _lost(fixture, made=False)
    spec = fixture.campaigns._wanted.at_creation(
        fixture.campaign,
        fixture.campaigns._claiming.creatives(fixture.campaign),
        fixture.ledger.account(fixture.account),
    )
    other = {"external_name": "spring sale", "product": "another product", "daily_budget_micros": 7 * UNIT}
    fixture.platform.real.create_paused(spec.model_copy(update=other), fixture.at())
    assert fixture.launch().launched


def test_a_create_that_is_answered_twice_is_taken_up(fixture: CampaignFixture) -> None:
    """The platform says that the name is taken: the campaign of that name is ours, and the launch goes on."""
    real = fixture.platform.real

    def before() -> None:
        spec = fixture.campaigns._wanted.at_creation(
            fixture.campaign,
            fixture.campaigns._claiming.creatives(fixture.campaign),
            fixture.ledger.account(fixture.account),
        )
        real.create_paused(spec, fixture.at())

    fixture.platform.before["create_paused"] = before
    assert fixture.launch().launched
    assert len(real.campaigns(fixture.account)) == 1 and fixture.apply().applied
    with pytest.raises(DuplicateName):
        before()


def test_an_older_state_of_the_platform_is_noticed_and_frees_nothing(fixture: CampaignFixture) -> None:
    """A report that forgets what it said is a violation; the books keep it, and the day stays reserved in full."""
    fixture.running()
    paused = fixture.settle(24)
    assert paused.spend_micros > 0
    forgotten = lambda report: report.model_copy(update={"days": ()})  # noqa: E731
    fixture.platform.changed["report"] = forgotten
    assert not fixture.settle(24 + 240, final=True).final
    assert fixture.ledger.spent(RUN) == paused.spend_micros
    assert [(r.state, r.counted_micros) for r in fixture.ledger.reservations(fixture.account)] == [("open", 50 * UNIT)]
    assert _violations(fixture) == [("reported-less", "high")] and fixture.ledger.fence(fixture.account) == 0


def test_a_credit_settles_the_day_and_is_no_older_state(fixture: CampaignFixture) -> None:
    """In its final report the platform waives what it served above the bill; what was seen stays in the books."""
    fixture.running()
    fixture.settle(24)
    (posted,) = fixture.ledger.reservations(fixture.account)

    def credit(report: CampaignReport) -> CampaignReport:
        days = [day.model_copy(update={"served_micros": day.cost_micros}) for day in report.days]
        assert all(day.final for day in days)
        return report.model_copy(update={"days": tuple(days)})

    bill = (posted.billed_micros + posted.served_micros) // 2
    fixture.platform.changed["report"] = lambda report: credit(
        report.model_copy(update={"days": tuple(d.model_copy(update={"cost_micros": bill}) for d in report.days)})
    )
    assert posted.billed_micros < bill < posted.served_micros
    assert fixture.settle(24 + 240, final=True).final and _violations(fixture) == []
    (settled,) = fixture.ledger.reservations(fixture.account)
    assert (settled.billed_micros, settled.final_micros) == (bill, posted.served_micros)
