"""The first lines of a report: how much is missing, in conversions, days and money, and one thing to do."""

from __future__ import annotations

from typing import Any

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.phases import Outcome, Phase
from gaelp.evidence.reported.earnings import Bounded, Earnings
from gaelp.reports.first_lines import ReportedState, first_lines, outlook

CONFIG = TrainingConfiguration()
UNIT = 1_000_000


def earnings(days: int = 40) -> Earnings:
    """Four conversions and 20.00 a day."""
    return Earnings(days, days, days * 20 * UNIT, 0, 0, 0, 4.0 * days, Bounded(0.0), None, None)


def row(
    criterion: str, verdict: str = "INCONCLUSIVE", kind: str | None = "undecided", **numbers: Any
) -> dict[str, Any]:
    blank = {"bound": None, "threshold": None, "n": 0, "name": f"name of {criterion}", "reason": f"why {criterion}"}
    return {"criterion": criterion, "criterion_verdict": verdict, "inconclusive": kind, "phase": "live-test"} | (
        blank | numbers
    )


def state(*rows: dict[str, Any], outcome: Outcome | None = Outcome.GRADUATED_UNPROVEN, **changed: Any) -> ReportedState:
    blank: dict[str, Any] = {
        "run": "a", "outcome": outcome, "reason": "", "criteria": {Phase.LIVE_TEST: rows},
        "earned": {Phase.LIVE_TEST: earnings()}, "asked": [], "lost": [], "unjudged": "", "open_violations": 0,
    }  # fmt: skip
    return ReportedState(**(blank | changed))


@pytest.mark.parametrize(("criterion", "numbers", "days"), [
    ("8", {"bound": 4.0, "threshold": 32.0, "n": 40}, 60),  # 4 in 40 days is 32 in 100
    ("9", {"n": 3}, 2 * CONFIG.live_test.days),
    ("10", {"n": 60}, 160),  # 60 actions in 40 days, 300 are needed
    ("11", {"n": 1}, 21),
    ("12", {"n": 5}, 120),
])  # fmt: skip
def test_what_is_missing_is_projected_at_the_pace_so_far(criterion: str, numbers: dict[str, Any], days: int) -> None:
    """Days by hand for each criterion; conversions and money follow from the days."""
    found = outlook(state(row(criterion, **numbers)), CONFIG)
    assert found is not None
    assert (found.days, found.conversions, found.spend_micros) == (days, 4 * days, 20 * days * UNIT)


@pytest.mark.parametrize("numbers", [
    {"bound": 0.5, "threshold": 32.0, "n": 40}, {"bound": 40.0, "threshold": 32.0, "n": 40}, {"bound": None, "n": 40},
])  # fmt: skip
def test_a_bet_that_loses_or_has_won_is_not_projected(numbers: dict[str, Any]) -> None:
    """A wealth below 1 never comes to the threshold at its pace, and one above it waits for something else."""
    assert outlook(state(row("8", **numbers)), CONFIG) is None


def test_the_longest_wait_of_a_phase_counts_once_and_phases_add_up() -> None:
    """Criteria of one phase wait for the same days; those of another phase come after."""
    live = [row("10", n=60), row("9", n=4)]
    scaled = [row("12", n=10)]
    found = outlook(
        state(criteria={Phase.LIVE_TEST: live, Phase.SCALED: scaled},
              earned={Phase.LIVE_TEST: earnings(), Phase.SCALED: earnings(10)}),
        CONFIG,
    )  # fmt: skip
    assert found is not None and found.days == 160 + 10 and found.criteria == ("10", "9", "12")


def test_a_person_reads_how_much_more_and_not_a_state() -> None:
    """Conversions, days and money stand in the sentence, and whose money it is."""
    found = first_lines(state(row("10", n=60), which_money=" (no real money)"), CONFIG)
    assert found.word == "not ready" and "unproven" not in found.sentence
    assert found.sentence == (
        "Not ready: about 640 more conversions, 160 days of campaigns and 3,200.00 USD of ad spend (no real money), at "
        "its pace so far."
    )
    assert found.why == "So much more data may decide zero violations (10)."
    assert found.command == "starter.py plan --gate live-test"


def test_no_price_is_told_where_no_price_makes_it_ready() -> None:
    """With criteria that no data decides the sentence says so, and what more data decides stands below it."""
    found = first_lines(state(row("10", n=60), row("5a", kind="unsupported"), row("13", kind="not assessed")), CONFIG)
    assert found.sentence.startswith("Not ready, and no amount of such data makes it so: 2 of its criteria")
    assert "3,200" not in found.sentence
    assert found.why.startswith("About 640 more conversions, 160 days of campaigns and 3,200.00 USD of ad spend, at")
    assert "may decide zero violations (10)" in found.why
    assert "can never decide historical match: fidelity (5a)" in found.why
    assert "does not assess transfer effectiveness (13)" in found.why
    assert found.why.endswith("So no amount of such data makes this run ready.")
    assert found.command == "starter.py plan --gate live-test"
    history = row("5a", kind="unsupported") | {"phase": "historical"}
    by_log = state(criteria={Phase.HISTORICAL: [history], Phase.LIVE_TEST: [row("10", n=60)]})
    assert first_lines(by_log, CONFIG).command == "starter.py ingest --help", "no longer test would make it ready"


def test_what_waits_for_a_person_comes_first() -> None:
    """A run with an open request says what is asked and how to answer."""
    found = first_lines(state(outcome=None, asked=["a/live-test#1 asks for at most 50.00 USD"]), CONFIG)
    assert found.word == "waiting" and "a/live-test#1 asks for" in found.sentence
    assert found.command == "starter.py approve a"


@pytest.mark.parametrize(("outcome", "word", "command"), [
    (Outcome.GRADUATED, "ready", "starter.py accounts"), (Outcome.NOT_GRADUATED, "refused", "starter.py attempts"),
    (Outcome.STOPPED, "stopped", "starter.py start --help"),
    (Outcome.INTERRUPTED, "interrupted", "starter.py start --help"),
    (None, "running", "starter.py watch a"),
])  # fmt: skip
def test_every_outcome_has_a_word_and_something_to_do(outcome: Outcome | None, word: str, command: str) -> None:
    """No outcome is left without an answer."""
    found = first_lines(state(outcome=outcome, reason="because"), CONFIG)
    assert (found.word, found.command) == (word, command) and found.action


def test_a_refusal_names_the_criterion_that_failed() -> None:
    """The sentence names the criterion and its phase, and the reason stands once, below it."""
    found = first_lines(state(row("9"), row("8", "FAIL", None), outcome=Outcome.NOT_GRADUATED), CONFIG)
    assert found.sentence == "Refused in live-test, by criterion positive attributed ROI (8)."
    assert found.why == "name of 8: why 8"


def test_a_stop_names_a_violation_only_where_one_is_open() -> None:
    """A run that a person has stopped has none; what it was in is said to be unjudged."""
    stopped = {"outcome": Outcome.STOPPED, "reason": "Ada stopped it", "unjudged": "live-test"}
    found = first_lines(state(**stopped, criteria={}), CONFIG)
    assert found.sentence == "Stopped: Ada stopped it" and "violation" not in found.action
    assert found.why == "It ended in live-test, which no gate has judged."
    violated = first_lines(state(**stopped, open_violations=1), CONFIG)
    assert violated.command == "starter.py resolve a" and "Clear the open violation" in violated.action


def test_without_a_readable_configuration_nothing_is_projected() -> None:
    """A run of another version is not ready, and no number is made up."""
    found = first_lines(state(row("10", n=60)), None)
    assert found.word == "not ready" and not any(sign.isdigit() for sign in found.sentence)


@pytest.mark.parametrize("outcome", [Outcome.GRADUATED, Outcome.GRADUATED_UNPROVEN, Outcome.PROMOTED])
def test_a_run_whose_pass_was_lost_is_not_called_ready_any_more(outcome: Outcome) -> None:
    """It says which pass, and that the gate must be passed again; without a loss it says as before."""
    sentence = "its pass of live-test counts no more"
    told = first_lines(state(outcome=outcome, lost=[sentence]), CONFIG)
    assert (told.word, told.sentence) == ("demoted", f"Demoted: {sentence}.") and "gate again" in told.action
    assert first_lines(state(outcome=outcome), CONFIG).word != "demoted"
    refused = state(row("1", "FAIL"), outcome=Outcome.NOT_GRADUATED, lost=[sentence])
    assert first_lines(refused, CONFIG).word == "refused"
