"""What must hold before a run may begin: each refusal names what to change, and what may begin is not refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gaelp.configuration.loading import profile
from gaelp.domain.ad_accounts import Account, AccountKind, DollarRate
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.undecidable_criteria import JudgedLog
from gaelp.domain.phases import PHASE_ORDER, Phase, phases_between
from gaelp.domain.spending.ledger_records import PassedGate
from gaelp.domain.start_conditions import StartFacts, passed_as_strictly, skip_refusal, start_refusals

ACCOUNT = Account(
    account="emulator", kind=AccountKind.EMULATOR, platform="emulator", currency="USD",
    daily_cap_micros=1, total_cap_micros=1,
)  # fmt: skip
REAL = ACCOUNT.model_copy(update={"kind": AccountKind.REAL, "platform": "google-ads"})
LOGS = (JudgedLog("a", "bandit", 5_000, 20), JudgedLog("b", "bandit", 4_000, 18))
FACTS = StartFacts(account=ACCOUNT, logs=LOGS, calibrated_until="2026-04-14", market=(4, 80), world=(4, 80))
TODAY = date(2026, 11, 26)
BEFORE_MONEY = (Phase.SIMULATION, Phase.HISTORICAL)


def changed(**sections: Any) -> TrainingConfiguration:
    own = profile("quick-test").model_dump()
    merged = {name: {**own[name], **value} if isinstance(value, dict) else value for name, value in sections.items()}
    return TrainingConfiguration.model_validate({**own, **merged})


def said(facts: StartFacts, phases: tuple[Phase, ...] = PHASE_ORDER, **sections: Any) -> list[str]:
    found = start_refusals(changed(**sections), phases, facts, TODAY)
    return [f"{each.paths[0]}: {each.message}" for each in found]


def test_a_run_that_can_end_well_is_not_refused() -> None:
    """quick-test on an emulator's account whose world is of the same sizes, and also where nothing is known yet."""
    assert said(FACTS) == said(StartFacts()) == said(replace(FACTS, world=None)) == []


@pytest.mark.parametrize(
    ("facts", "sections", "path", "remedy"),
    [
        ({"no_account": "account 'x' is not in the ledger"}, {}, "account", "not in the ledger"),
        ({"no_adapter": "Account 'x' is on google-ads: use an account on the emulator."}, {}, "account", "on the emul"),
        ({"world": (4, 12)}, {}, "account", "4 segments x 12 creatives, and the market of this run has 4 x 80"),
        ({"unusable_logs": "there is no log 'c'"}, {}, "historical.logs", "no log 'c'"),
        ({"logs": (*LOGS, JudgedLog("c", "bandit", 0, 0))}, {}, "historical.logs", "judge c on: no row of it is later"),
        ({"no_checkpoint": "is not in the store"}, {}, "--from-checkpoint", "is not in the store"),
        (
            {},
            {"currency": "EUR"},
            "currency",
            "name an account in EUR",
        ),
        ({"account": REAL}, {"clock": {"time_scale": 1}}, "mode", "set mode to strict, or take an emulator's account"),
    ],
)
def test_what_cannot_end_well_is_refused_with_its_remedy(
    facts: dict[str, Any], sections: dict[str, Any], path: str, remedy: str
) -> None:
    """One sentence for each, under the setting that is to be changed."""
    (sentence,) = said(replace(FACTS, **facts), **sections)
    assert sentence.startswith(f"{path}: ") and remedy in sentence


@pytest.mark.parametrize(
    ("account", "currency", "cap", "sentence"),
    [
        ("JPY", "JPY", 50, "live_test.daily_cap is 50 JPY, and a live test may cost 1,500 JPY to 7,500 JPY a day"),
        ("JPY", "JPY", 5000, ""),
        ("JPY", "USD", 50, "account emulator is in JPY, the configuration in USD"),  # its amounts mean nothing yet
        ("EUR", "EUR", 50, "account emulator is in EUR and has no rate to the dollar"),
    ],
)
def test_a_live_test_out_of_its_bounds_is_refused(account: str, currency: str, cap: int, sentence: str) -> None:
    """By the rate in the account's record, where the amounts are in the account's currency and the run comes to spend.

    Before that no rate is needed.
    """
    rate = DollarRate(units_per_dollar=150, day=TODAY, source="a bank") if account == "JPY" else None
    owned = ACCOUNT.model_copy(update={"currency": account, "dollar_rate": rate})
    config = profile("quick-test")
    live = config.live_test.model_copy(update={"daily_cap": cap})
    config = config.model_copy(update={"currency": currency, "live_test": live})
    messages = [each.message for each in start_refusals(config, PHASE_ORDER, replace(FACTS, account=owned), TODAY)]
    assert len(messages) == bool(sentence) and all(sentence in message for message in messages)
    if account == currency:
        assert not start_refusals(config, BEFORE_MONEY, replace(FACTS, account=owned), TODAY)


def test_a_real_account_wants_history_and_its_own_clock() -> None:
    """An empty historical.logs and a scaled clock are refused on a real account, and not on an emulator's."""
    facts = replace(FACTS, account=REAL, logs=())
    sentences = said(facts, historical={"logs": ()})
    assert [sentence.split(":")[0] for sentence in sentences] == ["historical.logs", "mode", "clock.time_scale"]
    assert "ingest a log and name it" in sentences[0]
    assert said(replace(FACTS, logs=()), historical={"logs": ()}) == []


def test_what_only_spending_needs_is_asked_for_by_spending_phases_only() -> None:
    """Up to history, neither the platform's adapter nor the world's size matters, and without it no window either."""
    facts = replace(FACTS, no_adapter="none", world=(1, 1))
    assert said(facts, BEFORE_MONEY) == [] and len(said(facts)) == 2
    empty = replace(FACTS, logs=(JudgedLog("a", "bandit", 0, 0),))
    assert said(empty, (Phase.SIMULATION,)) == [] and len(said(empty, BEFORE_MONEY)) == 1


@pytest.mark.parametrize("name", ["staging", "production"])
def test_the_strict_profiles_are_refused_as_whole_runs(name: str) -> None:
    """What this version does not judge is named by number, and the simulation is all that can be asked for."""
    (refusal,) = start_refusals(profile(name), PHASE_ORDER, StartFacts(), TODAY)
    assert all(f"criterion {id} " in refusal.message for id in ("5a", "5b", "6", "7", "11", "12", "13"))
    assert refusal.paths == ("mode",) and "take mode advisory on an emulator's account" in refusal.message
    assert "ask for what can pass with --until simulation" in refusal.message
    assert start_refusals(profile(name), (Phase.SIMULATION,), StartFacts(), TODAY) == ()


def test_the_refusal_names_how_far_a_strict_run_may_go() -> None:
    """From the live test on, production can pass the live test and not scaling; asked for that far, it may begin."""
    later = phases_between(Phase.LIVE_TEST, Phase.SCALED)
    (refusal,) = start_refusals(profile("production"), later, StartFacts(), TODAY)
    assert "ask for what can pass with --until live-test" in refusal.message
    assert start_refusals(profile("production"), (Phase.LIVE_TEST,), StartFacts(), TODAY) == ()


def test_logs_that_can_never_decide_are_refused_in_strict_mode_only() -> None:
    """20 clicks are too few for grade A: a strict run says so, an advisory one goes on unproven."""
    strict = said(FACTS, (Phase.HISTORICAL,), mode="strict")
    assert "a has 5,000 rows and 20 clicks" in strict[0] and said(FACTS, (Phase.HISTORICAL,)) == []


def test_a_strict_run_skips_only_what_its_checkpoint_has_passed() -> None:
    """The phase to begin with is named; advisory runs may skip."""
    strict, passed = profile("production"), frozenset({Phase.SIMULATION})
    assert "has not passed historical" in skip_refusal(strict, Phase.LIVE_TEST, passed)
    assert skip_refusal(strict, Phase.HISTORICAL, passed) == skip_refusal(strict, Phase.SIMULATION, frozenset()) == ""
    assert skip_refusal(profile("quick-test"), Phase.SCALED, frozenset()) == ""
    facts = replace(StartFacts(), passed=frozenset())
    assert [each.paths[0] for each in start_refusals(strict, (Phase.LIVE_TEST,), facts, TODAY)] == ["--from-phase"]


def _passed(phase: Phase) -> PassedGate:
    return PassedGate(run="earlier", account="emulator", phase=phase, config_digest="c" * 64)


def test_a_gate_that_asked_for_less_was_not_passed() -> None:
    """A PASS counts where no threshold of its gate was lower than the ones that are asked for now."""
    now = profile("production")
    easier, stricter = (
        now.model_copy(update={"simulation": now.simulation.model_copy(update={"success_rate": rate})})
        for rate in (0.5, 0.9)
    )
    modest = now.model_copy(update={"live_test": now.live_test.model_copy(update={"roi": 0.01})})
    simulation, historical, live = map(_passed, (Phase.SIMULATION, Phase.HISTORICAL, Phase.LIVE_TEST))
    assert passed_as_strictly(now, [(simulation, easier), (live, modest)]) == frozenset()
    both = [(simulation, easier), (simulation, stricter), (historical, easier)]
    assert passed_as_strictly(now, both) == {Phase.SIMULATION, Phase.HISTORICAL}


def test_an_exam_without_what_is_required_now_was_not_passed() -> None:
    """Traps, the audit, the environment: a run of production does not begin after the exam of a quick test."""
    now, simulation = profile("production"), _passed(Phase.SIMULATION)
    quick = profile("quick-test").simulation
    for exam in (
        {"profile": "quick-test"},
        {"profile": "development", "simulation": quick.model_copy(update={"audit": "required"})},
        {"environment": "toy"},
    ):
        assert passed_as_strictly(now, [(simulation, now.model_copy(update=exam))]) == frozenset(), exam
    small = profile("quick-test")
    assert passed_as_strictly(small, [(simulation, small.model_copy(update={"profile": "staging"}))])


def test_a_pass_for_another_product_counts_for_none() -> None:
    """Attempts are counted by product, so that whoever renames it begins at the mildest level again."""
    now = profile("quick-test")
    for phase in PHASE_ORDER:
        other = now.model_copy(update={"product": "another"})
        assert passed_as_strictly(now, [(_passed(phase), other)]) == frozenset()
        assert passed_as_strictly(now, [(_passed(phase), other), (_passed(phase), now)]) == {phase}


def test_the_phases_between_two_are_in_order() -> None:
    """Both ends belong to them; backwards there are none."""
    assert phases_between(Phase.HISTORICAL, Phase.LIVE_TEST) == (Phase.HISTORICAL, Phase.LIVE_TEST)
    assert phases_between(Phase.SIMULATION, Phase.SCALED) == PHASE_ORDER
    assert phases_between(Phase.SCALED, Phase.HISTORICAL) == ()
