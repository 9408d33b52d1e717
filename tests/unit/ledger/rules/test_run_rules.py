"""What a run may begin on, be judged by, and blame on its agent. Touch with gaelp/ledger/rules/run_rules.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.spending.campaign_records import Arm, CampaignResult
from gaelp.domain.spending.signed_starts import Starter
from gaelp.ledger.rules.ruling import GRANTED
from gaelp.ledger.rules.run_rules import judge_beginning, judge_halt, judge_judged, judge_run
from gaelp.ledger.stored_records import BegunTerms, RegisteredRun
from tests.support.ledgers import NOW

TERMS = BegunTerms("acme", "fixed-bid", "c" * 64)
NEW = RegisteredRun("run-a", "acme", NOW)
BEGUN = replace(NEW, agent="fixed-bid", config_digest="c" * 64)
HALTED = CampaignResult(
    campaign="run-a/scaled/campaign-00", index=0, product="shoes", arm=Arm.CANDIDATE, state=EpisodeState.SETTLED,
    reason="drawdown",
)  # fmt: skip


def test_a_run_spends_until_it_is_stopped() -> None:
    """A name that was never registered was never stopped either."""
    assert judge_run(None) == GRANTED
    assert judge_run(NEW) == GRANTED
    assert (
        judge_run(replace(NEW, stopped_at=NOW)).reason == "run run-a was stopped at 2026-11-22 12:00 UTC: start another"
    )


@pytest.mark.parametrize("registered", [NEW, BEGUN, replace(NEW, starter=Starter(
    key_id="k", name="Ada", agent="fixed-bid", config_digest="c" * 64))])  # fmt: skip
def test_a_run_begins_on_its_own_terms_and_again_on_the_same(registered: RegisteredRun) -> None:
    """A terminated run repeats what was, and a signed one begins as it was signed."""
    assert judge_beginning("run-a", registered, TERMS) == GRANTED


@pytest.mark.parametrize(
    ("registered", "words"),
    [
        (None, "no run 'run-a' was ever registered: start it with `starter.py start`"),
        (replace(NEW, account="other"), "run 'run-a' was registered for account other, not for acme"),
        (replace(BEGUN, ended_at=NOW), "run 'run-a' ended at 2026-11-22T12:00:00+00:00: start one of another name"),
        (replace(BEGUN, agent="uniform"), "run 'run-a' has begun with another agent or configuration before: start"),
        (replace(BEGUN, config_digest="d" * 64), "run 'run-a' has begun with another agent or configuration before"),
        (
            replace(NEW, starter=Starter(key_id="k", name="Ada", agent="uniform", config_digest="c" * 64)),
            "the start of run 'run-a' was signed for another agent or configuration: sign and start another",
        ),
        (
            replace(NEW, starter=Starter(key_id="k", name="Ada", agent="fixed-bid", config_digest="d" * 64)),
            "the start of run 'run-a' was signed for another agent or configuration: sign and start another",
        ),
    ],
)
def test_a_run_begins_on_no_other_terms(registered: RegisteredRun | None, words: str) -> None:
    """Otherwise it would have further tries at a gate that count as one."""
    for ruling in (judge_beginning("run-a", registered, TERMS), judge_judged("run-a", registered, TERMS)):
        assert not ruling.granted and ruling.reason.startswith(words)


def test_only_what_has_begun_is_judged() -> None:
    """A gate on a run that has not begun would judge nothing, and use an attempt."""
    assert judge_judged("run-a", BEGUN, TERMS) == GRANTED
    assert judge_judged("run-a", NEW, TERMS).reason == "run 'run-a' has not begun: there is nothing to judge"


@pytest.mark.parametrize(
    "result",
    [
        HALTED.model_copy(update={"state": EpisodeState.CANCELLED}),
        HALTED.model_copy(update={"reason": ""}),
        HALTED.model_copy(update={"interruption": "the platform was away"}),
    ],
)
def test_an_end_that_is_no_halt_needs_no_reading(result: CampaignResult) -> None:
    """It settled at the end of its days, or what ended it was a person or something outside the agent."""
    assert judge_halt(result, ()) == GRANTED


def test_a_halt_counts_where_a_reading_has_kept_it() -> None:
    """An invented one is refused, whatever other halts were kept."""
    assert judge_halt(HALTED, ("other", "drawdown")) == GRANTED
    refused = judge_halt(HALTED, ("other",))
    assert refused.reason == "no reading of run-a/scaled/campaign-00 has kept its halt in the ledger: drawdown"
