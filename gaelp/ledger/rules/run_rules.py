"""What a run that was stopped may still do, which is nothing that can spend, and what a run may be judged by: its own
terms, and ends of its campaigns that are no invention.

Touch this to change any of it.
"""

from __future__ import annotations

from collections.abc import Collection

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused
from gaelp.ledger.stored_records import BegunTerms, RegisteredRun


def judge_run(run: RegisteredRun | None) -> Ruling:
    """Whether the run may reserve and claim. A name that was never registered was never stopped either."""
    if run is not None and run.stopped_at is not None:
        return refused(f"run {run.run} was stopped at {run.stopped_at:%Y-%m-%d %H:%M} UTC: start another")
    return GRANTED


def judge_beginning(run: str, registered: RegisteredRun | None, terms: BegunTerms) -> Ruling:
    """Whether a run may begin on these terms: its name was registered for that account, and it began on no others.

    Whoever reaches Temporal can start a workflow under the name of a run that has ended or was terminated. An ended
    one does not begin again. The other repeats what was on the same terms; on others it would have further tries at a
    gate that count as one.
    """
    if registered is None:
        return refused(f"no run {run!r} was ever registered: start it with `starter.py start`")
    if registered.account != terms.account:
        return refused(f"run {run!r} was registered for account {registered.account}, not for {terms.account}")
    if registered.ended_at is not None:
        return refused(f"run {run!r} ended at {registered.ended_at.isoformat()}: start one of another name")
    starter = registered.starter
    if starter is not None and (starter.agent, starter.config_digest) != (terms.agent, terms.config_digest):
        return refused(
            f"the start of run {run!r} was signed for another agent or configuration: sign and start another"
        )
    begun = (registered.agent, registered.config_digest)
    if begun not in (("", ""), (terms.agent, terms.config_digest)):
        return refused(f"run {run!r} has begun with another agent or configuration before: start one of another name")
    return GRANTED


def judge_judged(run: str, registered: RegisteredRun | None, terms: BegunTerms) -> Ruling:
    """Whether a gate may judge the run, and count an attempt, on these terms: it has begun on them."""
    ruling = judge_beginning(run, registered, terms)
    if ruling.granted and registered is not None and not registered.config_digest:
        return refused(f"run {run!r} has not begun: there is nothing to judge")
    return ruling


def judge_halt(result: CampaignResult, kept: Collection[str]) -> Ruling:
    """Whether a campaign's end counts for its agent: where it was halted, a reading or a cut has kept that very halt.

    Whoever reaches Temporal can answer in the place of the reading, and invent a halt for a loss that never was.
    """
    halted = result.state is EpisodeState.SETTLED and result.reason and not result.interruption
    if not halted or result.reason in kept:
        return GRANTED
    return refused(f"no reading of {result.campaign} has kept its halt in the ledger: {result.reason}")
