"""What a run that was stopped may still do, which is nothing that can spend, and what a run may be judged by.

Touch this to change either.
"""

from __future__ import annotations

from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused
from gaelp.ledger.stored_records import BegunTerms, RegisteredRun


def judge_run(run: RegisteredRun | None) -> Ruling:
    """Whether the run may reserve and claim. A name that was never registered was never stopped either."""
    if run is not None and run.stopped_at is not None:
        return refused(f"run {run.run} was stopped at {run.stopped_at:%Y-%m-%d %H:%M} UTC: start another")
    return GRANTED


def judge_beginning(run: str, registered: RegisteredRun | None, terms: BegunTerms) -> Ruling:
    """Whether a run may begin on these terms: its name was registered for that account, and it began on no others.

    Whoever reaches Temporal can start a workflow under the name of a run that has ended. On the same terms it repeats
    what was; on others it would have further tries at a gate that count as one.
    """
    if registered is None:
        return refused(f"no run {run!r} was ever registered: start it with `starter.py start`")
    if registered.account != terms.account:
        return refused(f"run {run!r} was registered for account {registered.account}, not for {terms.account}")
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
