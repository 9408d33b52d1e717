"""Where a run stands, in words of people: one sentence, what is missing, and one thing to do next.

What is missing is a projection at the pace so far, and says so; no gate reads it. Touch this to say it otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_live_test import FEWEST_ACTIONS, FEWEST_CAMPAIGNS
from gaelp.domain.gates.criteria_scaled import FEWEST_EFFECTIVE, WEEKS
from gaelp.domain.gates.criteria_table import CRITERIA
from gaelp.domain.gates.verdicts import Inconclusive, Verdict
from gaelp.domain.phases import GOOD_ENDS, Outcome, Phase
from gaelp.domain.simple_rules import without_bar
from gaelp.evidence.reported.earnings import Earnings
from gaelp.money import rounded_money

Row = Mapping[str, Any]
"""A row of the table `verdicts`: one criterion."""
WEEK = 7
WORDS = {
    Outcome.GRADUATED: "ready",
    Outcome.GRADUATED_UNPROVEN: "not ready",
    Outcome.PROMOTED: "not ready",
    Outcome.NOT_GRADUATED: "refused",
    Outcome.STOPPED: "stopped",
    Outcome.INTERRUPTED: "interrupted",
}


@dataclass(frozen=True)
class Outlook:
    """What the undecided criteria of the spending phases would take at the pace so far; spend in micros."""

    days: int
    conversions: int
    spend_micros: int
    criteria: tuple[str, ...]


@dataclass(frozen=True)
class FirstLines:
    """The first lines of a report."""

    word: str
    sentence: str
    why: str  # what is not proven, and why
    action: str
    command: str  # what to type for it; empty where nothing is to be typed


@dataclass(frozen=True)
class ReportedState:
    """What the first lines follow from."""

    run: str
    outcome: Outcome | None  # none: it has not ended
    reason: str
    criteria: Mapping[Phase, Sequence[Row]]
    earned: Mapping[Phase, Earnings]  # by the candidate's campaigns
    asked: Sequence[str]  # a sentence for each open request
    lost: Sequence[str]  # a sentence for each of its passes that a later FAIL has taken
    unjudged: str  # the phase that has begun and that no gate has judged; empty where there is none
    open_violations: int  # that nobody has cleared
    which_money: str = ""  # " (no real money)" of an emulator's account


def outlook(state: ReportedState, config: TrainingConfiguration) -> Outlook | None:
    """The longest wait of each spending phase, added up; None where nothing undecided can be projected."""
    days, conversions, spend = 0, 0.0, 0.0
    named: list[str] = []
    for phase, earned in state.earned.items():
        waits = {
            str(row["criterion"]): wait
            for row in state.criteria.get(phase, ())
            if row["inconclusive"] == Inconclusive.UNDECIDED and (wait := _days_missing(row, earned, config)) > 0
        }
        if not waits or not earned.days:
            continue
        more = max(waits.values())
        days, named = days + more, [*named, *waits]
        conversions += more * earned.conversions / earned.days
        spend += more * earned.spend_micros / earned.days
    return Outlook(days, math.ceil(conversions), math.ceil(spend), tuple(named)) if days else None


def _days_missing(row: Row, earned: Earnings, config: TrainingConfiguration) -> int:
    """More days of campaigns until a criterion can be decided, at the pace so far; 0 where that cannot be said."""
    n, bound, threshold = row["n"] or 0, row["bound"], row["threshold"]
    match row["criterion"]:
        case "8" if bound is not None and threshold is not None and 1 < bound < threshold:
            # The wealth of the bet grows by the same factor each day.
            return math.ceil(n * (math.log(threshold) / math.log(bound) - 1))
        case "9" if n < FEWEST_CAMPAIGNS:
            return (FEWEST_CAMPAIGNS - n) * config.live_test.days
        case "10" if 0 < n < FEWEST_ACTIONS:
            return math.ceil((FEWEST_ACTIONS - n) * earned.days / n)
        case "11" if n < WEEKS:
            return (WEEKS - n) * WEEK
        case "12" if 0 < n < FEWEST_EFFECTIVE:
            return math.ceil((FEWEST_EFFECTIVE - n) * earned.days / n)
    return 0


def first_lines(state: ReportedState, config: TrainingConfiguration | None) -> FirstLines:
    """The sentence and the action. Without a configuration nothing is projected."""
    word = WORDS[state.outcome] if state.outcome else "running"
    if state.outcome is None:
        return _running(state, word)
    if state.lost and state.outcome in GOOD_ENDS:
        action = "Take this state through that gate again, or train another."
        why = _open_ones(state) or "Every criterion of this run has passed."
        return FirstLines("demoted", f"Demoted: {'; '.join(state.lost)}.", why, action, "starter.py attempts")
    if state.outcome is Outcome.GRADUATED:
        action = "Give it a larger envelope, if it is to spend more."
        return FirstLines(word, "Ready: every criterion is proven.", "Nothing is open.", action, "starter.py accounts")
    if state.outcome in (Outcome.GRADUATED_UNPROVEN, Outcome.PROMOTED):
        ahead = outlook(state, config) if config else None
        more = _more(state, ahead, config.currency) if ahead and config else ""
        return FirstLines(word, _not_ready(state, more), _open_ones(state, ahead, more), *_next_step(state, ahead))
    return FirstLines(word, f"{word.capitalize()}{_ended(state)}", _refused(state), *_after(state))


def _ended(state: ReportedState) -> str:
    """How it ended, after its word: by which criteria, or for the reason that was recorded."""
    failed = _failed(state)
    if not failed:
        return f": {state.reason or 'no reason was recorded.'}"
    names = list(dict.fromkeys(_named(str(row["criterion"])) for row in failed))
    return f" in {failed[0]['phase']}, by {'criterion' if len(names) == 1 else 'criteria'} {_listed(names)}."


def _refused(state: ReportedState) -> str:
    """The reason of each criterion that has failed; of a run that ended before its gate, that nobody judged it."""
    if failed := _failed(state):
        return " ".join(f"{row['name']}: {without_bar(str(row['reason']))}" for row in failed)
    before = f"It ended in {state.unjudged}, which no gate has judged." if state.unjudged else ""
    return " ".join(part for part in (before, _open_ones(state)) if part) or "No gate has judged it."


def _running(state: ReportedState, word: str) -> FirstLines:
    if state.asked:
        sentence = f"Waiting for you: {'; '.join(state.asked)}."
        action = "Read what is asked, then sign or refuse."
        return FirstLines("waiting", sentence, _open_so_far(state), action, f"starter.py approve {state.run}")
    reached = [phase.value for phase in state.criteria]
    passed = f"it has gone through the gate of {_listed(reached)}" if reached else "it has reached no gate yet"
    action = "Nothing waits for you; watch it, if you like."
    return FirstLines(word, f"Running: {passed}.", _open_so_far(state), action, f"starter.py watch {state.run}")


def _open_so_far(state: ReportedState) -> str:
    if not state.criteria:
        return "No gate has judged it yet."
    return _open_ones(state) or "Every criterion that was judged so far has passed."


def _not_ready(state: ReportedState, more: str) -> str:
    """`Not ready: N more conversions, about D days, X money.`; no price where no price makes it ready."""
    if never := _never(state):
        return (
            f"Not ready, and no amount of such data makes it so: {len(never)} of its criteria can never be decided by "
            "its logs, its settings and this version."
        )
    return f"Not ready: {more}." if more else "Not ready: no longer test of this kind would decide what is open."


def _more(state: ReportedState, ahead: Outlook, currency: str) -> str:
    conversions, days, spend = (_in_two_figures(each) for each in (ahead.conversions, ahead.days, ahead.spend_micros))
    return (
        f"about {conversions:,} more conversions, {days:,} days of campaigns and {rounded_money(spend, currency)} of "
        f"ad spend{state.which_money}, at its pace so far"
    )


def _in_two_figures(number: int) -> int:
    """Rounded up to two significant figures: a projection knows no more."""
    unit = int(10 ** max(len(str(number)) - 2, 0))
    return -(-number // unit) * unit


def _open_ones(state: ReportedState, ahead: Outlook | None = None, more: str = "") -> str:
    """Which criteria how much more data decides, and what no amount of it does, a sentence each."""
    projected = ahead.criteria if ahead else ()
    undecided = [each for each in _of_kind(state, Inconclusive.UNDECIDED) if each not in projected]
    parts = {
        f"{more[:1].upper()}{more[1:]}, may decide" if _never(state) else "So much more data may decide": projected,
        "More data of the same kind may decide": undecided,
        "Its logs and settings can never decide": _of_kind(state, Inconclusive.UNSUPPORTED),
        "This version does not assess": _of_kind(state, Inconclusive.NOT_ASSESSED),
    }
    said = [f"{head} {named_criteria(part)}." for head, part in parts.items() if part]
    return " ".join([*said, *(["So no amount of such data makes this run ready."] if _never(state) else [])])


def _never(state: ReportedState) -> list[str]:
    """The criteria that no data of the same kind can decide."""
    return [*_of_kind(state, Inconclusive.UNSUPPORTED), *_of_kind(state, Inconclusive.NOT_ASSESSED)]


def named_criteria(criteria: Sequence[str]) -> str:
    """Criteria in a sentence, each by its name and number."""
    return _listed([_named(each) for each in criteria])


def _named(criterion: str) -> str:
    return f"{CRITERIA[criterion].name} ({criterion})" if criterion in CRITERIA else criterion


def _next_step(state: ReportedState, ahead: Outlook | None) -> tuple[str, str]:
    historical = any(row["phase"] == Phase.HISTORICAL for row in _open_rows(state))
    if ahead and not (historical and _never(state)):
        return "See what a longer live test would prove and cost.", "starter.py plan --gate live-test"
    if historical:
        return "Give the next run a log that can decide more (docs/logs.md says which).", "starter.py ingest --help"
    if state.outcome is Outcome.PROMOTED:
        return "Take this agent's state through the next phase.", f"starter.py checkpoints {state.run}"
    return "Read below which criteria are open, and why.", ""


def _after(state: ReportedState) -> tuple[str, str]:
    if state.outcome is Outcome.NOT_GRADUATED:
        return "Change the agent or train it longer; an attempt at the gate is used.", "starter.py attempts"
    if state.outcome is Outcome.STOPPED:
        if state.open_violations:
            return (
                "Clear the open violation, which stands in the way of another run.",
                f"starter.py resolve {state.run}",
            )
        return (
            "Start another run once what was wrong is mended: a stopped one does not go on.",
            "starter.py start --help",
        )
    return "Start it again once the cause is mended: no attempt was used.", "starter.py start --help"


def _failed(state: ReportedState) -> list[Row]:
    return [row for rows in state.criteria.values() for row in rows if row["criterion_verdict"] in _REFUSING]


_REFUSING = (Verdict.FAIL, Verdict.INVALID)


def _open_rows(state: ReportedState) -> list[Row]:
    return [row for rows in state.criteria.values() for row in rows if row["criterion_verdict"] != Verdict.PASS]


def _of_kind(state: ReportedState, kind: Inconclusive) -> list[str]:
    return list(dict.fromkeys(str(row["criterion"]) for row in _open_rows(state) if row["inconclusive"] == kind))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
